// SPDX-License-Identifier: Apache-2.0
#include "material.h"

#include <fstream>
#include <memory>
#include <type_traits>

#include "spool/spool.h"

namespace iris::live {
namespace {

void move(std::uint64_t& time_ns, std::int64_t by_ns) {
  if (time_ns != 0) time_ns += static_cast<std::uint64_t>(by_ns);
}

base::Result<std::vector<flow::Batch>> read_spool(const std::filesystem::path& folder, const std::string& cgroup) {
  spool::SpoolOptions options;
  options.directory = folder;
  auto spool = spool::Spool::open(options, 0);
  if (!spool) return tl::unexpected(spool.error());
  std::vector<flow::Batch> batches;
  for (std::uint64_t last = 0;;) {
    auto next = (*spool)->next_after(last);
    if (!next) return tl::unexpected(next.error());
    if (!*next) return batches;
    last = (*next)->last_sequence;
    auto& batch = (*next)->batch;
    std::erase_if(batch.records, [&](const auto& record) { return !belongs_to(record, cgroup); });
    batches.push_back(std::move(batch));
  }
}

}  // namespace

bool belongs_to(const flow::Record& record, const std::string& cgroup) {
  return std::visit(
      [&](const auto& one) {
        using Kind = std::decay_t<decltype(one)>;
        if constexpr (flow::kHasOwner<Kind>) {
          if (!one.owner) return false;
          const auto& path = one.owner->cgroup_path;
          const auto place = path.find("/" + cgroup + "/");
          return place != std::string::npos && path.compare(place + cgroup.size() + 2, 5, "demo-") != 0;
        } else {
          return true;
        }
      },
      record);
}

void shift(flow::Record& record, std::int64_t by_ns) {
  std::visit(
      [by_ns](auto& one) {
        using Kind = std::decay_t<decltype(one)>;
        if constexpr (requires { one.wall_ns; }) move(one.wall_ns, by_ns);
        if constexpr (requires { one.window_start_wall_ns; }) {
          move(one.window_start_wall_ns, by_ns);
          move(one.window_end_wall_ns, by_ns);
        }
        if constexpr (std::is_same_v<Kind, flow::FlowRecord>) {
          move(one.first_seen_wall_ns, by_ns);
          move(one.last_seen_wall_ns, by_ns);
        }
        if constexpr (std::is_same_v<Kind, flow::ExitRecord>) move(one.started_wall_ns, by_ns);
      },
      record);
}

std::span<const flow::Batch> Material::slice(const Span& span, bool whole) const {
  const auto within = [&](const flow::Batch& batch) {
    return whole ? batch.start_wall_ns >= span.from_ns && batch.end_wall_ns <= span.to_ns
                 : batch.end_wall_ns > span.from_ns && batch.start_wall_ns < span.to_ns;
  };
  std::size_t first = 0;
  while (first < batches.size() && !within(batches[first])) ++first;
  std::size_t last = first;
  while (last < batches.size() && within(batches[last])) ++last;
  return std::span(batches).subspan(first, last - first);
}

base::Result<Material> read_material(const std::filesystem::path& folder) {
  std::string cgroup;
  if (!(std::ifstream(folder / "cgroup") >> cgroup)) return base::fail("cannot read " + (folder / "cgroup").string());
  auto batches = read_spool(folder / "spool", cgroup);
  if (!batches) return base::with_context((folder / "spool").string(), std::move(batches.error()));
  Material material;
  material.batches = std::move(*batches);
  std::ifstream times(folder / "times.tsv");
  Span span;
  for (std::string name; times >> name >> span.from_ns >> span.to_ns;) material.spans[name] = span;
  if (!times.eof() || material.spans.empty()) return base::fail("cannot read " + (folder / "times.tsv").string());
  return material;
}

}  // namespace iris::live
