// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "enrich/owner_resolver.h"
#include "flow/records.h"
#include "identity/device_index.h"

namespace iris::pipeline {

/// What to trace and within which limits. Defaults hold the memory promise:
/// at most 16 MiB of maps for 10,000 live flows.
struct TracerOptions {
  bool flows = true;           // summaries, one set a window
  bool socket_events = false;  // a record for each connect, accept, close ...
  bool exits = true;
  bool execs = true;
  bool dns = true;
  bool containers = true;      // container changes as records
  bool symbolize = true;       // crash stacks through iris-symbolize
  std::chrono::milliseconds window{10'000};
  std::uint32_t ring_bytes = 2U << 20;  // rounded up to a power of two of pages
  std::uint32_t max_flows = 12'288;     // for each of the two window maps
  std::uint32_t max_sockets = 20'480;
  /// Empty: find the cgroup2 mount, or mount one privately.
  std::string cgroup2_root;
  /// Set: the owner is named by this v1 controller ("pids", "memory" ...).
  std::string cgroup1_controller;
  enrich::OwnerResolverOptions owners;
};

/// One loaded program, as the kernel's own statistics see it.
struct ProgramStatus {
  std::string name;
  bool attached = false;
  std::string detail;  // why not
  std::uint32_t verified_instructions = 0;
  std::uint64_t run_count = 0;    // with kernel.bpf_stats_enabled=1
  std::uint64_t run_time_ns = 0;
  std::uint64_t recursion_misses = 0;
};

struct TracerStatus {
  std::string kernel_release;
  std::string cgroup_mode;  // "v2", "hybrid" or "v1"
  std::string cgroup_root;
  std::uint64_t attach_ms = 0;  // from open() to attached
  std::vector<ProgramStatus> programs;
  std::map<std::string, std::uint64_t> map_bytes;  // by map name, kernel's own figure
  std::uint64_t events_read = 0;
  std::uint64_t wakeups = 0;
  std::vector<enrich::RuntimeStatus> runtimes;
  flow::Ledger total;  // since start
};

/// The whole road on one gateway: hooks > events and flows > owners > records.
/// Everything but request_stop() belongs to one thread.
class Tracer {
 public:
  /// Loads and attaches. Errors say what is missing: Kind::permission and
  /// Kind::unsupported are exit code 3 of the commands.
  static base::Result<std::unique_ptr<Tracer>> open(const TracerOptions& options);
  ~Tracer();

  /// Delivers records until request_stop(), or until `duration` is over.
  /// Ends with a last, perhaps shorter, window. May be called again.
  base::Result<void> run(flow::RecordSink& sink, std::optional<std::chrono::milliseconds> duration);

  /// Called by run() at least every 200 ms: a sign of life, and the moment to ask
  /// for status() or containers(). May be set before run() only.
  void set_on_turn(std::function<void()> on_turn);

  /// Who addresses are, for flows from now on; null: nobody. Within run() only from its callbacks.
  void set_devices(std::shared_ptr<const identity::DeviceIndex> devices);

  /// Safe from a signal handler and from another thread.
  void request_stop();

  TracerStatus status() const;
  std::vector<flow::ContainerRecord> containers() const;

 private:
  class Impl;
  explicit Tracer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct SelfTestStep {
  std::string name;  // "connect", "accept", "udp", "refused", "crash"
  bool passed = false;
  std::string detail;
};

/// Makes a connect, an accept, a UDP exchange, a refused connect and a crash in
/// a scratch cgroup on loopback and requires each record with the right owner.
base::Result<std::vector<SelfTestStep>> run_self_test(const TracerOptions& options);

}  // namespace iris::pipeline
