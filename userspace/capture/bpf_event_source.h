// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iris/event.h"

namespace iris::capture {

struct BpfOptions {
  bool emit_sockets = false;
  bool emit_execs = true;
  bool emit_exits = true;
  bool emit_dns = true;
  std::uint32_t ring_bytes = 2U << 20;  // rounded up to a power of two of pages
  std::uint32_t max_flows = 12'288;
  std::uint32_t max_sockets = 20'480;
  /// Empty: the mounted cgroup2 hierarchy, or a private mount of it.
  std::string cgroup2_root;
  /// Set: owners are named by this v1 controller ("pids", "memory" ...).
  std::string cgroup1_controller;
};

/// One loaded program, as the kernel's own statistics see it.
struct ProgramInfo {
  std::string name;
  bool attached = false;
  std::string detail;  // why not
  std::uint32_t verified_instructions = 0;
  std::uint64_t run_count = 0;  // with kernel.bpf_stats_enabled=1, as run_time_ns
  std::uint64_t run_time_ns = 0;
  std::uint64_t recursion_misses = 0;
};

/// The kernel side of one window after its drain. Balanced when
/// events_produced = events_read + the sum of lost_ring, and
/// flow_updates = the updates of the drained entries + lost_flow_update.
struct WindowCounters {
  iris_counters kernel{};         // summed over the CPUs
  std::uint64_t events_read = 0;  // records of this window that reached the handler
};

using EventHandler = std::function<void(const iris_event_header& event, std::size_t size)>;
using FlowHandler = std::function<void(const iris_flow_key& key, const iris_flow_value& value)>;

/// Opens, tunes, loads and attaches the programs, and reads what they produce.
/// Everything belongs to one thread, except that wake() may come from anywhere.
class BpfEventSource {
 public:
  /// Error kinds: permission (not root, or capabilities missing) and
  /// unsupported (no BTF, kernel too old, no cgroup2) say how to get it.
  static base::Result<std::unique_ptr<BpfEventSource>> open(const BpfOptions& options);
  ~BpfEventSource();
  BpfEventSource(const BpfEventSource&) = delete;
  BpfEventSource& operator=(const BpfEventSource&) = delete;

  /// Finds the sockets that existed before the programs were attached. Once.
  base::Result<void> find_existing_sockets();

  /// Waits up to `timeout` for events and hands all that wait to `handler`, in
  /// order. Returns the number handled; 0 also after wake() or a signal.
  base::Result<std::size_t> poll(std::chrono::milliseconds timeout, const EventHandler& handler);

  /// Ends a poll() in progress. Safe from a signal handler.
  void wake();

  /// Samples the live sockets into the current window. `closes_window`: count
  /// them as active too.
  base::Result<void> walk_sockets(bool closes_window);

  /// Ends the window: walks, switches the programs to the other maps, waits until
  /// none still uses the old ones, hands the remaining events of the old window to
  /// `events` and its summaries (folded ones too) to `flows`, and clears them.
  base::Result<WindowCounters> close_window(const EventHandler& events, const FlowHandler& flows);

  /// Directory of the hierarchy that names owners, for the resolver's scan.
  const std::string& owner_root() const;
  /// "v2", "hybrid" or "v1".
  const std::string& cgroup_mode() const;
  std::vector<ProgramInfo> programs() const;
  /// Bytes by map name, as the kernel charges them.
  std::map<std::string, std::uint64_t> map_bytes() const;
  std::uint64_t wakeups() const;

 private:
  class Impl;
  explicit BpfEventSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::capture
