// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace iris::ship {

/// Pauses between attempts: the bound doubles up to the last, and each pause is
/// drawn from all below it ("full jitter"), so that after an outage ten thousand
/// gateways come one by one.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds first, Milliseconds last) : first_(first), last_(std::max(first, last)), bound_(first) {}

  Milliseconds next() {
    const auto bound = bound_;
    bound_ = std::min(bound_ * 2, last_);
    return draw(Milliseconds(0), bound);
  }
  /// For what only an operator can repair.
  Milliseconds slowest() { return draw(last_ / 2, last_); }
  void reset() { bound_ = first_; }

 private:
  Milliseconds draw(Milliseconds from, Milliseconds to) {
    return Milliseconds(std::uniform_int_distribution<Milliseconds::rep>(from.count(), to.count())(random_));
  }

  Milliseconds first_;
  Milliseconds last_;
  Milliseconds bound_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace iris::ship
