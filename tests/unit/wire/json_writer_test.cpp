// SPDX-License-Identifier: Apache-2.0
#include "wire/json_writer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "sample_records.h"

namespace iris::wire {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

Json json_of(const flow::Record& record) {
  JsonWriter writer;
  std::string line;
  writer.append(line, record);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line each";
  return Json::parse(line);
}

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

// The contract: names, order, and nothing beside them.
const std::vector<std::string> kOwnerKeys{"kind",    "id",        "container_id", "name",  "image",
                                          "runtime", "module_id", "device_id",    "labels"};
const std::vector<std::string> kFlowKeys{
    "type",           "window_start",    "window_end",       "owner",             "role",
    "protocol",       "local_address",   "peer_address",     "service_port",      "peer_names",
    "peer_owner",     "peer_device",     "scope",            "opened",            "established",
    "closed",         "active",          "failed",           "originator_bytes",  "responder_bytes",
    "originator_packets", "responder_packets", "retransmits", "rtt_us",           "first_seen",
    "last_seen",      "processes",       "pre_existing",     "folded",            "attribution"};
const std::vector<std::string> kEventKeys{"type",          "time",       "owner",        "pid",       "process", "protocol",
                                          "local_address", "local_port", "peer_address", "peer_port", "role"};
const std::vector<std::string> kExitKeys{"type",       "time",         "owner",     "pid",     "process",
                                         "executable", "exit_code",    "signal",    "core_dumped", "oom_killed",
                                         "main_process", "killed_by",  "started",   "stack",   "class"};

TEST(JsonWriter, FlowKeepsTheContract) {
  const Json flow = json_of(samples::full_flow());
  EXPECT_THAT(keys(flow), ElementsAreArray(kFlowKeys));
  EXPECT_EQ(flow["type"], "flow");
  EXPECT_EQ(flow["window_start"], "2026-01-02T03:04:05.006000007Z");
  EXPECT_EQ(flow["window_end"], "2026-01-02T03:04:15.006000007Z");
  EXPECT_EQ(flow["role"], "originator");
  EXPECT_EQ(flow["protocol"], "tcp");
  EXPECT_EQ(flow["local_address"], "203.0.113.5");
  EXPECT_EQ(flow["peer_address"], "2001:db8::5:1");
  EXPECT_EQ(flow["service_port"], 502);
  EXPECT_EQ(flow["peer_names"], Json({"meter.example", "meter2.example"}));
  EXPECT_EQ(flow["peer_owner"]["kind"], "host");
  EXPECT_EQ(flow["peer_device"], "meter-9");
  EXPECT_EQ(flow["scope"], "site");
  EXPECT_THAT(keys(flow["failed"]), ElementsAre("refused", "timed_out", "unreachable", "reset", "denied", "other"));
  EXPECT_EQ(flow["failed"]["other"], 10);
  EXPECT_EQ(flow["rtt_us"], Json({{"min", 16}, {"mean", 17}, {"max", 18}}));
  EXPECT_EQ(flow["processes"], Json({"modbusd", "sh"}));
  int expected = 1;
  for (const char* key : {"opened", "established", "closed", "active"}) EXPECT_EQ(flow[key], expected++) << key;
  expected = 11;
  for (const char* key : {"originator_bytes", "responder_bytes", "originator_packets", "responder_packets", "retransmits"}) {
    EXPECT_EQ(flow[key], expected++) << key;
  }
  EXPECT_EQ(flow["pre_existing"], true);
  EXPECT_EQ(flow["folded"], true);
  EXPECT_EQ(flow["attribution"], "exact");
}

TEST(JsonWriter, OwnerKeepsTheContract) {
  const Json owner = json_of(samples::full_flow())["owner"];
  EXPECT_THAT(keys(owner), ElementsAreArray(kOwnerKeys));
  EXPECT_EQ(owner["kind"], "container");
  EXPECT_EQ(owner["id"], 4711);
  EXPECT_EQ(owner["container_id"], std::string(64, 'c'));
  EXPECT_EQ(owner["module_id"], "modbus");
  EXPECT_EQ(owner["labels"]["b \"quoted\""], "2\n");
}

TEST(JsonWriter, WhatIsNotKnownIsNullAndNeverInvented) {
  const Json flow = json_of(flow::FlowRecord{});
  EXPECT_THAT(keys(flow), ElementsAreArray(kFlowKeys));
  for (const char* key : {"window_start", "window_end", "owner", "local_address", "peer_address", "service_port",
                          "peer_owner", "peer_device", "rtt_us", "first_seen", "last_seen"}) {
    EXPECT_TRUE(flow[key].is_null()) << key;
  }
  EXPECT_EQ(flow["peer_names"], Json::array());
  EXPECT_EQ(flow["opened"], 0);

  flow::FlowRecord nameless;
  nameless.owner = std::make_shared<const flow::Owner>();
  const Json owner = json_of(nameless)["owner"];
  EXPECT_THAT(keys(owner), ElementsAreArray(kOwnerKeys));
  for (const auto& [key, value] : owner.items()) EXPECT_EQ(value.is_null(), key != "kind") << key;
}

TEST(JsonWriter, EventsKeepTheContract) {
  const Json close = json_of(samples::full_close());
  auto expected = kEventKeys;
  expected.insert(expected.end(), {"reason", "originator_bytes", "responder_bytes", "duration_us", "conn_state"});
  EXPECT_THAT(keys(close), ElementsAreArray(expected));
  EXPECT_EQ(close["time"], "2026-01-02T03:04:05.006000007Z");
  EXPECT_EQ(close["pid"], 1234);
  EXPECT_EQ(close["process"], "modbusd");
  EXPECT_EQ(close["local_port"], 40'000);
  EXPECT_EQ(close["peer_address"], "198.51.100.20");
  EXPECT_EQ(close["role"], "responder");
  EXPECT_EQ(close["reason"], "reset");
  EXPECT_EQ(close["originator_bytes"], 0);  // known to be none, which is not null
  EXPECT_EQ(close["responder_bytes"], UINT64_MAX);
  EXPECT_EQ(close["conn_state"], "RSTR");

  for (int type = 0; type <= static_cast<int>(flow::SocketEventType::udp); ++type) {
    const auto kind = static_cast<flow::SocketEventType>(type);
    const Json event = json_of(samples::event_of(kind));
    auto wanted = kEventKeys;
    if (kind == flow::SocketEventType::failed) wanted.emplace_back("reason");
    if (kind == flow::SocketEventType::close) {
      wanted.insert(wanted.end(), {"originator_bytes", "responder_bytes", "duration_us", "conn_state"});
    }
    EXPECT_THAT(keys(event), ElementsAreArray(wanted));
    EXPECT_EQ(event["type"], flow::to_string(kind));
  }
}

TEST(JsonWriter, AListenerHasNoPeer) {
  flow::SocketEvent event = samples::event_of(flow::SocketEventType::listen);
  event.peer_address = {};
  event.peer_port = 0;
  const Json listen = json_of(event);
  EXPECT_TRUE(listen["peer_address"].is_null());
  EXPECT_TRUE(listen["peer_port"].is_null());
}

TEST(JsonWriter, ExitKeepsTheContract) {
  const Json exit = json_of(samples::full_exit());
  EXPECT_THAT(keys(exit), ElementsAreArray(kExitKeys));
  EXPECT_EQ(exit["exit_code"], 139);
  EXPECT_EQ(exit["signal"], "SIGSEGV");
  EXPECT_THAT(keys(exit["killed_by"]), ElementsAre("pid", "process", "owner"));
  EXPECT_EQ(exit["killed_by"]["owner"]["name"], "host");
  ASSERT_EQ(exit["stack"].size(), 2U);
  EXPECT_EQ(exit["stack"][0],
            Json({{"build_id", "abcdef0123"}, {"offset", 0x1234}, {"symbol", "read_holding"}, {"module", "/app/modbusd"}}));
  EXPECT_TRUE(exit["stack"][1]["build_id"].is_null());
  EXPECT_EQ(exit["class"], "crash");

  const Json bare = json_of(flow::ExitRecord{});
  EXPECT_THAT(keys(bare), ElementsAreArray(kExitKeys));
  for (const char* key : {"time", "owner", "pid", "process", "executable", "signal", "killed_by", "started", "stack"}) {
    EXPECT_TRUE(bare[key].is_null()) << key;
  }
  EXPECT_EQ(bare["class"], "clean");
}

TEST(JsonWriter, TheOtherRecordsKeepTheContract) {
  const Json ledger = json_of(samples::full_ledger());
  EXPECT_THAT(keys(ledger), ElementsAre("type", "window_start", "window_end", "sequence", "produced", "delivered",
                                        "folded", "dropped"));
  EXPECT_EQ(ledger["dropped"], Json({{"decode", 1}, {"ring_full", 5}}));

  const Json exec = json_of(samples::full_exec());
  EXPECT_THAT(keys(exec), ElementsAre("type", "time", "owner", "pid", "process", "executable"));
  EXPECT_EQ(exec["type"], "exec");

  const Json dns = json_of(samples::full_dns());
  EXPECT_THAT(keys(dns), ElementsAre("type", "time", "owner", "question_name", "addresses", "response_code"));
  EXPECT_EQ(dns["addresses"], Json({"198.51.100.20", "2001:db8::20"}));

  const Json container = json_of(samples::full_container());
  EXPECT_THAT(keys(container), ElementsAre("type", "time", "change", "owner", "pid", "addresses"));
  EXPECT_EQ(container["change"], "updated");
}

TEST(JsonWriter, IdentitiesKeepTheContract) {
  const Json change = json_of(samples::full_device());
  EXPECT_THAT(keys(change), ElementsAre("type", "time", "change", "device"));
  EXPECT_EQ(change["type"], "device");
  EXPECT_EQ(change["change"], "updated");
  const Json& device = change["device"];
  EXPECT_THAT(keys(device), ElementsAre("id", "kind", "pattern", "sources", "tags", "configuration", "addresses", "parent",
                                        "module_id", "status", "deployed", "conflicts"));
  EXPECT_EQ(device["kind"], "manufactured");
  EXPECT_EQ(device["pattern"], "protocol_translation");
  EXPECT_EQ(device["tags"], Json({{"site", "plant-a"}}));
  EXPECT_EQ(device["configuration"]["units"], Json({1, 2}));
  EXPECT_EQ(device["addresses"], Json({"198.51.100.20:502", "[2001:db8::20]:502", "/dev/ttyS0"}));
  EXPECT_EQ(device["deployed"], false);
  const Json nothing = json_of(flow::DeviceRecord{})["device"];
  for (const char* key : {"id", "pattern", "tags", "configuration", "parent", "module_id", "status"}) {
    EXPECT_TRUE(nothing[key].is_null()) << key;
  }

  const Json event = json_of(samples::full_security());
  EXPECT_THAT(keys(event), ElementsAre("type", "time", "reason", "severity", "device_id", "module_id", "category", "operation",
                                       "code", "description", "protocol", "remote_address", "hub", "device"));
  EXPECT_EQ(event["type"], "security");
  EXPECT_EQ(event["reason"], "duplicate_identity");
  EXPECT_EQ(event["description"], "closed, \"new\"");
  EXPECT_TRUE(json_of(flow::SecurityRecord{})["device"].is_null());
}

TEST(JsonWriter, TagsThatAreNoObjectOrTooDeepAreNull) {
  flow::DeviceRecord change = samples::full_device();
  const std::string deep = R"({"a":)" + std::string(30'000, '[') + std::string(30'000, ']') + "}";
  for (const std::string& tags : {std::string("not JSON"), std::string("[1]"), std::string("{\"a\":1"), deep}) {
    change.device.tags = tags;
    EXPECT_TRUE(json_of(change)["device"]["tags"].is_null()) << tags.substr(0, 20);
  }
  change.device.tags = "{\n\"a\":\"\xff\"}";  // lines and invalid UTF-8 cannot break out
  EXPECT_FALSE(json_of(change)["device"].is_null());
}

TEST(JsonWriter, CachesNeverShowAnotherRecordsText) {
  JsonWriter writer;
  for (int i = 0; i < 3000; ++i) {  // more owners, addresses and seconds than are kept
    flow::Owner owner;
    owner.cgroup_id = static_cast<std::uint64_t>(i) + 1;
    flow::SocketEvent event = samples::event_of(flow::SocketEventType::connect);
    event.owner = std::make_shared<const flow::Owner>(owner);
    event.wall_ns = static_cast<std::uint64_t>(i) * 500'000'000 + 1;
    event.peer_address.bytes[14] = static_cast<std::uint8_t>(i / 256);
    event.peer_address.bytes[15] = static_cast<std::uint8_t>(i);
    std::string line;
    writer.append(line, event);
    const Json json = Json::parse(line);
    ASSERT_EQ(json["owner"]["id"], i + 1);
    ASSERT_EQ(json["peer_address"], event.peer_address.to_string());
    ASSERT_EQ(json["time"].get<std::string>().substr(17), i % 2 == 0 ? fmt::format("{:02}.000000001Z", i / 2 % 60)
                                                                    : fmt::format("{:02}.500000001Z", i / 2 % 60));
  }
}

TEST(JsonWriter, AProcessNameOfEscapesFits) {
  flow::SocketEvent event = samples::event_of(flow::SocketEventType::connect);
  event.process = std::string(500, '\x01');
  EXPECT_EQ(json_of(event)["process"], event.process);
}

TEST(JsonString, ReplacesWhatIsNotUtf8AsOtherLibrariesDo) {
  const auto escaped = [](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  };
  EXPECT_EQ(escaped("a\"b\\c\n\x01"), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(escaped("h\xc3\xbcgel"), "\"h\xc3\xbcgel\"");
  EXPECT_EQ(escaped("\xff"), "\"\xef\xbf\xbd\"");

  // An independent implementation over random bytes, half of them from valid leads.
  std::mt19937 random(7);
  const std::string bytes = "a\x7f\x80\xbf\xc0\xc2\xe0\xa0\xe1\xed\x9f\xef\xf0\x90\xf4\x8f\xf5\xff";
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 8, '\0');
    for (char& byte : text) {
      byte = random() % 2 == 0 ? bytes[random() % bytes.size()] : static_cast<char>(random());
    }
    const std::string theirs = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    ASSERT_EQ(nlohmann::json::parse(escaped(text)), nlohmann::json::parse(theirs)) << theirs;
  }
}

}  // namespace
}  // namespace iris::wire
