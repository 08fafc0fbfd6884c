// SPDX-License-Identifier: Apache-2.0
#include "identity/deployments.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace iris::identity {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

constexpr const char* kTwin = R"({"deviceId":"gw1","configurations":{"site-a":{"status":"Targeted"},"logging":{"status":"Targeted"}}})";
constexpr const char* kAgent = R"({"deviceId":"gw1","moduleId":"$edgeAgent","configurations":{"site-a":{"status":"Applied"}}})";
constexpr const char* kDocument =
    R"({"id":"site-a","labels":{"name":"Site A"},"priority":10,"targetCondition":"tags.site='plant-a'","lastUpdatedTimeUtc":"2030-01-01T00:00:00Z",
    "content":{"modulesContent":{"$edgeAgent":{"properties.desired":{"runtime":{"settings":{"registryCredentials":{"r1":{"password":"REGSECRET"}}}}}}}},
    "systemMetrics":{"results":{"targetedCount":3,"appliedCount":2},"queries":{}}})";

Json read(const std::vector<std::string>& documents, std::string_view twin = kTwin, std::string_view agent = kAgent) {
  const auto text = read_deployments({twin, agent, documents});
  return text.empty() ? Json() : Json::parse(text);
}

TEST(Deployments, WhatTheTwinsNameWithWhatTheDocumentsSay) {
  const auto found = read({kDocument, R"({"id":"of-others","priority":1})"});
  const Json expected = {{"site-a",
                          {{"status", "Applied"},
                           {"kind", "deployment"},
                           {"priority", 10},
                           {"targetCondition", "tags.site='plant-a'"},
                           {"labels", {{"name", "Site A"}}},
                           {"lastUpdatedTimeUtc", "2030-01-01T00:00:00Z"},
                           {"targetedCount", 3},
                           {"appliedCount", 2}}},
                         {"logging", {{"status", "Targeted"}}}};
  EXPECT_EQ(found, expected);
}

TEST(Deployments, ThatMayNotBeReadAreNamedAllTheSame) {
  EXPECT_EQ(read({}), (Json{{"site-a", {{"status", "Applied"}}}, {"logging", {{"status", "Targeted"}}}}));
  EXPECT_EQ(read({kDocument}, R"({"deviceId":"gw1"})", ""), Json());
}

TEST(Deployments, KindsAreToldApart) {
  const auto kind = [](const std::string& content) {
    return read({R"({"id":"site-a","content":)" + content + "}"}).at("site-a").value("kind", "");
  };
  EXPECT_EQ(kind(R"({"modulesContent":{"$edgeAgent":{"properties.desired":{}}}})"), "deployment");
  EXPECT_EQ(kind(R"({"modulesContent":{"$edgeAgent":{"properties.desired.modules.modbus1":{}}}})"), "layered_deployment");
  EXPECT_EQ(kind(R"({"deviceContent":{"properties.desired.a":1}})"), "configuration");
  EXPECT_EQ(kind("[]"), "");
  EXPECT_EQ(kind(R"({"modulesContent":7})"), "");
}

TEST(Deployments, HostileDocumentsChangeNothing) {
  for (const char* document : {"", "{", "[]", "7", "null", R"({"id":7})", R"({"id":null})", R"({"id":"site-a","systemMetrics":[]})",
                               R"({"id":"site-a","systemMetrics":{"results":{"targetedCount":-1,"appliedCount":"many"}}})",
                               R"({"id":"site-a","priority":{},"labels":"x","targetCondition":{"a":1}})"}) {
    EXPECT_EQ(read({document}).at("logging"), (Json{{"status", "Targeted"}})) << document;
    EXPECT_EQ(read({document}).at("site-a").value("status", ""), "Applied") << document;
    EXPECT_FALSE(read({document}).at("site-a").contains("targetedCount")) << document;
  }
  for (const char* twin : {"", "{", "[]", R"({"configurations":[]})", R"({"configurations":{"":{}}})", R"({"configurations":{"a\nb":{}}})"}) {
    EXPECT_EQ(read({kDocument}, twin, ""), Json()) << twin;
  }
  EXPECT_EQ(read({}, R"({"configurations":{"a":7,"b":{"status":{}}}})", ""), (Json{{"a", Json::object()}, {"b", Json::object()}}));
  Json many = Json::object();
  for (int i = 0; i < 1000; ++i) many["d" + std::to_string(i)] = {{"status", "Applied"}};
  EXPECT_EQ(read({}, Json{{"configurations", many}}.dump(), "").size(), 100u);
}

TEST(Deployments, NoSecretOfTheirContentsGetsIn) {
  EXPECT_THAT(read_deployments({kTwin, kAgent, std::vector<std::string>{kDocument}}), Not(HasSubstr("REGSECRET")));
}

TEST(Deployments, StandBesideTheConfiguration) {
  EXPECT_EQ(with_deployments("", ""), "");
  EXPECT_EQ(with_deployments(R"({"a":1})", ""), R"({"a":1})");
  EXPECT_EQ(with_deployments(R"({"a":1})", R"({"x":{"priority":1}})"), R"({"a":1,"deployments":{"x":{"priority":1}}})");
  EXPECT_EQ(with_deployments("", R"({"x":{"priority":1}})"), R"({"deployments":{"x":{"priority":1}}})");
  EXPECT_EQ(with_deployments("no object", R"({"x":{"priority":1}})"), "no object");
}

}  // namespace
}  // namespace iris::identity
