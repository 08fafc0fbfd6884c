// SPDX-License-Identifier: Apache-2.0
#include "capture/program_table.h"

#include <algorithm>
#include <array>

namespace iris::capture {
namespace {

constexpr auto kTracepoint = AttachKind::tracepoint;
constexpr auto kCgroup = AttachKind::cgroup;
constexpr auto kIterator = AttachKind::iterator;

constexpr std::array<ProgramSpec, 20> kPrograms{{
    {"iris_cg_mkdir", kTracepoint, {}},
    {"iris_cg_rmdir", kTracepoint, {}},
    {"iris_tcp_state", kTracepoint, "iris_tcp_st_510", true},
    {"iris_tcp_st_510", kTracepoint, {}, true, true},
    {"iris_tcp_end", kTracepoint, "iris_tcpend_510"},
    {"iris_tcpend_510", kTracepoint, {}, false, true},
    {"iris_connect4", kCgroup, {}},
    {"iris_connect6", kCgroup, {}},
    {"iris_sock_new", kCgroup, {}},
    {"iris_skb_in", kCgroup, {}},
    {"iris_skb_out", kCgroup, {}},
    {"iris_sig_gen", kTracepoint, {}},
    {"iris_oom", kTracepoint, {}},
    {"iris_sig_fault", kTracepoint, {}},
    {"iris_exit", kTracepoint, {}},
    {"iris_exec", kTracepoint, {}},
    {"iris_walk", AttachKind::on_demand, "iris_walk_iter"},
    {"iris_walk_iter", kIterator, "iris_walk_510", false, true},
    {"iris_walk_510", kIterator, {}, false, true},
    {"iris_existing", kIterator, {}},
}};

}  // namespace

std::span<const ProgramSpec> program_table() { return kPrograms; }

const ProgramSpec* find_program(std::string_view name) {
  const auto found = std::find_if(kPrograms.begin(), kPrograms.end(),
                                  [&](const ProgramSpec& program) { return program.name == name; });
  return found == kPrograms.end() ? nullptr : &*found;
}

}  // namespace iris::capture
