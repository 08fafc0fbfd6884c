// SPDX-License-Identifier: Apache-2.0
#include "play.h"

#include <algorithm>

#include "material.h"

namespace iris::live {
namespace {

constexpr const char* kGateway = "live";

}  // namespace

void Play::one(const flow::Batch& recorded) {
  flow::Batch batch;
  batch.start_wall_ns = now_ns_;
  // What lies between two recorded batches is played as no time at all.
  shift_ns_ = static_cast<std::int64_t>(now_ns_ - recorded.start_wall_ns);
  batch.end_wall_ns = played(recorded.end_wall_ns);
  batch.records = recorded.records;
  for (auto& record : batch.records) shift(record, shift_ns_);
  batch.gaps = recorded.gaps;
  for (auto& gap : batch.gaps) {
    gap.start_wall_ns = played(gap.start_wall_ns);
    gap.end_wall_ns = played(gap.end_wall_ns);
  }
  judge_.add(kGateway, batch);
  now_ns_ = batch.end_wall_ns;
  for (auto& alert : judge_.take_alerts()) {
    if (alert.severity < detect::Severity::medium || !told_.insert(alert.id).second) continue;
    const bool first = ever_.insert(alert.id).second;
    sightings_.push_back({std::move(alert), part_, now_ns_, first});
  }
}

void Play::play(std::span<const flow::Batch> batches) {
  for (const auto& batch : batches) one(batch);
}

void Play::repeat(std::span<const flow::Batch> batches, std::uint64_t length_ns) {
  if (batches.empty()) return;
  const std::uint64_t end = now_ns_ + length_ns;
  std::uint64_t once = 0;
  do {
    const std::uint64_t start = now_ns_;
    play(batches);
    once = now_ns_ - start;
  } while (once > 0 && now_ns_ + once <= end);
}

void Play::stretch(std::span<const flow::Batch> batches, std::span<const flow::Batch> between, std::uint64_t length_ns) {
  for (const auto& batch : batches) {
    one(batch);
    const std::uint64_t end = now_ns_ + length_ns;
    for (std::size_t i = 0; !between.empty() && now_ns_ < end; i = (i + 1) % between.size()) one(between[i]);
  }
}

void Play::call_harmless() {
  for (const auto& one : sightings_) {
    judge_.verdict(one.alert, true);
    judge_.close(one.alert.id);
  }
}

}  // namespace iris::live
