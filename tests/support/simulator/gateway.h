// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "ship/uplink.h"
#include "simulator/traffic.h"

namespace iris::simulator {

/// What all gateways of a run have in common.
struct Plan {
  using Clock = std::chrono::steady_clock;
  TrafficOptions traffic;
  std::uint64_t batches = 1;                  // a gateway
  std::chrono::nanoseconds batch_interval{};  // of a gateway; 0: as fast as they are acknowledged
  double reconnecting = 0;                    // part of the gateways that hang up half way, and come back
  std::atomic<std::size_t> connected{0};      // gateways that were welcomed once
  std::atomic<bool> go{false};                // the last of them was: send
  Clock::time_point went{};                   // when; written before `go`
};

/// One gateway: traffic for a spool, and the agent's own uplink. On one thread.
class SimulatedGateway : private ship::BatchSource {
 public:
  SimulatedGateway(Plan& plan, ship::UplinkOptions uplink, std::size_t number);
  ~SimulatedGateway() override;

  /// Does the next thing, if there is one. An error is one of the options.
  base::Result<void> step();
  bool done() const { return acknowledged_ >= plan_.batches; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// In this run.
  std::uint64_t newly_acknowledged() const { return acknowledged_ - found_; }
  std::uint64_t sent_batches() const;  // repeated ones count again
  std::uint64_t sent_bytes() const;
  std::uint64_t connections() const;
  std::string fault() const { return uplink_ ? uplink_->status().fault : std::string(); }
  Totals truth() const { return traffic_.totals(acknowledged_); }

 private:
  std::uint64_t epoch() const override { return traffic_.epoch(); }
  std::uint64_t oldest_sequence() const override;
  base::Result<std::optional<Next>> next_after(std::uint64_t sequence) override;
  base::Result<void> acknowledge(std::uint64_t sequence) override;

  bool due(std::uint64_t sequence) const;
  void hang_up();

  Plan& plan_;
  const ship::UplinkOptions options_;
  const std::size_t number_;
  const GatewayTraffic traffic_;
  std::unique_ptr<ship::Uplink> uplink_;
  ship::UplinkStatus before_;  // of uplinks that were hung up: sums
  std::uint64_t sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t found_ = 0;  // acknowledged when it first connected
  std::uint64_t hang_up_behind_ = 0;  // 0: not, or done
  bool welcomed_ = false;
};

}  // namespace iris::simulator
