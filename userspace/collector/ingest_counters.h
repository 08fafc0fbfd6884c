// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace iris::collector {

/// What IngestStatus tells; counted from all threads.
struct IngestCounters {
  std::atomic<std::uint64_t> streams{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> flows{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> refused_streams{0};
  std::atomic<std::uint64_t> malformed_batches{0};
  std::atomic<std::uint64_t> received_bytes{0};
  std::atomic<std::uint64_t> told_alerts{0};
  std::atomic<std::uint64_t> untold_alerts{0};

  void set_fault(const std::string& text) {
    const std::lock_guard lock(mutex_);
    fault_ = text;
  }
  std::string fault() const {
    const std::lock_guard lock(mutex_);
    return fault_;
  }

 private:
  mutable std::mutex mutex_;
  std::string fault_;
};

}  // namespace iris::collector
