// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "capture/bpf_event_source.h"
#include "capture/bpf_handles.h"

namespace iris::capture {

/// Reads the ring buffer. One thread, except wake().
class EventReader {
 public:
  base::Result<void> open(int ring_map_fd);

  /// As BpfEventSource::poll(). Bounded, so that a flood cannot keep it for ever.
  base::Result<std::size_t> poll(std::chrono::milliseconds timeout, const EventHandler& handler);
  void wake();

  /// Reads until `wanted` records of window `window` have been read since its last
  /// reset; records of the other window that lie between are read too.
  base::Result<void> read_window(unsigned window, std::uint64_t wanted, const EventHandler& handler);

  std::uint64_t events_read(unsigned window) const { return events_read_[window]; }
  void reset(unsigned window) { events_read_[window] = 0; }
  std::uint64_t wakeups() const { return wakeups_; }

 private:
  static int on_record(void* context, void* data, std::size_t size);
  /// Records read; stops at `budget` of them, or when window_'s number is complete.
  base::Result<std::size_t> consume(std::size_t budget, const EventHandler& handler);

  base::UniqueFd epoll_;
  base::UniqueFd wake_;
  RingBufferPtr ring_;
  std::array<std::uint64_t, 2> events_read_{};
  std::uint64_t wakeups_ = 0;
  bool left_some_ = false;  // the last poll stopped at its budget

  // Only during consume().
  const EventHandler* handler_ = nullptr;
  std::size_t handled_ = 0;
  std::size_t budget_ = 0;
  std::array<std::uint64_t, 2> stop_at_{UINT64_MAX, UINT64_MAX};
};

}  // namespace iris::capture
