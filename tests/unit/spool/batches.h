// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "enrich/temporary_directory.h"
#include "spool/spool.h"

/// Batches that can be told apart, and what comes out of a spool.
namespace iris::spool::batches {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kStart = 1'767'323'045 * kSecond;  // 2026-01-02

/// The window of number `id`: an exec record says the number, and survives each merge.
inline flow::Batch batch(std::uint32_t id, std::uint32_t flows = 0, bool same_peers = true) {
  flow::Batch made;
  made.start_wall_ns = kStart + id * 10 * kSecond;
  made.end_wall_ns = made.start_wall_ns + 10 * kSecond;
  made.records.emplace_back(flow::ExecRecord{made.start_wall_ns, nullptr, id, "sh", "/bin/sh"});
  for (std::uint32_t i = 0; i < flows; ++i) {
    flow::Owner owner;
    owner.cgroup_id = 1000 + i % 5;
    owner.container_id = fmt::format("{:064x}", 0x9e3779b97f4a7c15 * (1 + i % 5));
    owner.name = fmt::format("module{}", i % 5);
    owner.image = fmt::format("iris/module{}:1.2", i % 5);
    owner.runtime = "docker";
    owner.cgroup_path = "/docker/" + owner.container_id;
    flow::FlowRecord one;
    one.window_start_wall_ns = made.start_wall_ns;
    one.window_end_wall_ns = made.end_wall_ns;
    one.owner = std::make_shared<const flow::Owner>(owner);
    one.protocol = 6;
    one.peer_address = *base::IpAddress::parse(fmt::format("203.0.113.{}", i % 250));
    one.service_port = 502;
    if (!same_peers) {  // nor alike, so that they do not compress
      const std::uint64_t address[] = {(id * 1000ULL + i) * 0x9e3779b97f4a7c15, (id * 1000ULL + i) * 0xd6e8feb86659fd93};
      std::memcpy(one.peer_address->bytes.data(), address, sizeof address);
    }
    one.originator_bytes = 1000 + (id * 7919 + i * 104'729) % 5000;
    one.responder_bytes = 500 + (id * 15'485'863 + i * 31) % 7000;
    one.originator_packets = 10 + (id * 31 + i) % 40;
    one.responder_packets = 10 + (id * 37 + i) % 40;
    one.active = 1;
    one.first_seen_wall_ns = made.start_wall_ns + (id * 7'919'777) % kSecond;
    one.last_seen_wall_ns = made.end_wall_ns - (id * 1'299'709 + i * 7919) % kSecond;
    one.processes = {"modbusd"};
    made.records.emplace_back(one);
  }
  return made;
}

inline std::unique_ptr<Spool> open(const SpoolOptions& options, std::uint64_t now_wall_ns = kStart) {
  auto spool = Spool::open(options, now_wall_ns);
  EXPECT_TRUE(spool) << spool.error().message;
  return spool ? std::move(*spool) : nullptr;
}

inline std::vector<std::uint32_t> ids_of(const flow::Batch& from) {
  std::vector<std::uint32_t> ids;
  for (const auto& record : from.records) {
    if (const auto* exec = std::get_if<flow::ExecRecord>(&record)) ids.push_back(exec->pid);
  }
  return ids;
}

struct Content {
  std::vector<std::uint32_t> ids;
  std::vector<flow::Gap> gaps;
  std::vector<StoredBatch> rows;
};

inline Content read_all(Spool& spool, std::uint64_t after = 0) {
  Content content;
  for (;;) {
    auto next = spool.next_after(after);
    EXPECT_TRUE(next) << next.error().message;
    if (!next || !*next) return content;
    EXPECT_GT((*next)->first_sequence, after);
    EXPECT_GE((*next)->last_sequence, (*next)->first_sequence);
    after = (*next)->last_sequence;
    for (const auto id : ids_of((*next)->batch)) content.ids.push_back(id);
    content.gaps.insert(content.gaps.end(), (*next)->batch.gaps.begin(), (*next)->batch.gaps.end());
    content.rows.push_back(std::move(**next));
  }
}

}  // namespace iris::spool::batches
