// SPDX-License-Identifier: Apache-2.0
#include "collector_program/policy_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "detect/judge.h"
#include "policy/dry_run.h"
#include "policy/formats.h"
#include "policy/text.h"

namespace iris::collector {
namespace {

using policy::Side;

constexpr std::uint64_t kHour = 3600ULL * 1'000'000'000;
constexpr std::uint64_t kLookedAt = 7 * 24 * kHour;  // as long as raw flows are kept by default

base::Result<std::string> find_profile(const std::string& name, const ProfileSource& profiles, store::Store& store) {
  const auto keys = profiles.keys();
  if (!keys) return tl::unexpected(keys.error());
  const auto owners = store.owners(std::nullopt);
  if (!owners) return tl::unexpected(owners.error());
  auto found = profiles_named(name, *keys, *owners);
  if (found.size() == 1) return std::move(found.front());
  if (found.empty())
    return base::fail(fmt::format("there is no profile of '{}' ({} are known)", policy::plain(name), keys->size()),
                      base::Error::Kind::usage);
  constexpr std::size_t kMostShown = 10;
  std::string list;
  for (std::size_t i = 0; i < std::min(found.size(), kMostShown); ++i) list += "\n  " + policy::plain(found[i]);
  if (found.size() > kMostShown) list += fmt::format("\n  and {} more", found.size() - kMostShown);
  return base::fail(fmt::format("'{}' may be any of these, name one:{}", policy::plain(name), list),
                    base::Error::Kind::usage);
}

/// The summaries of the last days, hour by hour: the store keeps what it answers in memory.
class Flows {
 public:
  Flows(store::Store& store, std::vector<store::Gateway> gateways, std::uint64_t now_wall_ns)
      : store_(store), gateways_(std::move(gateways)), end_ns_(now_wall_ns), start_ns_(now_wall_ns - std::min(now_wall_ns, kLookedAt)) {}

  std::uint64_t start_ns() const { return start_ns_; }
  std::uint64_t end_ns() const { return end_ns_; }

  template <typename Take>
  base::Result<void> each(Take take) {
    for (const auto& gateway : gateways_) {
      for (std::uint64_t hour = start_ns_; hour < end_ns_; hour += kHour) {
        store::FlowQuery query;
        query.range = {hour, std::min(hour + kHour, end_ns_)};
        query.gateway_id = gateway.id;
        query.limit = 20'000;
        for (std::size_t got = query.limit; got == query.limit; query.offset += query.limit) {
          got = 0;
          auto done = store_.flows(query, [&](const store::StoredFlow& stored) {
            ++got;
            take(gateway.name, stored.flow);
          });
          if (!done) return base::with_context("flows of " + gateway.name, std::move(done.error()));
        }
      }
    }
    return {};
  }

 private:
  store::Store& store_;
  std::vector<store::Gateway> gateways_;
  std::uint64_t end_ns_;
  std::uint64_t start_ns_;
};

/// Tells on whose side of a summary the profile's workload is; it may be on both.
class Sides {
 public:
  explicit Sides(std::string key) : key_(std::move(key)) {}

  template <typename Take>
  bool each(const std::string& gateway, const flow::FlowRecord& record, Take take) {
    bool any = false;
    const auto on = [&](bool is, Side side) {
      if (is) take(side);
      any |= is;
    };
    on(is_ours(gateway, record.owner, owner_), Side::owner);
    on(is_ours(gateway, record.peer_owner, peer_), Side::called);
    on(!record.peer_device.empty() && key_ == gateway + "/device/" + record.peer_device, Side::device);
    return any;
  }

 private:
  struct Last {
    std::string gateway;
    flow::OwnerPtr owner;
    bool ours = false;
  };
  /// Summaries of one owner stand together.
  bool is_ours(const std::string& gateway, const flow::OwnerPtr& owner, Last& last) const {
    if (!owner) return false;
    if (last.owner != owner || last.gateway != gateway) last = {gateway, owner, detect::profile_key(gateway, *owner) == key_};
    return last.ours;
  }

  std::string key_;
  Last owner_;
  Last peer_;
};

base::Result<std::vector<store::Gateway>> wanted_gateways(store::Store& store, const std::string& name) {
  auto all = store.gateways();
  if (!all || name.empty()) return all;
  std::erase_if(*all, [&](const store::Gateway& gateway) { return gateway.name != name; });
  if (all->empty()) return base::fail("there is no gateway '" + policy::plain(name) + "'", base::Error::Kind::usage);
  return all;
}

base::Result<policy::Document> write(const policy::Policy& made, policy::Format format, const PolicyRequest& request) {
  switch (format) {
    case policy::Format::nftables: return policy::write_nftables(made, request.enforce);
    case policy::Format::network_policy: return policy::write_network_policy(made);
    case policy::Format::mud: break;
  }
  // A name that can lead nowhere (RFC 2606), so that nobody else's is taken by accident.
  const bool invented = request.mud_url.empty();
  auto document = policy::write_mud(
      made, invented ? "https://mud.invalid/" + policy::slug(made.name, 48) + ".json" : request.mud_url);
  if (document && invented)
    document->notes.insert(document->notes.begin(), "the MUD URL leads nowhere: --mud-url says where the file will be published");
  return document;
}

}  // namespace

std::vector<std::string> profiles_named(const std::string& name, const std::vector<std::string>& keys,
                                        const std::vector<flow::OwnerPtr>& owners) {
  if (name.empty()) return {};
  if (std::find(keys.begin(), keys.end(), name) != keys.end()) return {name};
  flow::Owner image;
  image.kind = flow::OwnerKind::container;
  image.image = name;
  std::vector<std::string> wanted{detect::profile_key({}, image)};
  for (const auto& owner : owners) {
    if (owner && owner->kind == flow::OwnerKind::container && !owner->image.empty() &&
        (owner->name == name || owner->module_id == name))
      wanted.push_back(detect::profile_key({}, *owner));
  }
  std::vector<std::string> found;
  for (const auto& key : keys) {
    const auto shorter = policy::short_name(key);
    if (std::find(wanted.begin(), wanted.end(), key) != wanted.end() || shorter == name || shorter == name + ".service")
      found.push_back(key);
  }
  return found;
}

base::Result<PolicyText> export_policy(const PolicyRequest& request, bool json, const ProfileSource& profiles,
                                       store::Store& store, std::uint64_t now_wall_ns) {
  const auto format = policy::parse_format(request.format);
  if (!format) return base::fail("--format: mud, nftables or networkpolicy", base::Error::Kind::usage);
  if (request.enforce && *format != policy::Format::nftables)
    return base::fail("--enforce is for nftables: the other formats know no counting", base::Error::Kind::usage);
  if (!request.mud_url.empty() && *format != policy::Format::mud)
    return base::fail("--mud-url is for --format mud", base::Error::Kind::usage);
  const auto key = find_profile(request.name, profiles, store);
  if (!key) return tl::unexpected(key.error());
  const auto profile = profiles.load(*key);
  if (!profile) return tl::unexpected(profile.error());
  auto gateways = wanted_gateways(store, request.gateway);
  if (!gateways) return tl::unexpected(gateways.error());

  Flows flows(store, std::move(*gateways), now_wall_ns);
  Sides sides(*key);
  policy::Builder builder(*key, *profile);
  auto read = flows.each([&](const std::string& gateway, const flow::FlowRecord& record) {
    if (!sides.each(gateway, record, [&](Side side) { builder.add(gateway, record, side); })) builder.add_other(gateway, record);
  });
  if (!read) return tl::unexpected(std::move(read.error()));
  const auto made = builder.finish(flows.start_ns(), flows.end_ns(), request.force);
  if (!made) return tl::unexpected(made.error());
  // Also before a dry run: what cannot be written needs none.
  auto document = write(*made, *format, request);
  if (!document) return tl::unexpected(std::move(document.error()));

  PolicyText text;
  text.notes = std::move(document->notes);
  if (request.dry_run) {
    policy::DryRun run(*made, *format);
    read = flows.each([&](const std::string& gateway, const flow::FlowRecord& record) {
      sides.each(gateway, record, [&](Side side) { run.add(gateway, record, side); });
    });
    if (!read) return tl::unexpected(std::move(read.error()));
    text.out = json ? run.json() + "\n" : run.text();
  } else if (json) {
    nlohmann::ordered_json whole{{"profile", policy::plain(made->key)}, {"format", policy::to_string(*format)},
                                 {"document", document->text}, {"notes", text.notes}};
    text.out = whole.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  } else {
    text.out = std::move(document->text);
  }
  return text;
}

}  // namespace iris::collector
