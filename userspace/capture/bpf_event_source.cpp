// SPDX-License-Identifier: Apache-2.0
#include "capture/bpf_event_source.h"

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include "base/unique_fd.h"
#include "capture/bpf_handles.h"
#include "capture/cgroup_mounts.h"
#include "capture/event_reader.h"
#include "capture/kernel_probe.h"
#include "capture/libbpf_log.h"
#include "capture/map_drain.h"
#include "capture/program_loader.h"
#include "capture/program_table.h"

namespace iris::capture {
namespace {

using Kind = base::Error::Kind;

// Not in errno.h: "no trampolines on this architecture", from the kernel's own include/linux/errno.h.
constexpr int kNotSupported = 524;

constexpr std::uint64_t kOrphanPatienceNs = 2'000'000'000;

std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Programs read it on other CPUs while they run.
template <typename T>
void publish(T& variable, T value) {
  __atomic_store_n(&variable, value, __ATOMIC_SEQ_CST);
}

/// Runs an iterator once over everything.
base::Result<void> run_iterator(bpf_link* link) {
  const base::UniqueFd iterator(bpf_iter_create(bpf_link__fd(link)));
  if (!iterator) return base::fail_errno("cannot start an iterator", errno);
  std::array<char, 4096> output{};
  while (true) {
    const ssize_t length = ::read(iterator.get(), output.data(), output.size());
    if (length == 0) return {};
    // The kernel takes a breath after a million elements.
    if (length < 0 && errno != EAGAIN && errno != EINTR) return base::fail_errno("cannot run an iterator", errno);
  }
}

/// Runs a program of type syscall once.
base::Result<void> run_program(int fd) {
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  const int result = bpf_prog_test_run_opts(fd, &options);
  if (result != 0) return base::fail_errno("cannot run a program", -result);
  return {};
}

std::string reason_of(int error) {
  if (error == kNotSupported) return "not supported by this kernel";
  return std::generic_category().message(error);
}

std::uint64_t charged_bytes(int map_fd) {
  std::ifstream file("/proc/self/fdinfo/" + std::to_string(map_fd));
  std::string name;
  while (file >> name) {
    std::uint64_t bytes = 0;
    if (name == "memlock:" && file >> bytes) return bytes;
    file.ignore(256, '\n');
  }
  return 0;
}

}  // namespace

class BpfEventSource::Impl {
 public:
  base::Result<void> open(const BpfOptions& options);
  base::Result<void> find_existing_sockets();
  /// Lets the programs know the time without asking the clock for each packet.
  void publish_time();
  base::Result<void> walk_sockets(bool closes_window);
  base::Result<WindowCounters> close_window(const EventHandler& events, const FlowHandler& flows);
  std::vector<ProgramInfo> programs() const;
  std::map<std::string, std::uint64_t> map_bytes() const;

  EventReader& reader() { return reader_; }
  const EventReader& reader() const { return reader_; }
  const CgroupRoots& roots() const { return roots_; }

 private:
  base::Result<void> attach_all();
  LinkPtr attach(const ProgramSpec& spec, bpf_program* program);
  /// Until no program still runs that saw the old window.
  base::Result<void> wait_for_programs();

  CgroupRoots roots_;
  LoadedPrograms loaded_;
  EventReader reader_;
  // After skeleton and reader: detached before either goes.
  std::map<std::string_view, LinkPtr> links_;
  std::map<std::string, std::string, std::less<>> attach_faults_;
  FlowDrain flow_drain_;
  WindowCounterMap counter_map_;
};

base::Result<void> BpfEventSource::Impl::open(const BpfOptions& options) {
  const LibbpfLog quiet;
  auto roots = find_cgroup_roots(options.cgroup2_root, options.cgroup1_controller);
  if (!roots) return tl::unexpected(roots.error());
  roots_ = std::move(*roots);
  const auto features = probe_kernel(options.cgroup1_controller);
  if (!features) return tl::unexpected(features.error());
  auto loaded = load_programs(options, *features, roots_.owner_hierarchy);
  if (!loaded) return tl::unexpected(loaded.error());
  loaded_ = std::move(*loaded);
  // The kernel's type information took some ten megabytes; give them back before the ring takes its own.
  malloc_trim(0);
  if (auto opened = reader_.open(bpf_map__fd(loaded_.skeleton->maps.events)); !opened) return opened;
  return attach_all();
}

LinkPtr BpfEventSource::Impl::attach(const ProgramSpec& spec, bpf_program* program) {
  if (spec.attach == AttachKind::cgroup) return LinkPtr(bpf_program__attach_cgroup(program, roots_.v2.get()));
  if (spec.attach == AttachKind::tracepoint) return LinkPtr(bpf_program__attach(program));
  if (spec.name == "iris_existing") return LinkPtr(bpf_program__attach_iter(program, nullptr));
  bpf_iter_link_info info{};
  info.map.map_fd = static_cast<__u32>(bpf_map__fd(loaded_.skeleton->maps.sockets));
  bpf_iter_attach_opts options{};
  options.sz = sizeof(options);
  options.link_info = &info;
  options.link_info_len = sizeof(info);
  return LinkPtr(bpf_program__attach_iter(program, &options));
}

base::Result<void> BpfEventSource::Impl::attach_all() {
  for (const ProgramSpec& spec : program_table()) {
    bpf_program* program = bpf_object__find_program_by_name(loaded_.skeleton->obj, spec.name.data());
    if (program == nullptr || !bpf_program__autoload(program) || spec.attach == AttachKind::on_demand) continue;
    LinkPtr link = attach(spec, program);
    if (link != nullptr) {
      links_.emplace(spec.name, std::move(link));
      continue;
    }
    const int error = errno;
    const std::string what = "cannot attach the program " + std::string(spec.name) + ": " + reason_of(error);
    if (error == EPERM && !has_bpf_capabilities()) return base::fail(what + "; " + permission_advice(), Kind::permission);
    if (spec.required) return base::fail(what, error == EPERM ? Kind::permission : Kind::unsupported);
    attach_faults_.emplace(spec.name, "not attached: " + reason_of(error));
  }
  return {};
}

base::Result<void> BpfEventSource::Impl::find_existing_sockets() {
  const auto link = links_.find("iris_existing");
  if (link == links_.end()) return {};  // programs() tells why
  for (const u32 pass : {0U, 1U}) {
    publish(loaded_.skeleton->bss->existing_pass, pass);
    if (auto run = run_iterator(link->second.get()); !run) return with_context("sockets that exist already", run.error());
  }
  links_.erase(link);
  // Orphans of connections that ended just before are not in any process's hands; they are gone by then.
  publish(loaded_.skeleton->bss->trusted_from_ns, static_cast<u64>(monotonic_ns()) + kOrphanPatienceNs);
  return {};
}

base::Result<void> BpfEventSource::Impl::walk_sockets(bool closes_window) {
  auto& variables = *loaded_.skeleton->bss;
  publish(variables.walk_closes_window, static_cast<u32>(closes_window));
  publish_time();
  base::Result<void> run;
  if (const int walk = bpf_program__fd(loaded_.skeleton->progs.iris_walk); walk >= 0) {
    run = run_program(walk);
  } else {
    auto link = links_.find("iris_walk_iter");
    if (link == links_.end()) link = links_.find("iris_walk_510");
    if (link != links_.end()) run = run_iterator(link->second.get());
  }
  if (!run) return with_context("walk over live sockets", run.error());
  return {};
}

void BpfEventSource::Impl::publish_time() {
  publish(loaded_.skeleton->bss->recent_ns, static_cast<u64>(monotonic_ns()));
}

base::Result<void> BpfEventSource::Impl::wait_for_programs() {
  // Replacing the inner map of a map in map waits for a grace period, even by the same inner map.
  const auto& maps = loaded_.skeleton->maps;
  const std::uint32_t slot = 0;
  const int inner = bpf_map__fd(maps.barrier_slot);
  const int result = bpf_map_update_elem(bpf_map__fd(maps.barrier), &slot, &inner, BPF_ANY);
  if (result != 0) return base::fail_errno("cannot wait for running programs", -result);
  return {};
}

base::Result<WindowCounters> BpfEventSource::Impl::close_window(const EventHandler& events, const FlowHandler& flows) {
  auto& skeleton = *loaded_.skeleton;
  const unsigned old = skeleton.bss->active_window & 1U;
  if (auto walked = walk_sockets(true); !walked) return tl::unexpected(walked.error());
  publish(skeleton.bss->active_window, static_cast<u32>(old ^ 1U));
  if (auto waited = wait_for_programs(); !waited) return tl::unexpected(waited.error());

  const int counters_fd = bpf_map__fd(skeleton.maps.counters);
  const auto counters = counter_map_.read(counters_fd, old);
  if (!counters) return tl::unexpected(counters.error());
  WindowCounters window;
  window.kernel = *counters;
  std::uint64_t lost = 0;
  for (const __u64 one : counters->lost_ring) lost += one;
  if (auto read = reader_.read_window(old, counters->events_produced - lost, events); !read) {
    return tl::unexpected(read.error());
  }
  window.events_read = reader_.events_read(old);
  for (const bpf_map* map : {old == 0 ? skeleton.maps.flows_0 : skeleton.maps.flows_1,
                             old == 0 ? skeleton.maps.folds_0 : skeleton.maps.folds_1}) {
    if (auto drained = flow_drain_.drain(bpf_map__fd(map), flows); !drained) return tl::unexpected(drained.error());
  }
  if (auto cleared = counter_map_.clear(counters_fd, old); !cleared) return tl::unexpected(cleared.error());
  reader_.reset(old);
  return window;
}

std::vector<ProgramInfo> BpfEventSource::Impl::programs() const {
  std::vector<ProgramInfo> list;
  for (const ProgramSpec& spec : program_table()) {
    const bpf_program* program = bpf_object__find_program_by_name(loaded_.skeleton->obj, spec.name.data());
    const auto left_out = loaded_.left_out.find(spec.name);
    const bool loaded = program != nullptr && bpf_program__fd(program) >= 0;
    if (!loaded && spec.is_fallback && left_out == loaded_.left_out.end()) continue;  // not needed
    ProgramInfo& entry = list.emplace_back();
    entry.name = spec.name;
    entry.attached = links_.contains(spec.name) || (loaded && spec.attach == AttachKind::on_demand);
    const auto fault = attach_faults_.find(spec.name);
    if (left_out != loaded_.left_out.end()) {
      entry.detail = left_out->second;
    } else if (fault != attach_faults_.end()) {
      entry.detail = fault->second;
    } else if (loaded && !entry.attached) {
      entry.detail = "done: ran once at the start";
    }
    if (!loaded) continue;
    bpf_prog_info info{};
    __u32 length = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) != 0) continue;
    entry.verified_instructions = info.verified_insns;
    entry.run_count = info.run_cnt;
    entry.run_time_ns = info.run_time_ns;
    entry.recursion_misses = info.recursion_misses;
  }
  return list;
}

std::map<std::string, std::uint64_t> BpfEventSource::Impl::map_bytes() const {
  std::map<std::string, std::uint64_t> bytes;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, loaded_.skeleton->obj) {
    if (bpf_map__fd(map) >= 0) bytes[bpf_map__name(map)] = charged_bytes(bpf_map__fd(map));
  }
  return bytes;
}

BpfEventSource::BpfEventSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BpfEventSource::~BpfEventSource() = default;

base::Result<std::unique_ptr<BpfEventSource>> BpfEventSource::open(const BpfOptions& options) {
  auto impl = std::make_unique<Impl>();
  if (auto opened = impl->open(options); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<BpfEventSource>(new BpfEventSource(std::move(impl)));
}

base::Result<void> BpfEventSource::find_existing_sockets() { return impl_->find_existing_sockets(); }

base::Result<std::size_t> BpfEventSource::poll(std::chrono::milliseconds timeout, const EventHandler& handler) {
  impl_->publish_time();
  return impl_->reader().poll(timeout, handler);
}

void BpfEventSource::wake() { impl_->reader().wake(); }

base::Result<void> BpfEventSource::walk_sockets(bool closes_window) { return impl_->walk_sockets(closes_window); }

base::Result<WindowCounters> BpfEventSource::close_window(const EventHandler& events, const FlowHandler& flows) {
  return impl_->close_window(events, flows);
}

const std::string& BpfEventSource::owner_root() const { return impl_->roots().owner_path; }
const std::string& BpfEventSource::cgroup_mode() const { return impl_->roots().mode; }
std::vector<ProgramInfo> BpfEventSource::programs() const { return impl_->programs(); }
std::map<std::string, std::uint64_t> BpfEventSource::map_bytes() const { return impl_->map_bytes(); }
std::uint64_t BpfEventSource::wakeups() const { return impl_->reader().wakeups(); }

}  // namespace iris::capture
