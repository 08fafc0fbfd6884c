// SPDX-License-Identifier: Apache-2.0
#include "simulator/gateway.h"

#include <algorithm>

namespace iris::simulator {
namespace {

constexpr std::size_t kShares = 1000;

}  // namespace

SimulatedGateway::SimulatedGateway(Plan& plan, ship::UplinkOptions uplink, std::size_t number)
    : plan_(plan), options_(std::move(uplink)), number_(number), traffic_(plan.traffic, number) {
  const auto share = static_cast<double>(number * 7919 % kShares) / kShares;
  if (share < plan.reconnecting) hang_up_behind_ = std::max<std::uint64_t>(1, plan.batches / 2);
}

SimulatedGateway::~SimulatedGateway() = default;

base::Result<void> SimulatedGateway::step() {
  if (!uplink_) {
    auto uplink = ship::Uplink::create(options_, *this);
    if (!uplink) return tl::unexpected(std::move(uplink.error()));
    uplink_ = std::move(*uplink);
  }
  uplink_->poll(std::chrono::milliseconds(0));
  // Batches are under way that nobody will hear of: they are sent again.
  if (hang_up_behind_ != 0 && sent_ > hang_up_behind_ && sent_ > acknowledged_) hang_up();
  return {};
}

void SimulatedGateway::hang_up() {
  const auto status = uplink_->status();
  before_.sent_batches += status.sent_batches;
  before_.sent_bytes += status.sent_bytes;
  before_.connections += status.connections;
  uplink_.reset();
  hang_up_behind_ = 0;
}

std::uint64_t SimulatedGateway::sent_batches() const {
  return before_.sent_batches + (uplink_ ? uplink_->status().sent_batches : 0);
}

std::uint64_t SimulatedGateway::sent_bytes() const {
  return before_.sent_bytes + (uplink_ ? uplink_->status().sent_bytes : 0);
}

std::uint64_t SimulatedGateway::connections() const {
  return before_.connections + (uplink_ ? uplink_->status().connections : 0);
}

std::uint64_t SimulatedGateway::oldest_sequence() const { return done() ? 0 : acknowledged_ + 1; }

bool SimulatedGateway::due(std::uint64_t sequence) const {
  if (plan_.batch_interval.count() == 0) return true;
  // Each gateway has its own moment within the interval.
  const auto phase = plan_.batch_interval * static_cast<long>(number_ * 7919 % kShares) / static_cast<long>(kShares);
  return Plan::Clock::now() >= plan_.went + plan_.batch_interval * static_cast<long>(sequence - 1) + phase;
}

base::Result<std::optional<ship::BatchSource::Next>> SimulatedGateway::next_after(std::uint64_t sequence) {
  if (!welcomed_) {
    welcomed_ = true;
    found_ = acknowledged_;
    ++plan_.connected;
  }
  if (sequence >= plan_.batches || !plan_.go || !due(sequence + 1)) return std::optional<Next>();
  sent_ = sequence + 1;
  return std::optional<Next>(Next{sent_, sent_, traffic_.batch(sent_)});
}

base::Result<void> SimulatedGateway::acknowledge(std::uint64_t sequence) {
  acknowledged_ = std::max(acknowledged_, sequence);
  return {};
}

}  // namespace iris::simulator
