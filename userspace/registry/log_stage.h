// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "identity/registry_client.h"
#include "identity/resource_logs.h"
#include "identity/token_expiry.h"

namespace iris::registry {

/// Between reading and handing on. The token filter holds refusals back until it is known
/// whether they matter; a checkpoint must not pass an event with a held record, or a crash
/// would lose it, and what lies behind it must not be handed on before, or it would be read
/// twice. So events leave in the order in which they were read, each with its own records.
/// Pure; for one thread.
class LogStage {
 public:
  /// An event of `partition`; `offset` is the checkpoint behind it, empty when it moves none.
  void take(const std::string& partition, std::string offset, identity::LogReading reading);
  /// Stops waiting for what is held.
  void release();

  struct Batch {
    std::vector<flow::SecurityRecord> records;
    identity::Checkpoints checkpoints;
  };
  /// All that may be handed on now.
  Batch collect();

  /// Ready or not.
  std::size_t records() const { return records_; }
  /// Some events are held back.
  bool is_held() const { return filter_.held() != 0; }

 private:
  struct Entry {
    std::string partition;
    std::string offset;
    std::vector<flow::SecurityRecord> records;
  };
  void place(std::vector<flow::SecurityRecord> released);
  std::size_t ready() const;

  identity::TokenExpiryFilter filter_;
  std::deque<Entry> entries_;
  std::uint64_t first_ = 0;  // position of the first entry
  /// Where the records came from that the filter has: what they say > position of the entry.
  std::unordered_multimap<std::string, std::uint64_t> origins_;
  std::size_t records_ = 0;  // in all entries and in the filter
};

}  // namespace iris::registry
