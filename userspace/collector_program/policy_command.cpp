// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>

#include "analysis/packed_state.h"
#include "collector_program/commands.h"
#include "collector_program/policy_export.h"
#include "collector_program/service.h"

namespace iris::collector {
namespace {

/// Profiles as the store keeps them.
ProfileSource source_of(store::Store& store) {
  ProfileSource source;
  source.keys = [&store]() -> base::Result<std::vector<std::string>> {
    std::vector<std::string> keys;
    store::ProfileQuery query;
    for (std::size_t got = query.limit; got == query.limit; query.offset += query.limit) {
      got = 0;
      auto done = store.profiles(query, [&](const store::StoredProfile& stored) {
        ++got;
        keys.push_back(stored.key);
      });
      if (!done) return tl::unexpected(std::move(done.error()));
    }
    return keys;
  };
  source.load = [&store](const std::string& key) -> base::Result<profile::Profile> {
    store::ProfileQuery query;
    query.key = key;
    base::Result<profile::Profile> loaded = base::fail("the profile is gone");
    auto done = store.profiles(query, [&](const store::StoredProfile& stored) { loaded = analysis::profile_of(stored); });
    if (!done) return tl::unexpected(std::move(done.error()));
    return loaded;
  };
  return source;
}

}  // namespace

base::Result<void> run_policy_command(const Options& options, const Config& config) {
  auto store = open_for_command(config, false);
  if (!store) return tl::unexpected(std::move(store.error()));
  const auto text = export_policy(options.policy, options.json, source_of(**store), **store, now_wall_ns());
  if (!text) return tl::unexpected(text.error());
  for (const auto& note : text->notes) fmt::print(stderr, "iris-collector: note: {}\n", note);
  fmt::print("{}", text->out);
  if (std::fflush(stdout) != 0) return base::fail("cannot write to standard output");
  return {};
}

}  // namespace iris::collector
