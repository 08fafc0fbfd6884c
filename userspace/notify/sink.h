// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

/// Alerts on their way out of the collector: to a webhook, to syslog, into a file.
namespace iris::notify {

/// An alert as it stood after a change worth telling: it is new, its severity rose,
/// its count doubled, somebody changed its status.
struct Notice {
  std::uint64_t change = 0;  // grows; the same alert comes again with a higher one
  int severity = 0;          // 1..5
  std::string json;          // "type":"alert" of the JSON contract, one line, without its line feed
};

/// Where notices come from, and how far each sink has got. From any thread.
class Feed {
 public:
  virtual ~Feed() = default;
  /// Those behind `change`, in its order.
  virtual base::Result<std::vector<Notice>> after(std::uint64_t change, std::size_t limit) = 0;
  /// Last change that the sink has taken or passed over. Of a new sink: the newest change there is.
  virtual base::Result<std::uint64_t> position(const std::string& sink) = 0;
  virtual base::Result<void> set_position(const std::string& sink, std::uint64_t change) = 0;
};

/// One receiver. Used by one thread.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Delivered when it returns, as far as the protocol tells (UDP does not). An error of
  /// Kind::usage will not get better by trying again; any other may.
  virtual base::Result<void> deliver(const Notice& notice) = 0;
  /// How long the receiver wants to be left alone after a deliver() that failed.
  virtual std::chrono::seconds retry_after() const { return std::chrono::seconds(0); }
};

}  // namespace iris::notify
