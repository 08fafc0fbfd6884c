// SPDX-License-Identifier: Apache-2.0
#include "pipeline/tracer.h"

#include <sys/utsname.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "capture/bpf_event_source.h"
#include "pipeline/clock.h"
#include "pipeline/ledger.h"
#include "pipeline/record_maker.h"

namespace iris::pipeline {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kWalkEveryNs = 1'000 * kNsPerMs;
constexpr std::uint64_t kAddressesEveryNs = 10'000 * kNsPerMs;
constexpr milliseconds kEventsTimeout{50};
constexpr milliseconds kSummariesTimeout{200};
constexpr std::uint64_t kNever = UINT64_MAX;

std::uint64_t as_ns(milliseconds time) { return static_cast<std::uint64_t>(time.count()) * kNsPerMs; }

capture::BpfOptions bpf_options(const TracerOptions& options) {
  capture::BpfOptions bpf;
  bpf.emit_sockets = options.socket_events;
  bpf.emit_execs = options.execs || options.exits;  // an exit names its executable
  bpf.emit_exits = options.exits;
  bpf.emit_dns = options.dns;
  bpf.ring_bytes = options.ring_bytes;
  bpf.max_flows = options.max_flows;
  bpf.max_sockets = options.max_sockets;
  bpf.cgroup2_root = options.cgroup2_root;
  bpf.cgroup1_controller = options.cgroup1_controller;
  return bpf;
}

std::unique_ptr<symbolize::Symbolizer> make_symbolizer(const TracerOptions& options) {
  if (!options.symbolize || !options.exits) return nullptr;
  auto symbolizer = std::make_unique<symbolize::Symbolizer>();
  if (!symbolizer->available()) return nullptr;
  return symbolizer;
}

std::uint64_t recursion_misses(const capture::BpfEventSource& source) {
  const auto programs = source.programs();
  return std::accumulate(programs.begin(), programs.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& program) {
                           // These two see what the other missed, and count what both did: missed_close.
                           return program.name.starts_with("iris_tcp") ? sum : sum + program.recursion_misses;
                         });
}

/// Passes everything on and knows whether something came since the last flush.
class CountingSink : public flow::RecordSink {
 public:
  explicit CountingSink(flow::RecordSink& next) : next_(next) {}
  void write(const flow::Record& record) override {
    fresh_ = true;
    next_.write(record);
  }
  void flush() override {
    if (std::exchange(fresh_, false)) next_.flush();
  }

 private:
  flow::RecordSink& next_;
  bool fresh_ = false;
};

}  // namespace

class Tracer::Impl {
 public:
  Impl(const TracerOptions& options, std::unique_ptr<capture::BpfEventSource> source, std::uint64_t began_ns)
      : options_(with_owner_root(options, *source)),
        source_(std::move(source)),
        resolver_(options_.owners),
        maker_(options_, resolver_, make_symbolizer(options_)),
        began_ns_(began_ns) {}

  base::Result<void> start();
  base::Result<void> run(flow::RecordSink& sink, std::optional<milliseconds> duration);
  void set_on_turn(std::function<void()> on_turn) { on_turn_ = std::move(on_turn); }
  void set_devices(std::shared_ptr<const identity::DeviceIndex> devices) { maker_.set_devices(std::move(devices)); }

  void request_stop() {
    stop_.store(true);
    source_->wake();
  }
  TracerStatus status() const;
  std::vector<flow::ContainerRecord> containers() const { return resolver_.containers(); }

 private:
  static TracerOptions with_owner_root(TracerOptions options, const capture::BpfEventSource& source) {
    options.owners.cgroup_root = source.owner_root();
    return options;
  }
  base::Result<void> loop(flow::RecordSink& sink, std::uint64_t end_ns);
  base::Result<void> read_batch(flow::RecordSink& sink, std::uint64_t until_ns);
  base::Result<void> close_window(flow::RecordSink& sink);
  milliseconds timeout(std::uint64_t now_ns, std::uint64_t until_ns) const;

  TracerOptions options_;
  std::unique_ptr<capture::BpfEventSource> source_;
  enrich::OwnerResolver resolver_;
  RecordMaker maker_;

  std::function<void()> on_turn_;
  std::atomic<bool> stop_{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

  std::uint64_t began_ns_;
  std::uint64_t attach_ms_ = 0;
  std::uint64_t window_start_ns_ = 0;
  std::uint64_t next_walk_ns_ = 0;
  std::uint64_t next_addresses_ns_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t misses_before_ = 0;
  std::uint64_t events_read_ = 0;
  flow::Ledger total_;
};

base::Result<void> Tracer::Impl::start() {
  maker_.set_wall_offset(sample_wall_offset());
  resolver_.start();
  if (auto found = source_->find_existing_sockets(); !found) {
    return base::with_context("finding the sockets that exist", std::move(found.error()));
  }
  window_start_ns_ = monotonic_ns();
  attach_ms_ = (window_start_ns_ - began_ns_) / kNsPerMs;
  maker_.scan_processes(window_start_ns_);
  return {};
}

base::Result<void> Tracer::Impl::run(flow::RecordSink& sink, std::optional<milliseconds> duration) {
  CountingSink counted(sink);
  const std::uint64_t end_ns = duration ? monotonic_ns() + as_ns(*duration) : kNever;
  auto done = loop(counted, end_ns);
  if (done) done = close_window(counted);
  maker_.write_held_exits(counted);
  counted.flush();
  stop_.store(false);
  return done;
}

base::Result<void> Tracer::Impl::loop(flow::RecordSink& sink, std::uint64_t end_ns) {
  const std::uint64_t window_ns = std::max<std::uint64_t>(as_ns(options_.window), kNsPerMs);
  std::uint64_t now_ns = monotonic_ns();
  std::uint64_t window_end_ns = now_ns + window_ns;
  for (; !stop_.load() && now_ns < end_ns; now_ns = monotonic_ns()) {
    if (on_turn_) on_turn_();
    if (now_ns >= window_end_ns) {
      if (auto closed = close_window(sink); !closed) return closed;
      window_end_ns += window_ns;
      // Windows that were slept through are not made up for.
      if (window_end_ns <= now_ns) window_end_ns = now_ns + window_ns;
    }
    if (options_.socket_events && now_ns >= next_walk_ns_) {
      // An attempt that never left the host shows only here.
      if (auto walked = source_->walk_sockets(false); !walked) return walked;
      next_walk_ns_ = now_ns + kWalkEveryNs;
    }
    if (auto read = read_batch(sink, std::min(window_end_ns, end_ns)); !read) return read;
  }
  return {};
}

milliseconds Tracer::Impl::timeout(std::uint64_t now_ns, std::uint64_t until_ns) const {
  const milliseconds usual = options_.socket_events || maker_.holds_exits() ? kEventsTimeout : kSummariesTimeout;
  if (until_ns <= now_ns) return milliseconds(0);
  const std::uint64_t left_ms = (until_ns - now_ns + kNsPerMs - 1) / kNsPerMs;
  return std::min(usual, milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(left_ms, 1'000))));
}

base::Result<void> Tracer::Impl::read_batch(flow::RecordSink& sink, std::uint64_t until_ns) {
  std::uint64_t now_ns = 0;
  const auto handler = [&](const iris_event_header& header, std::size_t size) {
    if (now_ns == 0) {  // names that came while we waited are there for the first event
      now_ns = monotonic_ns();
      maker_.take_container_changes(sink, now_ns);
    }
    maker_.take_event(header, size, now_ns, sink);
  };
  if (auto read = source_->poll(timeout(monotonic_ns(), until_ns), handler); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  if (now_ns == 0) {
    now_ns = monotonic_ns();
    maker_.take_container_changes(sink, now_ns);
  }
  maker_.write_finished_exits(now_ns, sink);
  sink.flush();
  return {};
}

base::Result<void> Tracer::Impl::close_window(flow::RecordSink& sink) {
  const std::uint64_t end_ns = monotonic_ns();
  const WallOffset offset = sample_wall_offset();
  // Start with the offset that the last window's end had: windows leave no gap.
  const FlowTranslator::Window window{to_wall_ns(window_start_ns_, maker_.wall_offset()), to_wall_ns(end_ns, offset),
                                      offset};
  maker_.set_wall_offset(offset);
  if (end_ns >= next_addresses_ns_) {
    maker_.refresh_host_addresses();
    next_addresses_ns_ = end_ns + kAddressesEveryNs;
  }
  maker_.take_container_changes(sink, end_ns);

  WindowTally tally;
  const auto on_event = [&](const iris_event_header& header, std::size_t size) {
    maker_.take_event(header, size, end_ns, sink);
  };
  const auto on_flow = [&](const iris_flow_key& key, const iris_flow_value& value) {
    (key.folded != 0 ? tally.flow_updates_folded : tally.flow_updates) += value.updates;
    if (options_.flows) maker_.take_flow(key, value, window, sink);
  };
  const auto counters = source_->close_window(on_event, on_flow);
  maker_.finish_flows(sink);
  if (!counters) return tl::unexpected(counters.error());

  tally.kernel = counters->kernel;
  tally.events_read = counters->events_read;
  const auto malformed = maker_.take_malformed(counters->events_read);
  tally.malformed = malformed.records;
  tally.malformed_dns = malformed.dns_answers;
  const std::uint64_t misses = recursion_misses(*source_);
  tally.recursion_misses = misses - std::min(misses, misses_before_);
  misses_before_ = misses;

  flow::Ledger ledger = make_ledger(tally);
  ledger.window_start_wall_ns = window.start_wall_ns;
  ledger.window_end_wall_ns = window.end_wall_ns;
  ledger.sequence = ++sequence_;
  accumulate(total_, ledger);
  events_read_ += counters->events_read;
  window_start_ns_ = end_ns;
  sink.write(std::move(ledger));
  sink.flush();
  return {};
}

TracerStatus Tracer::Impl::status() const {
  TracerStatus status;
  utsname names{};
  if (uname(&names) == 0) status.kernel_release = names.release;
  status.cgroup_mode = source_->cgroup_mode();
  status.cgroup_root = source_->owner_root();
  status.attach_ms = attach_ms_;
  for (auto& program : source_->programs()) {
    status.programs.push_back({std::move(program.name), program.attached, std::move(program.detail),
                               program.verified_instructions, program.run_count, program.run_time_ns,
                               program.recursion_misses});
  }
  status.map_bytes = source_->map_bytes();
  status.events_read = events_read_;
  status.wakeups = source_->wakeups();
  status.runtimes = resolver_.runtimes();
  status.total = total_;
  return status;
}

base::Result<std::unique_ptr<Tracer>> Tracer::open(const TracerOptions& options) {
  const std::uint64_t began_ns = monotonic_ns();
  auto source = capture::BpfEventSource::open(bpf_options(options));
  if (!source) return tl::unexpected(std::move(source.error()));
  auto impl = std::make_unique<Impl>(options, std::move(*source), began_ns);
  if (auto started = impl->start(); !started) return tl::unexpected(std::move(started.error()));
  return std::unique_ptr<Tracer>(new Tracer(std::move(impl)));
}

Tracer::Tracer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tracer::~Tracer() = default;

base::Result<void> Tracer::run(flow::RecordSink& sink, std::optional<milliseconds> duration) {
  return impl_->run(sink, duration);
}
void Tracer::set_on_turn(std::function<void()> on_turn) { impl_->set_on_turn(std::move(on_turn)); }
void Tracer::set_devices(std::shared_ptr<const identity::DeviceIndex> devices) { impl_->set_devices(std::move(devices)); }
void Tracer::request_stop() { impl_->request_stop(); }
TracerStatus Tracer::status() const { return impl_->status(); }
std::vector<flow::ContainerRecord> Tracer::containers() const { return impl_->containers(); }

}  // namespace iris::pipeline
