// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "detect/entity.h"

namespace iris::detect {

/// Turns findings into alerts: one for a workload, class and hour; one for a source
/// that strikes many workloads. Holds open alerts only; what is older than the hour
/// is forgotten once taken.
class AlertBook {
 public:
  explicit AlertBook(const Thresholds& limits) : limits_(limits) {}

  /// `evidence`: copied while there is room; may be null. Returns the alert's contents.
  const Alert& add(const Finding& finding, const Entity& entity, std::uint64_t now_ns, double confidence,
                   const flow::Record* evidence);

  /// Alerts that are new or have changed since the last call, in the order of their
  /// first finding. The same id may come again with a higher count.
  std::vector<Alert> take();
  /// Somebody has dealt with it: what comes next is a new alert.
  void close(const std::string& id);

  struct Open {
    Alert alert;
    std::string source;  // index key of who did it; empty: not known
    bool changed = true;
  };
  /// What is open of a gateway, in the order made. Valid until the next call.
  std::vector<Open*> of_gateway(const std::string& gateway);
  /// One that another book had open.
  void put(Open open);

 private:
  using Key = std::pair<std::string, int>;  // gateway and workload, or source; class and band

  Open* find(const Finding& finding, const Entity& entity, std::uint64_t now_ns);
  void forget(std::uint64_t now_ns);

  Thresholds limits_;
  std::map<std::uint64_t, Open> open_;  // by number, in the order made
  std::map<Key, std::uint64_t> by_workload_;
  std::map<Key, std::uint64_t> by_source_;
  std::uint64_t next_ = 0;
  std::uint64_t swept_ns_ = 0;
};

}  // namespace iris::detect
