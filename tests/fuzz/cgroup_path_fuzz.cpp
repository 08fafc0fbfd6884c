// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "enrich/cgroup_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  const auto parsed = iris::enrich::parse_cgroup_path(path);
  if (parsed.own_length > path.size()) std::abort();
  if ((parsed.kind == iris::flow::OwnerKind::container) == parsed.container_id.empty()) std::abort();
  if ((parsed.kind == iris::flow::OwnerKind::service) == parsed.unit.empty()) std::abort();
  // What stands behind the owner's own group never changes the owner of a container.
  if (parsed.kind == iris::flow::OwnerKind::container) {
    const auto own = iris::enrich::parse_cgroup_path(path.substr(0, parsed.own_length));
    if (own.container_id != parsed.container_id || own.runtime != parsed.runtime) std::abort();
  }
  const auto candidate = iris::enrich::containerd_candidate(path);
  if (candidate && (candidate->own_length > path.size() || candidate->id.empty())) std::abort();
  return 0;
}
