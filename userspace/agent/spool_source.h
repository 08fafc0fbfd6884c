// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "ship/uplink.h"
#include "spool/spool.h"

namespace iris::agent {

/// Where batches lie until they are acknowledged: spool::Spool, or a test's own.
class BatchStore {
 public:
  virtual ~BatchStore() = default;
  virtual std::uint64_t epoch() const = 0;
  virtual std::uint64_t oldest_sequence() const = 0;
  virtual base::Result<std::optional<spool::StoredBatch>> next_after(std::uint64_t sequence) = 0;
  virtual base::Result<void> acknowledge(std::uint64_t sequence) = 0;
  virtual base::Result<bool> resume(std::uint64_t sequence) = 0;  // as BatchSource::resume()
};

/// What the uplink sends: waiting windows merged to a minute while nothing in them
/// is new, at once otherwise. Holds the windows that it has read, at most a minute
/// or kMaxRecords of them. On the ship thread.
class SpoolSource : public ship::BatchSource {
 public:
  static constexpr std::size_t kMaxRecords = 20'000;

  explicit SpoolSource(BatchStore& store, std::chrono::nanoseconds longest_wait = std::chrono::seconds(60))
      : store_(store), longest_wait_(longest_wait) {}

  std::uint64_t epoch() const override { return store_.epoch(); }
  std::uint64_t oldest_sequence() const override { return store_.oldest_sequence(); }
  base::Result<std::optional<Next>> next_after(std::uint64_t sequence) override;
  base::Result<void> acknowledge(std::uint64_t sequence) override { return store_.acknowledge(sequence); }
  base::Result<bool> resume(std::uint64_t sequence) override { return store_.resume(sequence); }

 private:
  /// Reads on until the windows held should be sent; false when they may wait for more.
  base::Result<bool> gather(std::uint64_t sequence);
  bool must_go(const flow::Batch& batch) const;
  Next send();

  BatchStore& store_;
  std::chrono::nanoseconds longest_wait_;
  std::vector<spool::StoredBatch> held_;         // read, not sent
  std::optional<spool::StoredBatch> beyond_;     // read, but not next to them
  std::uint64_t epoch_ = 0;
  std::uint64_t sent_sequence_ = 0;
  flow::Batch sent_;                             // the last one, for what is new
};

/// The spool as a BatchStore.
class SpoolStore : public BatchStore {
 public:
  explicit SpoolStore(spool::Spool& spool) : spool_(spool) {}
  std::uint64_t epoch() const override { return spool_.status().epoch; }
  std::uint64_t oldest_sequence() const override { return spool_.status().oldest_sequence; }
  base::Result<std::optional<spool::StoredBatch>> next_after(std::uint64_t sequence) override {
    return spool_.next_after(sequence);
  }
  base::Result<void> acknowledge(std::uint64_t sequence) override { return spool_.acknowledge(sequence); }
  base::Result<bool> resume(std::uint64_t sequence) override { return spool_.resume(sequence); }

 private:
  spool::Spool& spool_;
};

}  // namespace iris::agent
