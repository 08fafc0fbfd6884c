// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/batch.h"

/// What irisd had in its spool: the very batches that a collector gets.
namespace iris::live {

/// From and to, wall clock.
struct Span {
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = 0;
};

struct Material {
  std::vector<flow::Batch> batches;   // in order
  std::map<std::string, Span> spans;  // what was done on the gateway, and when

  /// The batches that touch the span; with `whole` those that lie within it.
  std::span<const flow::Batch> slice(const Span& span, bool whole) const;
};

/// `folder` holds spool/, times.tsv (name, from, to in ns) and cgroup, the group below which
/// the gateway's own containers and services live. Records of others, on a machine that has
/// more to do than to play a gateway, are left out; so are the services "demo-*", which play
/// its surroundings.
base::Result<Material> read_material(const std::filesystem::path& folder);

/// Whether the record is the gateway's own.
bool belongs_to(const flow::Record& record, const std::string& cgroup);
/// All its times moved; times that are not known stay so.
void shift(flow::Record& record, std::int64_t by_ns);

}  // namespace iris::live
