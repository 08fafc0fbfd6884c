// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace iris::capture {

/// on_demand: not attached at all, run by user space.
enum class AttachKind { tracepoint, cgroup, iterator, on_demand };

/// How one program of bpf/ is treated.
struct ProgramSpec {
  std::string_view name;
  AttachKind attach;
  std::string_view fallback;  // takes its place when the kernel refuses it; empty: none
  bool required = false;      // without it (and its fallback) there is nothing to see
  bool is_fallback = false;   // only loaded in the place of another
};

/// In the order of attaching: what announces stands before what relies on it, so
/// that a socket born meanwhile is not taken for one that failed.
std::span<const ProgramSpec> program_table();
const ProgramSpec* find_program(std::string_view name);

}  // namespace iris::capture
