// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "notify/syslog_target.h"

namespace iris::notify {

/// Datagrams to one place. For one thread.
class UdpSocket {
 public:
  using Clock = std::chrono::steady_clock;

  explicit UdpSocket(SyslogTarget target) : target_(std::move(target)) {}

  /// Handed over to the kernel; whether it arrives, nobody knows. Takes no longer than
  /// until `deadline`, also when the name servers are silent.
  base::Result<void> send(std::string_view datagram, Clock::time_point deadline);

 private:
  base::Result<void> open(Clock::time_point deadline);

  const SyslogTarget target_;
  base::UniqueFd fd_;
  Clock::time_point opened_;
};

}  // namespace iris::notify
