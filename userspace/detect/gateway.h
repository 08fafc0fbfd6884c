// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "detect/judge.h"

namespace iris::detect {

/// A device that the configuration of a module names: whose peer it is meant to be.
struct ConfiguredDevice {
  std::string module_id;
  std::vector<std::uint16_t> ports;  // 0: any
};

/// What the judge remembers of one gateway.
struct Judge::Gateway {
  std::string name;
  std::uint64_t last_end_ns = 0;
  std::uint64_t swept_ns = 0;
  bool saved = false;  // nothing has come since
  double loss = 0;  // 0..1, share of records lost of late
  std::unordered_map<std::string, std::unique_ptr<Entity>> entities;
  /// Owners come as shared immutable values: their address is a key while one is held.
  /// Of one window only, since another batch may bring the same owners as new values.
  std::unordered_map<const flow::Owner*, std::pair<flow::OwnerPtr, Entity*>> by_owner;
  std::unordered_map<std::string, ConfiguredDevice> configured;  // by Device.id; bounded
  std::vector<Entity*> touched;  // in this window, with sums to look at
  Entity itself;                 // subject of alerts about the agent
  std::uint64_t silence_checked_ns = 0;

  double confidence() const { return 1 - std::min(loss, 0.7); }
};

}  // namespace iris::detect
