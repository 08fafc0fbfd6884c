// SPDX-License-Identifier: Apache-2.0
#include "notify/cef.h"

#include <gmock/gmock.h>

#include "notify/cef_reader.h"
#include "notify/sample_alerts.h"

namespace iris::notify {
namespace {

using test_support::CefLine;
using test_support::json_of;
using test_support::sample_alert;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

constexpr std::size_t kRoom = 7000;

CefEvent event_of(const std::string& json, std::size_t max_bytes = kRoom) {
  const auto event = to_cef(json, "0.1.0", max_bytes);
  EXPECT_TRUE(event) << event.error().message;
  return event.value_or(CefEvent{});
}

CefLine line_of(const std::string& json, std::size_t max_bytes = kRoom) {
  const auto event = event_of(json, max_bytes);
  const auto line = test_support::read_cef(event.line);
  EXPECT_TRUE(line) << event.line;
  return line.value_or(CefLine{});
}

TEST(Cef, AnAlertWithAFlowAsEvidence) {
  const auto event = event_of(json_of(sample_alert(), R"({"id":"pump-7","kind":"leaf"})"));
  EXPECT_EQ(event.line,
            "CEF:0|Iris|iris-collector|0.1.0|command_and_control|Failing new peer|8|rt=1793613600123 start=1793613542000 "
            "end=1793613600123 cnt=37 act=open externalId=01JBX4 cat=command_and_control "
            "deviceExternalId=gw-17.example.net dvchost=gw-17.example.net src=172.18.0.5 dst=203.0.113.66 dpt=6667 "
            "proto=TCP deviceDirection=1 in=2220 out=0 dhost=irc.example.net sproc=pumpd cs1Label=module "
            "cs1=pump-reader cs2Label=image cs2=registry.example/pump@sha256:4f1c cs3Label=attack cs3=T1571,T1095 "
            "cs4Label=device cs4=pump-7 cs5Label=subject cs5=pump-reader reason=failing_new_peer,known_risky_outbound "
            "msg=37 of 37 tries unanswered\\nlearned peers \\= 2");
  EXPECT_EQ(event.severity, 4);
  EXPECT_EQ(event.wall_ns, test_support::kFound + 123'456'789);
  EXPECT_EQ(event.gateway, "gw-17.example.net");
  EXPECT_EQ(event.alert_class, "command_and_control");
}

TEST(Cef, OfAResponderThePeerIsTheSource) {
  auto alert = sample_alert();
  auto& talk = std::get<flow::FlowRecord>(alert.evidence[0]);
  talk.role = flow::Role::responder;
  talk.originator_bytes = 10;
  talk.responder_bytes = 20;
  const auto keys = line_of(json_of(alert)).extension;
  EXPECT_EQ(keys.at("src"), "203.0.113.66");
  EXPECT_EQ(keys.at("dst"), "172.18.0.5");
  EXPECT_EQ(keys.at("dpt"), "6667");
  EXPECT_EQ(keys.at("deviceDirection"), "0");
  EXPECT_EQ(keys.at("in"), "10");  // from the source to the destination
  EXPECT_EQ(keys.at("out"), "20");
  EXPECT_EQ(keys.at("shost"), "irc.example.net");
  EXPECT_EQ(keys.at("dproc"), "pumpd");
  EXPECT_FALSE(keys.contains("sproc"));
}

TEST(Cef, SixthVersionAddressesHaveKeysOfTheirOwn) {
  auto alert = sample_alert();
  auto& talk = std::get<flow::FlowRecord>(alert.evidence[0]);
  talk.local_address = base::IpAddress::parse("2001:db8::5");
  talk.peer_address = base::IpAddress::parse("2001:db8::66");
  const auto keys = line_of(json_of(alert)).extension;
  EXPECT_EQ(keys.at("c6a2"), "2001:db8::5");
  EXPECT_EQ(keys.at("c6a2Label"), "Source IPv6 Address");
  EXPECT_EQ(keys.at("c6a3"), "2001:db8::66");
  EXPECT_EQ(keys.at("c6a3Label"), "Destination IPv6 Address");
  EXPECT_FALSE(keys.contains("src") || keys.contains("dst"));
}

TEST(Cef, AConnectionKnowsBothPorts) {
  auto alert = sample_alert();
  flow::SocketEvent one;
  one.type = flow::SocketEventType::failed;
  one.wall_ns = test_support::kFound;
  one.protocol = 17;
  one.pid = 77;
  one.process = "pumpd";
  one.local_address = *base::IpAddress::parse("172.18.0.5");
  one.local_port = 40'001;
  one.peer_address = *base::IpAddress::parse("203.0.113.66");
  one.peer_port = 53;
  alert.evidence = {one};
  const auto keys = line_of(json_of(alert)).extension;
  EXPECT_EQ(keys.at("spt"), "40001");
  EXPECT_EQ(keys.at("dpt"), "53");
  EXPECT_EQ(keys.at("proto"), "UDP");
  EXPECT_EQ(keys.at("spid"), "77");
}

TEST(Cef, AnExitHasAProcessAndNoAddresses) {
  auto alert = sample_alert();
  flow::ExitRecord exit;
  exit.wall_ns = test_support::kFound - test_support::kSecond;
  exit.pid = 4711;
  exit.process = "pumpd";
  alert.evidence = {exit};
  const auto keys = line_of(json_of(alert)).extension;
  EXPECT_EQ(keys.at("sproc"), "pumpd");
  EXPECT_EQ(keys.at("spid"), "4711");
  EXPECT_EQ(keys.at("start"), "1793613599000");
  EXPECT_FALSE(keys.contains("src") || keys.contains("proto") || keys.contains("deviceDirection"));
}

TEST(Cef, SeveritiesAsTheTableSays) {
  const std::pair<int, const char*> cases[] = {{1, "1"}, {2, "3"}, {3, "5"}, {4, "8"}, {5, "10"}, {0, "1"}, {99, "10"}};
  for (const auto& [ours, theirs] : cases) {
    EXPECT_EQ(line_of(Json{{"severity", ours}}.dump()).header[6], theirs) << ours;
  }
  EXPECT_EQ(line_of("{}").header[6], "5");
}

TEST(Cef, NoTextForgesAKeyAFieldOrALine) {
  const std::string hostile = "a\\ act=closed src=198.51.100.9 | x\r\ny\tz\x1b[31m\x7f\u0085\u00e4";
  const std::string shown = "a\\ act=closed src=198.51.100.9 | x\r\ny z[31m\u00e4";
  Json alert = Json::parse(json_of(sample_alert()));
  alert["summary"] = alert["id"] = alert["subject"] = alert["gateway"] = alert["rule"] = alert["class"] = hostile;
  alert["evidence"][0]["processes"] = {hostile};
  alert["evidence"][0]["peer_names"] = {hostile};
  alert["owner"]["module_id"] = hostile;
  const auto event = event_of(alert.dump());
  EXPECT_EQ(event.line.find_first_of("\n\r\t\x1b\x7f"), std::string::npos);
  const auto line = line_of(alert.dump());
  EXPECT_EQ(line.header[4], "a\\ act=closed src=198.51.100.9 | x  y z[31m\u00e4");
  for (const char* key : {"msg", "cs5", "cs1", "sproc", "dhost", "deviceExternalId", "cat"}) {
    EXPECT_EQ(line.extension.at(key), shown) << key;
  }
  EXPECT_EQ(line.extension.at("act"), "open");
  EXPECT_EQ(line.extension.at("src"), "172.18.0.5");
}

TEST(Cef, ValuesAreCutBeforeTheyAreEscaped) {
  Json alert = Json::parse(json_of(sample_alert()));
  alert["id"] = std::string(41, '=');
  alert["gateway"] = std::string(300, 'g');
  alert["status"] = std::string(100, 's');
  alert["summary"] = std::string(1022, '\\') + "\u00e4";  // the last character does not fit as a whole
  alert["evidence"][0]["protocol"] = std::string(50, 'p');
  const auto keys = line_of(alert.dump()).extension;
  EXPECT_EQ(keys.at("externalId"), std::string(40, '='));
  EXPECT_EQ(keys.at("dvchost"), std::string(100, 'g'));
  EXPECT_EQ(keys.at("deviceExternalId"), std::string(255, 'g'));
  EXPECT_EQ(keys.at("act"), std::string(63, 's'));
  EXPECT_EQ(keys.at("proto"), std::string(31, 'P'));
  EXPECT_EQ(keys.at("msg"), std::string(1022, '\\'));
}

TEST(Cef, ALineThatMustBeShortLosesItsTextFirst) {
  Json alert = Json::parse(json_of(sample_alert()));
  alert["summary"] = "begin" + std::string(900, '=');
  const auto whole = line_of(alert.dump(), kRoom).extension;
  const auto event = event_of(alert.dump(), 1200);
  EXPECT_GE(event.line.size(), 1199u);  // what there is room for is used
  EXPECT_LE(event.line.size(), 1200u);
  auto keys = line_of(alert.dump(), 1200).extension;
  EXPECT_THAT(keys.at("msg"), testing::StartsWith("begin="));
  EXPECT_LT(keys.at("msg").size(), 900u);
  keys["msg"] = whole.at("msg");
  EXPECT_EQ(keys, whole);

  alert["owner"]["image"] = std::string(1000, 'i');  // too long: left out together with its label
  const auto without = line_of(alert.dump(), 1200).extension;
  EXPECT_FALSE(without.contains("cs2") || without.contains("cs2Label"));
  EXPECT_TRUE(without.contains("reason"));
}

TEST(Cef, WhatIsNoObjectIsRefusedForGood) {
  for (const char* text : {"", "x", "[]", "null", "\"alert\"", "{\"id\":\"\xff\"}", "{}{}"}) {
    const auto event = to_cef(text, "0", kRoom);
    ASSERT_FALSE(event) << text;
    EXPECT_EQ(event.error().kind, base::Error::Kind::usage);
  }
  EXPECT_FALSE(to_cef(std::string((4u << 20) + 1, ' '), "0", kRoom));
  const std::string deep(100'000, '[');
  EXPECT_FALSE(to_cef(deep, "0", kRoom));
  EXPECT_TRUE(to_cef("{\"a\":" + deep + std::string(100'000, ']') + "}", "0", kRoom));
}

/// Each member in turn is something else than the contract says.
void replace_each(const Json& whole, Json& part, const std::vector<Json>& values) {
  for (auto& item : part) {
    const Json kept = item;
    for (const Json& value : values) {
      item = value;
      const auto event = to_cef(whole.dump(), "0.1.0", kRoom);
      ASSERT_TRUE(event);
      EXPECT_TRUE(test_support::read_cef(event->line)) << event->line;
    }
    item = kept;
    if (item.is_structured()) replace_each(whole, item, values);
  }
}

TEST(Cef, OddValuesAreLeftOut) {
  Json alert = Json::parse(json_of(sample_alert(), R"({"id":"pump-7"})"));
  const std::vector<Json> odd = {nullptr, true, -1, 1e300, UINT64_MAX, "", "\\", "=", " ", "\n", Json::array(),
                                 Json::array({Json::array(), 1, "a"}), Json::object(), Json{{"id", 1}}};
  replace_each(alert, alert, odd);
}

TEST(Cef, AnEmptyAlertIsAnEventStill) {
  EXPECT_EQ(event_of("{}").line, "CEF:0|Iris|iris-collector|0.1.0|alert|Alert|5|");
}

TEST(Cef, TextsAreCutBetweenCharacters) {
  EXPECT_EQ(cut_utf8("abc", 3), "abc");
  EXPECT_EQ(cut_utf8("ab\u00e4", 3), "ab");
  EXPECT_EQ(cut_utf8("\U0001F600", 3), "");
  EXPECT_EQ(cut_utf8("a\U0001F600", 5), "a\U0001F600");
}

}  // namespace
}  // namespace iris::notify
