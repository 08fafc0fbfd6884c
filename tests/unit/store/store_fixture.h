// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "store/store.h"

namespace iris::store {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kHour = 3600 * kSecond;
inline constexpr std::uint64_t kDay = 24 * kHour;
inline constexpr std::uint64_t kNoon = 1'767'355'200 * kSecond;  // 2026-01-02T12:00:00Z

inline flow::OwnerPtr make_owner(const std::string& name) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.cgroup_id = 4711;
  owner.container_id = std::string(64, 'c');
  owner.name = name;
  owner.labels = {{"site", "north \"1\""}};
  return std::make_shared<const flow::Owner>(owner);
}

inline flow::FlowRecord make_flow(std::uint64_t start_ns, const std::string& owner, const char* peer,
                                  std::uint16_t port, std::uint64_t bytes) {
  flow::FlowRecord flow;
  flow.window_start_wall_ns = start_ns;
  flow.window_end_wall_ns = start_ns + 10 * kSecond;
  flow.owner = make_owner(owner);
  flow.protocol = 6;
  flow.peer_address = base::IpAddress::parse(peer);
  flow.service_port = port;
  flow.opened = 1;
  flow.active = 2;
  flow.originator_bytes = bytes;
  flow.rtt_us = flow::RttSummary{10, 20, 30};
  flow.first_seen_wall_ns = start_ns + 1;
  flow.last_seen_wall_ns = start_ns + 2;
  return flow;
}

inline flow::Ledger make_ledger(std::uint64_t start_ns, std::uint64_t produced, std::uint64_t dropped = 0) {
  flow::Ledger ledger;
  ledger.window_start_wall_ns = start_ns;
  ledger.window_end_wall_ns = start_ns + 10 * kSecond;
  ledger.produced = produced;
  ledger.delivered = produced - dropped;
  if (dropped > 0) ledger.dropped["ring_full"] = dropped;
  return ledger;
}

/// Batch `sequence` of a gateway: one flow and a ledger, ten seconds each.
inline IngestBatch make_batch(std::int64_t gateway_id, std::uint64_t sequence, std::uint64_t bytes = 100,
                              std::uint64_t epoch = 7) {
  IngestBatch ingest{gateway_id, epoch, sequence, sequence, {}};
  const std::uint64_t start = kNoon + sequence * 10 * kSecond;
  ingest.batch.start_wall_ns = start;
  ingest.batch.end_wall_ns = start + 10 * kSecond;
  ingest.batch.records = {make_flow(start, "modbus", "198.51.100.7", 502, bytes), make_ledger(start, 1)};
  return ingest;
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "iris-store-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    reopen();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  std::string url() const { return "sqlite:" + (directory_ / "iris.db").string(); }
  void reopen() {
    store_.reset();
    auto opened = open_store(url());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  std::int64_t add(const std::string& name) {
    auto added = store_->add_gateway(name, name + std::string(32 - name.size(), '#'), kNoon);
    EXPECT_TRUE(added) << added.error().message;
    return added ? added->id : 0;
  }
  std::vector<CommitResult> commit(const std::vector<IngestBatch>& batches) {
    auto results = store_->commit(batches, kNoon + kDay);
    EXPECT_TRUE(results) << results.error().message;
    return results.value_or(std::vector<CommitResult>{});
  }
  std::vector<StoredFlow> flows(FlowQuery query = {}) {
    std::vector<StoredFlow> found;
    const auto done = store_->flows(query, [&](const StoredFlow& flow) { found.push_back(flow); });
    EXPECT_TRUE(done) << done.error().message;
    return found;
  }
  std::uint64_t bytes(std::int64_t gateway_id, TimeRange range = {}) {
    FlowQuery query;
    query.gateway_id = gateway_id;
    query.range = range;
    query.limit = 1'000'000;
    std::uint64_t sum = 0;
    for (const auto& one : flows(query)) sum += one.flow.originator_bytes;
    return sum;
  }

  std::filesystem::path directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace iris::store
