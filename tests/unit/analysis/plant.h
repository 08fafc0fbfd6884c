// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "analysis/judge_loop.h"
#include "store/store.h"
#include "wire/batch_codec.h"

/// A store on disk, a gateway whose module polls a controller and reports to its cloud,
/// and a judge behind it.
namespace iris::analysis::testing {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kHour = 3600 * kSecond;
inline constexpr std::uint64_t kStart = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

class PlantTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "iris-analysis-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    open();
    gateway_ = store_->add_gateway("plant-1", std::string(32, 'x'), kStart).value();
  }
  void TearDown() override {
    loop_.reset();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void open() {
    store_.reset();
    auto opened = store::open_store("sqlite:" + (directory_ / "c.db").string());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  void start(JudgeOptions options = {}) {
    options.idle = std::chrono::milliseconds(2);
    auto loop = JudgeLoop::start(*store_, std::move(options), [this] { return wall_.load(); });
    ASSERT_TRUE(loop) << loop.error().message;
    loop_ = std::move(*loop);
  }
  flow::FlowRecord out(const std::string& peer, std::uint16_t port, const std::string& name = "") const {
    flow::Owner owner;
    owner.kind = flow::OwnerKind::container;
    owner.cgroup_id = 7;
    owner.name = owner.module_id = "modbus1";
    owner.device_id = "gw1";
    owner.image = "registry.example/modbus:1.0";
    flow::FlowRecord record;
    record.owner = std::make_shared<const flow::Owner>(owner);
    record.window_start_wall_ns = now_;
    record.window_end_wall_ns = now_ + 10 * kSecond;
    record.protocol = 6;
    record.local_address = base::IpAddress::parse("10.0.0.2");
    record.peer_address = base::IpAddress::parse(peer);
    record.scope = record.peer_address->is_site_local() ? flow::Scope::site : flow::Scope::external;
    record.service_port = port;
    if (!name.empty()) record.peer_names = {name};
    record.opened = record.established = record.closed = 1;
    record.originator_bytes = 500;
    record.responder_bytes = 900;
    record.originator_packets = record.responder_packets = 6;
    return record;
  }
  static flow::FlowRecord vain(flow::FlowRecord record) {
    record.established = record.closed = 0;
    record.failed[static_cast<std::size_t>(flow::FailureReason::timed_out)] = 1;
    record.originator_bytes = record.responder_bytes = record.responder_packets = 0;
    return record;
  }

  /// Commits a window of these records, and passes on to the next `step_s` later.
  void window(std::vector<flow::Record> records, std::uint64_t step_s = 10) {
    store::IngestBatch ingest{gateway_.id, 7, sequence_, sequence_, {}, {}};
    ++sequence_;
    ingest.batch.start_wall_ns = now_;
    ingest.batch.end_wall_ns = now_ + 10 * kSecond;
    ingest.batch.records = std::move(records);
    ingest.packed = wire::pack(ingest.batch).value();
    const auto done = store_->commit(std::span(&ingest, 1), now_ + 10 * kSecond);
    ASSERT_TRUE(done) << done.error().message;
    now_ += 10 * kSecond;
    if (step_s > 10) now_ += (step_s - 10) * kSecond;
    wall_ = now_;
    now_judged_ = ingest.batch.end_wall_ns;
  }
  void routine(unsigned windows) {
    for (unsigned i = 0; i < windows; ++i) window({out("10.0.0.9", 502), out("198.51.100.7", 8883, "mqtt.example.org")}, 300);
  }
  void scan() {
    std::vector<flow::Record> tries;
    for (int i = 1; i <= 40; ++i) tries.push_back(vain(out("10.0.1." + std::to_string(i), 23)));
    window(std::move(tries));
  }
  /// Runs a judge over what is there, to its end.
  void judge_all(JudgeOptions options = {}) {
    start(std::move(options));
    for (;;) {
      const auto status = loop_->status();
      ASSERT_EQ(status.fault, "");
      if (status.last_input_wall_ns >= now_judged_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    loop_.reset();
  }

  std::vector<nlohmann::json> alerts(store::AlertQuery query = {}) {
    query.oldest_first = true;
    std::vector<nlohmann::json> found;
    const auto done =
        store_->alerts(query, [&](const store::StoredAlert& alert) { found.push_back(nlohmann::json::parse(alert.json)); });
    EXPECT_TRUE(done) << done.error().message;
    return found;
  }
  std::vector<nlohmann::json> profiles() {
    std::vector<nlohmann::json> found;
    const auto done =
        store_->profiles({}, [&](const store::StoredProfile& one) { found.push_back(nlohmann::json::parse(one.body)); });
    EXPECT_TRUE(done);
    return found;
  }
  std::string raw(const std::string& id) {
    store::AlertQuery query;
    query.id = id;
    std::string json;
    EXPECT_TRUE(store_->alerts(query, [&](const store::StoredAlert& alert) { json = alert.json; }));
    return json;
  }

  std::filesystem::path directory_;
  std::unique_ptr<store::Store> store_;
  store::Gateway gateway_;
  std::unique_ptr<JudgeLoop> loop_;
  std::uint64_t now_ = kStart;
  std::uint64_t now_judged_ = 0;
  std::uint64_t sequence_ = 1;
  std::atomic<std::uint64_t> wall_{kStart};
};

}  // namespace iris::analysis::testing
