// SPDX-License-Identifier: Apache-2.0
#include "capture/program_loader.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "capture/libbpf_log.h"
#include "capture/program_table.h"

namespace iris::capture {
namespace {

using Kind = base::Error::Kind;
using LeftOut = std::map<std::string, std::string, std::less<>>;

constexpr const char* kNotAskedFor = "not asked for";

/// Programs whose whole output is switched off cost their hook for nothing.
LeftOut not_asked_for(const BpfOptions& options) {
  LeftOut left_out;
  if (!options.emit_execs) left_out.emplace("iris_exec", kNotAskedFor);
  if (!options.emit_exits) {
    for (const char* name : {"iris_exit", "iris_sig_gen", "iris_sig_fault", "iris_oom"}) {
      left_out.emplace(name, kNotAskedFor);
    }
  }
  return left_out;
}

void tune(iris_bpf& skeleton, const BpfOptions& options, const KernelFeatures& features,
          std::uint32_t owner_hierarchy) {
  const std::uint32_t ring_bytes = ring_size(options.ring_bytes, static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE)));
  auto& knobs = *skeleton.rodata;
  knobs.emit_sockets = options.emit_sockets;
  knobs.emit_execs = options.emit_execs;
  knobs.emit_exits = options.emit_exits;
  knobs.emit_dns = options.emit_dns;
  knobs.has_coarse_clock = features.coarse_clock;
  knobs.has_get_retval = features.get_retval;
  knobs.has_group_dead = features.group_dead;
  knobs.mark_victim_has_task = features.mark_victim_task;
  knobs.owner_hierarchy = owner_hierarchy;
  knobs.owner_subsystem = features.v1_subsystem;
  // Seldom enough to cost nothing, early enough that what is left lasts for tens of milliseconds at the highest rate.
  knobs.wakeup_bytes = ring_bytes / 16 * 3;

  auto& maps = skeleton.maps;
  bpf_map__set_max_entries(maps.events, ring_bytes);
  bpf_map__set_max_entries(maps.sockets, options.max_sockets);
  bpf_map__set_max_entries(maps.flows_0, options.max_flows);
  bpf_map__set_max_entries(maps.flows_1, options.max_flows);
}

void choose_programs(iris_bpf& skeleton, const LeftOut& left_out) {
  for (const ProgramSpec& spec : program_table()) {
    bpf_program* program = bpf_object__find_program_by_name(skeleton.obj, spec.name.data());
    if (program == nullptr) continue;
    bool wanted = !left_out.contains(spec.name);
    if (spec.is_fallback) {
      wanted = wanted && std::any_of(program_table().begin(), program_table().end(), [&](const ProgramSpec& other) {
        return other.fallback == spec.name && left_out.contains(other.name);
      });
    }
    bpf_program__set_autoload(program, wanted);
  }
}

tl::unexpected<base::Error> map_error(const LoadFault& fault, int error) {
  if (fault.name == "events" && error == EINVAL && !has_ring_buffer()) {
    return base::fail("this kernel has no BPF ring buffer; 5.10 or later is needed", Kind::unsupported);
  }
  if (error != ENOMEM && error != E2BIG) return base::fail("cannot create the map " + fault.name + ": " + fault.reason);
  const char* option = fault.name == "events"            ? "the ring buffer size"
                       : fault.name == "sockets"         ? "the number of sockets followed"
                       : fault.name.starts_with("flows") ? "the number of flows"
                                                         : nullptr;
  return base::fail("no memory for the map " + fault.name + ": " + fault.reason + "; " +
                    (option != nullptr ? std::string("lower ") + option : "raise the memory limit") +
                    (geteuid() == 0 ? "" : ", or raise the limit of locked memory (ulimit -l)"));
}

/// The way on after a failed load: nothing when it can be tried again.
base::Result<void> learn_from(const std::string& log, int error, LeftOut& left_out) {
  const bool forbidden = error == EPERM || error == EACCES;
  if (const auto map = refused_map(log)) {
    if (!(forbidden && !has_bpf_capabilities()) && error != EPERM) return map_error(*map, error);
    return base::fail(std::string("not permitted to create BPF maps; ") + permission_advice(), Kind::permission);
  }
  const auto program = refused_program(log);
  if (error == EPERM && (!program || !has_bpf_capabilities())) {
    return base::fail(std::string("not permitted to load BPF programs; ") + permission_advice(), Kind::permission);
  }
  if (!program) {
    const std::string_view first_line = std::string_view(log).substr(0, log.find('\n'));
    return base::fail_errno("cannot load the BPF programs" + (log.empty() ? "" : " (" + std::string(first_line) + ")"),
                            error, error == ENOSYS ? Kind::unsupported : Kind::failed);
  }
  const ProgramSpec* spec = find_program(program->name);
  const bool last_resort = spec == nullptr || (spec->required && spec->fallback.empty());
  if (last_resort || !left_out.emplace(program->name, "refused by this kernel: " + program->reason).second) {
    return base::fail_errno("this kernel refuses the program " + program->name + " (" + program->reason + ")", error,
                            Kind::unsupported);
  }
  return {};
}

}  // namespace

std::uint32_t ring_size(std::uint32_t bytes, std::uint32_t page_bytes) {
  constexpr std::uint32_t kLargest = 1U << 31;
  return std::bit_ceil(std::clamp(bytes, page_bytes, kLargest));
}

base::Result<LoadedPrograms> load_programs(const BpfOptions& options, const KernelFeatures& features,
                                           std::uint32_t owner_hierarchy) {
  LeftOut left_out = not_asked_for(options);
  while (true) {
    const LibbpfLog log;
    SkeletonPtr skeleton(iris_bpf__open());
    if (skeleton == nullptr) return base::fail_errno("cannot open the embedded BPF object", errno);
    tune(*skeleton, options, features, owner_hierarchy);
    choose_programs(*skeleton, left_out);
    const int result = iris_bpf__load(skeleton.get());
    if (result == 0) return LoadedPrograms{std::move(skeleton), std::move(left_out)};
    const auto learnt = learn_from(log.text(), -result, left_out);
    if (!learnt) return tl::unexpected(learnt.error());
  }
}

}  // namespace iris::capture
