// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "rest/api.h"
#include "store_fixture.h"

namespace iris::rest {
namespace {

using nlohmann::json;
using store::kHour;
using store::kNoon;

constexpr const char* kToken = "iris_0123456789abcdef";

class AlertsTest : public store::StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    gateway_ = store_->add_gateway("plant-1", std::string(32, 'a'), kNoon)->id;
    other_ = store_->add_gateway("plant-2", std::string(32, 'b'), kNoon)->id;
    put("a1", gateway_, "lateral_movement", 4, kNoon, "modbus1");
    put("b2", gateway_, "command_and_control", 3, kNoon + kHour, "", "gw1/meter");
    put("c3", other_, "crash", 2, kNoon + 2 * kHour, "modbus1");
  }

  void put(const std::string& id, std::int64_t gateway, const std::string& alert_class, int severity, std::uint64_t time,
           const std::string& owner, const std::string& device = "") {
    store::AlertEntry entry;
    entry.id = id;
    entry.gateway_id = gateway;
    entry.wall_ns = entry.last_wall_ns = time;
    entry.alert_class = alert_class;
    entry.severity = severity;
    entry.count = 1;
    entry.owner = owner;
    entry.device = device;
    entry.profile = "image/modbus";
    entry.contact = 18'446'744'073'709'551'615U;
    entry.body = json{{"id", id}, {"class", alert_class}}.dump();
    entry.evidence = "[]";
    ASSERT_TRUE(store_->put_alerts(std::span(&entry, 1), 1));
  }
  Answer ask(const std::string& method, const std::string& path, std::multimap<std::string, std::string> parameters = {}) {
    const Sources sources{store_.get(), [] { return collector::IngestStatus{}; }, [] { return MaintenanceStatus{}; }, {}, {}, "1"};
    return Api(sources, kToken).answer({method, path, std::move(parameters), std::string("Bearer ") + kToken});
  }
  std::string ids(std::multimap<std::string, std::string> parameters = {}) {
    const auto answer = ask("GET", "/api/v1/alerts", std::move(parameters));
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::string all;
    const auto body = json::parse(answer.body);
    for (const auto& alert : body.at("alerts")) all += alert.at("id").get<std::string>() + " ";
    return all;
  }

  std::int64_t gateway_ = 0, other_ = 0;
};

TEST_F(AlertsTest, TheLatestComeFirstAndEachFilterHolds) {
  EXPECT_EQ(ids(), "c3 b2 a1 ");
  EXPECT_EQ(ids({{"gateway", "plant-1"}}), "b2 a1 ");
  EXPECT_EQ(ids({{"severity", "3"}}), "b2 a1 ");
  EXPECT_EQ(ids({{"class", "crash"}}), "c3 ");
  EXPECT_EQ(ids({{"owner", "modbus1"}}), "c3 a1 ");
  EXPECT_EQ(ids({{"device", "gw1/meter"}}), "b2 ");
  EXPECT_EQ(ids({{"from", "2026-01-02T12:30:00Z"}, {"to", "2026-01-02T13:30:00Z"}}), "b2 ");
  EXPECT_EQ(ids({{"limit", "1"}, {"offset", "1"}}), "b2 ");
  EXPECT_EQ(ids({{"status", "closed"}}), "");
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"severity", "6"}, {"class", "nonsense"}, {"status", "gone"}, {"gateway", "nobody"}, {"peer", "10.0.0.1"}})
    EXPECT_EQ(ask("GET", "/api/v1/alerts", {{name, value}}).status, 400) << name;
}

TEST_F(AlertsTest, AWordOnAnAlertStaysAndTheJudgeGetsIt) {
  const auto acknowledged = ask("POST", "/api/v1/alerts/a1/acknowledge");
  EXPECT_EQ(acknowledged.status, 200);
  EXPECT_EQ(json::parse(acknowledged.body).at("status"), "acknowledged");
  EXPECT_EQ(json::parse(ask("POST", "/api/v1/alerts/b2/false_positive").body).at("status"), "false_positive");
  EXPECT_EQ(json::parse(ask("POST", "/api/v1/alerts/c3/close").body).at("status"), "closed");
  EXPECT_EQ(json::parse(ask("GET", "/api/v1/alerts/c3").body).at("status"), "closed");
  EXPECT_EQ(ids({{"status", "false_positive"}}), "b2 ");
  const auto inputs = store_->judge_inputs(0, 1'000'000);
  ASSERT_EQ(inputs->size(), 3U);
  EXPECT_EQ((*inputs)[1].kind, store::JudgeInput::Kind::verdict);
  EXPECT_EQ((*inputs)[1].body, "b2\n2\n18446744073709551615\nimage/modbus");
  // That it grows does not open it again.
  put("c3", other_, "crash", 2, kNoon + 3 * kHour, "modbus1");
  EXPECT_EQ(json::parse(ask("GET", "/api/v1/alerts/c3").body).at("status"), "closed");
}

TEST_F(AlertsTest, WhatIsNotThereIsSaid) {
  EXPECT_EQ(ask("GET", "/api/v1/alerts/zz").status, 404);
  EXPECT_EQ(ask("POST", "/api/v1/alerts/zz/close").status, 404);
  EXPECT_EQ(ask("POST", "/api/v1/alerts/a1/explode").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/alerts/a1/close").status, 405);
  EXPECT_EQ(ask("POST", "/api/v1/alerts/a1").status, 405);
  EXPECT_EQ(ask("DELETE", "/api/v1/alerts/a1").status, 405);
  EXPECT_EQ(ask("POST", "/api/v1/alerts").status, 405);
  EXPECT_EQ(ask("GET", "/api/v1/alerts/a1/incident").status, 410);  // no input was set aside
  EXPECT_EQ(json::parse(ask("GET", "/api/v1/alerts/a1").body).at("status"), "open");
}

TEST_F(AlertsTest, NothingWithoutTheToken) {
  const Sources sources{store_.get(), [] { return collector::IngestStatus{}; }, [] { return MaintenanceStatus{}; }, {}, {}, "1"};
  const Api api(sources, kToken);
  for (const auto* path : {"/api/v1/alerts", "/api/v1/alerts/a1", "/api/v1/alerts/a1/incident", "/api/v1/profiles"})
    EXPECT_EQ(api.answer({"GET", path, {}, "Bearer wrong"}).status, 401) << path;
  EXPECT_EQ(api.answer({"POST", "/api/v1/alerts/a1/close", {}, ""}).status, 401);
  EXPECT_EQ(json::parse(ask("GET", "/api/v1/alerts/a1").body).at("status"), "open");
}

TEST_F(AlertsTest, ProfilesAreBriefInTheListAndWholeByKey) {
  const store::JudgeState states[] = {
      {store::JudgeState::Kind::profile, "image/a", "x", R"({"key":"image/a","contacts":[{"peer":"p"}],"hours_of_week":[1]})"},
      {store::JudgeState::Kind::profile, "image/b", "x", R"({"key":"image/b","contacts":[]})"},
      {store::JudgeState::Kind::gateway, "plant-1", "x", ""}};
  ASSERT_TRUE(store_->checkpoint(states, 0, kNoon));
  const auto list = json::parse(ask("GET", "/api/v1/profiles").body);
  ASSERT_EQ(list.at("profiles").size(), 2U);
  EXPECT_EQ(list.at("profiles")[0].at("contacts"), 1);
  EXPECT_FALSE(list.at("profiles")[0].contains("hours_of_week"));
  const auto whole = json::parse(ask("GET", "/api/v1/profiles", {{"key", "image/a"}}).body);
  ASSERT_EQ(whole.at("profiles").size(), 1U);
  EXPECT_EQ(whole.at("profiles")[0].at("contacts")[0].at("peer"), "p");
}

TEST_F(AlertsTest, ChangesAreThoseWorthTelling) {
  const auto last = [&] { return store_->alert_changes(0, 100)->back().change; };
  EXPECT_EQ(store_->alert_changes(0, 100)->size(), 3U);
  EXPECT_EQ(*store_->sink_position("new"), 3U);  // begins at the end
  const auto grown = [&](std::uint64_t count, int severity) {
    store::AlertEntry entry;
    entry.id = "a1";
    entry.gateway_id = gateway_;
    entry.count = count;
    entry.severity = severity;
    entry.body = "{}";
    entry.evidence = "[]";
    ASSERT_TRUE(store_->put_alerts(std::span(&entry, 1), 1));
  };
  grown(2, 4);
  EXPECT_EQ(last(), 4U);  // twice as many
  grown(3, 4);
  EXPECT_EQ(last(), 4U);
  grown(3, 5);
  EXPECT_EQ(last(), 5U);  // graver
  ASSERT_TRUE(store_->set_alert_state("a1", store::AlertState::closed));
  EXPECT_EQ(last(), 6U);
  EXPECT_EQ(store_->alert_changes(3, 100)->size(), 1U);
  ASSERT_TRUE(store_->set_sink_position("new", 6));
  EXPECT_EQ(*store_->sink_position("new"), 6U);
}

}  // namespace
}  // namespace iris::rest
