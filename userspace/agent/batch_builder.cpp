// SPDX-License-Identifier: Apache-2.0
#include "agent/batch_builder.h"

#include <algorithm>
#include <utility>

namespace iris::agent {

void BatchBuilder::write(const flow::Record& record) {
  if (std::holds_alternative<flow::SocketEvent>(record)) return;
  if (const auto* ledger = std::get_if<flow::Ledger>(&record)) {
    close_window(*ledger);
    return;
  }
  if (const auto* answer = std::get_if<flow::DnsRecord>(&record); answer != nullptr && answers_.repeats(*answer)) {
    ++repeated_;
    return;
  }
  if (std::holds_alternative<flow::FlowRecord>(record)) {
    ++flows_;
  } else if (std::holds_alternative<flow::DeviceRecord>(record) || std::holds_alternative<flow::SecurityRecord>(record)) {
    // Not of the kernel's making: no part of the window's account.
  } else if (++events_ > kMaxEvents) {
    ++left_out_;
    return;
  }
  worth_sending_ = true;
  // Growing by doubling would hold a window three times for a moment.
  if (batch_.records.capacity() < usual_) batch_.records.reserve(usual_ + usual_ / 8);
  batch_.records.push_back(record);
}

void BatchBuilder::keep(std::map<std::string, std::string> values) {
  worth_sending_ = worth_sending_ || !values.empty();
  for (auto& [key, value] : values) batch_.keep.insert_or_assign(key, std::move(value));
}

void BatchBuilder::close_window(flow::Ledger ledger) {
  if (left_out_ > 0) {
    // Each was delivered to us, so that the sum stays what it was.
    ledger.delivered -= std::min(ledger.delivered, left_out_);
    ledger.dropped["batch_full"] += left_out_;
  }
  events_ = 0;
  left_out_ = 0;
  ++windows_;
  // The clock may be set back meanwhile, within a window or between two.
  const auto [earlier, later] = std::minmax(ledger.window_start_wall_ns, ledger.window_end_wall_ns);
  batch_.start_wall_ns = batch_.start_wall_ns == 0 ? earlier : std::min(batch_.start_wall_ns, earlier);
  batch_.end_wall_ns = std::max(batch_.end_wall_ns, later);
  last_end_wall_ns_ = ledger.window_end_wall_ns;
  worth_sending_ = worth_sending_ || !ledger.dropped.empty() || ledger.folded > 0;
  const std::uint64_t repeated = std::min(ledger.delivered, std::exchange(repeated_, 0));
  ledger.delivered -= repeated;
  ledger.folded += repeated;
  batch_.records.emplace_back(std::move(ledger));
  window_ended_ = true;
}

flow::Batch BatchBuilder::give() {
  window_ended_ = false;
  worth_sending_ = false;
  usual_ = batch_.records.size();
  return std::exchange(batch_, {});
}

std::optional<flow::Batch> BatchBuilder::take() {
  if (!window_ended_) return std::nullopt;
  const auto idle_ns = static_cast<std::uint64_t>(longest_idle_.count());
  if (!worth_sending_ && batch_.end_wall_ns - batch_.start_wall_ns < idle_ns) {
    window_ended_ = false;
    return std::nullopt;
  }
  return give();
}

std::optional<flow::Batch> BatchBuilder::finish() {
  if (batch_.records.empty()) return std::nullopt;
  if (batch_.start_wall_ns == 0) batch_.start_wall_ns = batch_.end_wall_ns = last_end_wall_ns_;
  return give();
}

}  // namespace iris::agent
