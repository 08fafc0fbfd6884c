// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "flow/device.h"

namespace iris::agent {

/// What the collector has been told of identities, and so what is news. What was told
/// lies in the spool in step with the batches that told it, so that a restart tells
/// nothing twice and misses nothing. All is told again once a day: what was dropped
/// for want of room would else be missing for ever. Pure; bounded by what it is given.
class Inventory {
 public:
  static constexpr const char* kPrefix = "device/";  // of keys in the spool

  /// `told`: of the runs before, as the spool kept it, keys without the prefix.
  explicit Inventory(const std::map<std::string, std::string>& told);

  /// All that is known now. Not `complete`: somebody who has told of devices before
  /// has not been heard yet, so that none counts as gone.
  void set(std::vector<flow::Device> devices, bool complete);
  const std::vector<flow::Device>& devices() const { return devices_; }

  struct News {
    std::vector<flow::DeviceRecord> records;
    std::map<std::string, std::string> keep;  // for the batch that holds them
  };
  /// At most `limit` changes; from then on they count as told.
  News take(std::uint64_t wall_ns, std::size_t limit);

 private:
  void gather();

  static constexpr std::uint64_t kTellAgain = 0;
  std::map<std::string, std::uint64_t> told_;  // id: digest of what was told, or kTellAgain
  std::vector<flow::Device> devices_;        // ordered by id
  std::vector<std::size_t> changed_;         // places in devices_, last first
  std::vector<std::string> gone_;
  std::map<std::string, flow::Device> last_; // of those that are gone, what was known last
  std::uint64_t all_told_wall_ns_ = 0;
  bool complete_ = false;
  bool first_ = true;
};

}  // namespace iris::agent
