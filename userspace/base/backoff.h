// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace iris::base {

/// Pauses between attempts: doubled each time up to a bound, and each drawn
/// between half and the whole, so that many clients do not come at once.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds first, Milliseconds last) : first_(first), last_(last), next_(first) {}

  Milliseconds next() {
    std::uniform_int_distribution<Milliseconds::rep> draw(next_.count() / 2, next_.count());
    next_ = std::min(next_ * 2, last_);
    return Milliseconds(draw(random_));
  }
  void reset() { next_ = first_; }

 private:
  Milliseconds first_;
  Milliseconds last_;
  Milliseconds next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace iris::base
