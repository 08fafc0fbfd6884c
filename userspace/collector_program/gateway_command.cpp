// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>

#include "collector_program/commands.h"
#include "collector_program/service.h"
#include "rest/answers.h"
#include "base/rfc3339.h"

namespace iris::collector {
namespace {

base::Result<void> add(store::Store& store, const Options& options) {
  const auto token = new_token();
  const auto gateway = store.add_gateway(options.gateway, hash_token(token), now_wall_ns());
  if (!gateway) return tl::unexpected(gateway.error());
  if (options.json) {
    // Names are plain and tokens hexadecimal: nothing to escape.
    fmt::print("{{\"name\":\"{}\",\"token\":\"{}\"}}\n", options.gateway, token);
  } else {
    fmt::print("{}\n", token);
    fmt::print(stderr, "gateway '{}' added; its token is on standard output and will not be shown again\n", options.gateway);
  }
  return {};
}

void print_table(const std::vector<store::Gateway>& gateways) {
  const auto text_or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  const auto time = [](std::uint64_t wall_ns) {
    return wall_ns == 0 ? std::string("never") : base::format_rfc3339(wall_ns / 1'000'000'000 * 1'000'000'000);
  };
  std::size_t width = 4;
  for (const auto& gateway : gateways) width = std::max(width, gateway.name.size());
  fmt::print("{:<{}}  {:<7}  {:<20}  {:<20}  {:<10}  {}\n", "NAME", width, "STATE", "CREATED", "LAST SEEN", "AGENT", "HOST");
  for (const auto& gateway : gateways) {
    fmt::print("{:<{}}  {:<7}  {:<20}  {:<20}  {:<10}  {}\n", gateway.name, width, gateway.revoked ? "revoked" : "active",
               time(gateway.created_wall_ns), time(gateway.last_seen_wall_ns), text_or_dash(gateway.agent_version),
               text_or_dash(gateway.host_name));
  }
}

base::Result<void> list(store::Store& store, const Options& options) {
  const auto gateways = store.gateways();
  if (!gateways) return tl::unexpected(gateways.error());
  if (!options.json) {
    print_table(*gateways);
    return {};
  }
  for (const auto& gateway : *gateways) fmt::print("{}\n", rest::gateway_json(gateway));
  return {};
}

base::Result<void> revoke(store::Store& store, const Options& options) {
  if (auto revoked = store.revoke_gateway(options.gateway); !revoked) return revoked;
  if (options.json) {
    fmt::print("{{\"name\":\"{}\",\"revoked\":true}}\n", options.gateway);
  } else {
    fmt::print(stderr, "gateway '{}' revoked\n", options.gateway);
  }
  return {};
}

}  // namespace

base::Result<void> run_gateway_command(const Options& options, const Config& config) {
  auto store = open_for_command(config, options.command == Options::Command::gateway_add);
  if (!store) return tl::unexpected(std::move(store.error()));
  base::Result<void> done;
  switch (options.command) {
    case Options::Command::gateway_add: done = add(**store, options); break;
    case Options::Command::gateway_revoke: done = revoke(**store, options); break;
    default: done = list(**store, options);
  }
  if (std::fflush(stdout) != 0) return base::fail("cannot write to standard output");
  return done;
}

}  // namespace iris::collector
