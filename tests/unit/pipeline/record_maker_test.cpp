// SPDX-License-Identifier: Apache-2.0
#include "pipeline/record_maker.h"

#include <gtest/gtest.h>

#include <cstring>

#include "dns_message.h"

namespace iris::pipeline {
namespace {

class Kept : public flow::RecordSink {
 public:
  void write(const flow::Record& record) override { records.push_back(record); }
  std::vector<flow::Record> records;
};

class RecordMakerTest : public ::testing::Test {
 protected:
  static enrich::OwnerResolverOptions no_runtimes() {
    enrich::OwnerResolverOptions options;
    options.cgroup_root = "/nonexistent";
    options.use_docker = options.use_containerd = false;
    return options;
  }
  RecordMaker& maker() {
    if (!maker_) maker_.emplace(options_, resolver_, nullptr);
    return *maker_;
  }
  template <typename Event>
  void take(const Event& event, std::size_t size = sizeof(Event)) {
    maker().take_event(event.header, size, 1000, sink_);
  }
  template <typename Event>
  static Event event(std::uint16_t type, std::uint32_t pid = 7, std::uint64_t cgroup_id = 10) {
    Event made{};
    made.header.type = type;
    made.header.pid = pid;
    made.header.cgroup_id = cgroup_id;
    return made;
  }

  TracerOptions options_;
  enrich::OwnerResolver resolver_{no_runtimes()};
  std::optional<RecordMaker> maker_;
  Kept sink_;
};

TEST_F(RecordMakerTest, ShortAndUnknownRecordsAreCountedNotRead) {
  take(event<iris_exit_event>(IRIS_EVENT_EXIT), sizeof(iris_exit_event) - 1);
  take(event<iris_exit_event>(IRIS_EVENT_EXIT), sizeof(iris_event_header) - 1);
  take(event<iris_exit_event>(IRIS_EVENT_TYPES));
  take(event<iris_exit_event>(0));
  EXPECT_TRUE(sink_.records.empty());
  EXPECT_EQ(maker().take_malformed(3).records, 3u);
  EXPECT_EQ(maker().take_malformed(3).records, 1u);  // waited for its window
  EXPECT_EQ(maker().take_malformed(3).records, 0u);
}

TEST_F(RecordMakerTest, ExitNamesTheExecutable) {
  auto exec = event<iris_exec_event>(IRIS_EVENT_EXEC);
  exec.start_ns = 5;
  std::strcpy(exec.path, "/bin/modbus");
  auto exit = event<iris_exit_event>(IRIS_EVENT_EXIT);
  exit.start_ns = 5;
  options_.execs = false;  // not wanted as a record
  take(exec);
  take(exit);
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(std::get<flow::ExitRecord>(sink_.records[0]).executable, "/bin/modbus");
}

TEST_F(RecordMakerTest, CgroupEventsGoToTheResolverOnly) {
  auto added = event<iris_cgroup_event>(IRIS_EVENT_CGROUP_ADDED);
  std::strcpy(added.path, "/system.slice/cron.service");
  take(added);
  EXPECT_TRUE(sink_.records.empty());
  take(event<iris_exit_event>(IRIS_EVENT_EXIT));
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(std::get<flow::ExitRecord>(sink_.records[0]).owner->name, "cron.service");
}

TEST_F(RecordMakerTest, PeersHaveTheNamesThatTheirOwnerAskedFor) {
  const auto message = test_support::DnsMessage("hub.example").a("hub.example", 9).bytes();
  auto dns = event<iris_dns_event>(IRIS_EVENT_DNS);
  dns.length = static_cast<std::uint32_t>(message.size());
  std::memcpy(dns.message, message.data(), message.size());
  take(dns);
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(std::get<flow::DnsRecord>(sink_.records[0]).question_name, "hub.example");

  options_.socket_events = true;
  const auto peer = base::IpAddress::parse("203.0.113.9");
  auto connect = event<iris_socket_event>(IRIS_EVENT_CONNECT);
  std::memcpy(connect.peer_address, peer->bytes.data(), 16);
  take(connect);
  connect.header.cgroup_id = 11;
  take(connect);
  ASSERT_EQ(sink_.records.size(), 3u);
  EXPECT_EQ(std::get<flow::SocketEvent>(sink_.records[1]).peer_names, std::vector<std::string>{"hub.example"});
  EXPECT_TRUE(std::get<flow::SocketEvent>(sink_.records[2]).peer_names.empty());

  iris_flow_key key{};
  key.cgroup_id = 10;
  std::memcpy(key.peer_address, peer->bytes.data(), 16);
  maker().take_flow(key, {}, {}, sink_);
  EXPECT_EQ(sink_.records.size(), 3U) << "not before the window has all its flows";
  maker().finish_flows(sink_);
  ASSERT_EQ(sink_.records.size(), 4U);
  EXPECT_EQ(std::get<flow::FlowRecord>(sink_.records[3]).peer_names, std::vector<std::string>{"hub.example"});
}

TEST_F(RecordMakerTest, AnswerThatIsNoDnsIsCounted) {
  auto dns = event<iris_dns_event>(IRIS_EVENT_DNS);
  dns.length = UINT32_MAX;  // more than the record has
  take(dns);
  EXPECT_TRUE(sink_.records.empty());
  EXPECT_EQ(maker().take_malformed(10).dns_answers, 1u);
}

TEST_F(RecordMakerTest, StackArrivesWithTheExit) {
  auto stack = event<iris_stack_event>(IRIS_EVENT_STACK);
  stack.signal = 11;
  stack.frames = 1;
  stack.frame[0].status = 2;
  stack.frame[0].offset = 0x400000;
  take(stack);
  auto exit = event<iris_exit_event>(IRIS_EVENT_EXIT);
  exit.status = 11;
  take(exit);
  ASSERT_EQ(sink_.records.size(), 1u);
  const auto& record = std::get<flow::ExitRecord>(sink_.records[0]);
  EXPECT_EQ(record.exit_class, flow::ExitClass::crash);
  ASSERT_TRUE(record.stack);
  EXPECT_EQ(record.stack->at(0).offset, 0x400000u);
}

}  // namespace
}  // namespace iris::pipeline
