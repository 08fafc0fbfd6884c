// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace iris::agent {

/// What the collector has told of this gateway's alerts: the last ones, in memory only.
/// From any thread.
class KnownAlerts {
 public:
  static constexpr std::size_t kMost = 200;
  static constexpr std::size_t kMostBytes = 2U << 20;

  /// Foreign bytes; takes the place of what was told of the same alert. False: it is none.
  bool take(std::string json);
  /// In the order told.
  std::vector<std::string> all() const;

 private:
  struct Known {
    std::string id;
    std::string json;
  };
  mutable std::mutex mutex_;
  std::deque<Known> known_;
  std::size_t bytes_ = 0;
};

}  // namespace iris::agent
