// SPDX-License-Identifier: Apache-2.0
#include "policy/grant.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/text.h"

namespace iris::policy {
namespace {

using profile::PeerKind;
using Whom = Grant::Whom;

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kDccp = 33;
constexpr std::uint8_t kSctp = 132;

bool has_ports(std::uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp || protocol == kDccp;
}

bool same_text(std::string_view a, std::string_view lower_case) {
  return std::equal(a.begin(), a.end(), lower_case.begin(), lower_case.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

/// What becomes of a rule in one format; notes what does not.
class Translator {
 public:
  Translator(const Policy& policy, Format format, Grants& out) : policy_(policy), format_(format), out_(out) {}

  void translate(const Rule& rule) {
    Grant grant;
    grant.role = rule.role;
    grant.protocol = rule.protocol;
    grant.networks = rule.addresses;
    grant.kind = rule.kind;
    grant.label = rule.label;
    if (rule.loopback && rule.addresses.empty()) return note(rule, "stays inside its network namespace, is not filtered");
    if (has_ports(rule.protocol)) {
      if (rule.port == 0) return note(rule, "not allowed, the port is not known");
      grant.first_port = rule.port;
      grant.last_port = rule.port == profile::service_port(UINT16_MAX) ? UINT16_MAX : rule.port;
    }
    switch (format_) {
      case Format::mud: return mud(rule, std::move(grant));
      case Format::nftables: return networks(rule, std::move(grant));
      case Format::network_policy: return pods(rule, std::move(grant));
    }
  }

 private:
  void note(const Rule& rule, std::string_view words) { out_.notes.push_back(fmt::format("{}: {}", rule.text(), words)); }
  void give(Grant grant, Whom whom) {
    grant.whom = whom;
    out_.grants.push_back(std::move(grant));
  }

  void networks(const Rule& rule, Grant grant) {
    if (grant.networks.empty()) return note(rule, "not allowed, it has no address in the flows of these days");
    if (rule.kind == PeerKind::name) note(rule, "by the addresses of these days, which age: make it again now and then");
    if (rule.kind == PeerKind::network) note(rule, "the whole block is allowed, no name is known");
    give(std::move(grant), Whom::networks);
  }

  void mud(const Rule& rule, Grant grant) {
    if (rule.protocol == kSctp || rule.protocol == kDccp)
      return note(rule, "not allowed, MUD knows ports of TCP and UDP only");
    const bool hub = rule.kind == PeerKind::module && (policy_.device || same_text(rule.label, "edgehub"));
    if (hub) return give(std::move(grant), Whom::controller);
    switch (rule.kind) {
      case PeerKind::name:
        if (!rule.names.empty()) {
          grant.names = rule.names;
          return give(std::move(grant), Whom::names);
        }
        break;
      case PeerKind::role:
        if (rule.label == "time server") return give(std::move(grant), Whom::time_service);
        if (rule.label == "resolver") return give(std::move(grant), Whom::name_service);
        break;
      case PeerKind::module:
      case PeerKind::device:
      case PeerKind::host:
      case PeerKind::lan:
        note(rule, "MUD can only say: everybody at the site, on this port");
        return give(std::move(grant), Whom::local);
      default: break;
    }
    if (grant.networks.empty()) return note(rule, "not allowed, it has neither name nor address in the flows of these days");
    note(rule, "by raw address, which is against MUD's purpose: look at it before it is published");
    give(std::move(grant), Whom::networks);
  }

  void pods(const Rule& rule, Grant grant) {
    if (rule.protocol != kTcp && rule.protocol != kUdp && rule.protocol != kSctp)
      return note(rule, "not allowed, NetworkPolicy knows TCP, UDP and SCTP only");
    if (rule.kind == PeerKind::group) return note(rule, "not allowed, NetworkPolicy does not know multicast");
    if (rule.kind == PeerKind::role && rule.label == "resolver" && grant.first_port == 53) {
      Grant dns = grant;
      give(std::move(dns), Whom::cluster_dns);
      if (!grant.networks.empty()) give(std::move(grant), Whom::networks);
      return;
    }
    if (rule.kind == PeerKind::module) {
      grant.names = {label_value(rule.app.empty() ? rule.label : rule.app)};
      grant.pod_namespace = rule.pod_namespace.empty() ? std::string() : slug(rule.pod_namespace, 63);
      if (rule.app.empty()) note(rule, "as pods with the label app: " + grant.names.front() + ", which was not seen on them");
      return give(std::move(grant), Whom::pods);
    }
    networks(rule, std::move(grant));
  }

  const Policy& policy_;
  Format format_;
  Grants& out_;
};

bool is_role(const profile::Observation& seen, std::string_view label) {
  return seen.peer.kind == PeerKind::role && seen.peer.label == label;
}

bool in_networks(const Grant& grant, const profile::Observation& seen) {
  return seen.address && std::any_of(grant.networks.begin(), grant.networks.end(),
                                     [&](const Prefix& network) { return network.contains(*seen.address); });
}

}  // namespace

const char* to_string(Format format) {
  switch (format) {
    case Format::mud: return "mud";
    case Format::nftables: return "nftables";
    case Format::network_policy: break;
  }
  return "networkpolicy";
}

std::optional<Format> parse_format(std::string_view text) {
  for (const auto format : {Format::mud, Format::nftables, Format::network_policy})
    if (text == to_string(format)) return format;
  return std::nullopt;
}

Grants grants_of(const Policy& policy, Format format) {
  Grants out;
  out.notes = policy.notes;
  Translator translator(policy, format, out);
  for (const auto& rule : policy.rules) translator.translate(rule);
  return out;
}

bool permits(const Grant& grant, const profile::Observation& seen, const flow::FlowRecord& record, Side side) {
  if (grant.role != seen.role || grant.protocol != seen.protocol) return false;
  if (grant.first_port != 0 && (seen.port < grant.first_port || seen.port > grant.last_port)) return false;
  switch (grant.whom) {
    case Whom::networks: return in_networks(grant, seen);
    case Whom::names:
      if (side == Side::owner)
        for (const auto& text : record.peer_names)
          if (const auto host = host_name(text); std::binary_search(grant.names.begin(), grant.names.end(), host)) return true;
      return in_networks(grant, seen);
    case Whom::local:
      if (side != Side::owner) return true;
      return record.scope != flow::Scope::external && seen.peer.kind != PeerKind::group;
    case Whom::name_service: return is_role(seen, "resolver");
    case Whom::time_service: return is_role(seen, "time server");
    case Whom::controller:
    case Whom::pods: return seen.peer.kind == PeerKind::module && seen.peer.label == grant.label;
    case Whom::cluster_dns: return false;  // the cluster's own service cannot be told from the flows
  }
  return false;
}

}  // namespace iris::policy
