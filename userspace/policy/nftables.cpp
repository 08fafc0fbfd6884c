// SPDX-License-Identifier: Apache-2.0
// A table of nftables 1.0: forward, input and output of the gateway, for what a workload opens
// and who calls it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "policy/formats.h"
#include "policy/text.h"

namespace iris::policy {
namespace {

/// Protocol and ports; 0: none.
using Service = std::tuple<std::uint8_t, std::uint16_t, std::uint16_t>;

/// One set: direction, family, and with ports or without.
struct SetKind {
  const char* name;
  flow::Role role;
  bool v4;
  bool ports;
};
constexpr SetKind kSets[] = {
    {"to_v4", flow::Role::originator, true, true},    {"to_v6", flow::Role::originator, false, true},
    {"to_v4_bare", flow::Role::originator, true, false}, {"to_v6_bare", flow::Role::originator, false, false},
    {"from_v4", flow::Role::responder, true, true},   {"from_v6", flow::Role::responder, false, true},
    {"from_v4_bare", flow::Role::responder, true, false}, {"from_v6_bare", flow::Role::responder, false, false},
};

std::string protocol_text(std::uint8_t protocol) {
  switch (protocol) {
    case 6: return "tcp";
    case 17: return "udp";
    case 132: return "sctp";
    default: return std::to_string(protocol);
  }
}

class Writer {
 public:
  Writer(const Policy& policy, const Grants& grants, bool enforce) : policy_(policy), grants_(grants), enforce_(enforce) {}

  std::string write(std::vector<std::string>& notes) {
    gather_own(notes);
    const auto table = "iris_" + identifier(policy_.name, 24);
    out_ = "#!/usr/sbin/nft -f\n";
    comment(fmt::format("What {} is used to ({}), by Iris; {}.", plain(policy_.name), plain(policy_.key),
                        enforce_ ? "the rest is dropped" : "the rest is counted, nothing is dropped"));
    comment(fmt::format("Read the counters: nft list table inet {}; remove: nft delete table inet {}", table, table));
    for (const auto& note : notes) comment("note: " + note);
    // Both lines make loading it again one transaction.
    out_ += fmt::format("\ntable inet {0}\ndelete table inet {0}\n\ntable inet {0} {{\n", table);
    if (!own_v4_.empty()) own_set("own_v4", "ipv4_addr", own_v4_);
    if (!own_v6_.empty()) own_set("own_v6", "ipv6_addr", own_v6_);
    for (const auto& set : kSets) grant_set(set);
    for (const auto role : {flow::Role::originator, flow::Role::responder}) {
      const char* name = role == flow::Role::originator ? "outbound" : "inbound";
      translated_chain(name, role);
      verdict_chain(name, role);
    }
    hook_chain("forward", true, true);
    hook_chain("input", true, false);
    hook_chain("output", false, true);
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  void comment(std::string_view text) { out_ += fmt::format("# {}\n", plain_line(text)); }
  /// Already made of plain() parts, but whatever it is: one line.
  static std::string plain_line(std::string_view text) {
    std::string line(text);
    std::replace_if(line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return line;
  }

  void gather_own(std::vector<std::string>& notes) {
    std::vector<Prefix> v4;
    std::vector<Prefix> v6;
    for (const auto& place : policy_.places) {
      const auto what = plain(place.name);
      if (place.host_network) {
        const auto [path, level] = cgroup_match(place.cgroup_path);
        if (path.empty()) {
          notes.push_back(what + ": not filtered, it shares the host's addresses and its cgroup is not known");
          continue;
        }
        notes.push_back(what + ": by its cgroup, which must be there when this is loaded: load it again after each start");
        cgroups_.emplace(path, level);
        continue;
      }
      if (place.addresses.empty()) notes.push_back(what + ": not filtered, its address is not known");
      for (const auto& address : place.addresses) (address.is_v4() ? v4 : v6).push_back({address, 128});
      if (!place.addresses.empty() && !place.device)
        notes.push_back(what + ": by its address, which may change when it is started anew");
    }
    if (!v4.empty() || !v6.empty())
      notes.emplace_back("between containers on one bridge it holds only with net.bridge.bridge-nf-call-iptables = 1");
    own_v4_ = merge(std::move(v4));
    own_v6_ = merge(std::move(v6));
    if (own_v4_.empty() && own_v6_.empty() && cgroups_.empty())
      notes.emplace_back("nothing on this gateway to attach it to: the table has no effect");
  }

  void own_set(const char* name, const char* type, const std::vector<Prefix>& own) {
    out_ += fmt::format("\tset {} {{\n\t\ttype {}\n\t\tflags interval\n\t\telements = {{", name, type);
    for (std::size_t i = 0; i < own.size(); ++i) out_ += fmt::format("{} {}", i == 0 ? "" : ",", own[i].to_string());
    out_ += " }\n\t}\n";
  }

  std::map<Service, std::pair<std::vector<Prefix>, std::set<std::string>>> elements_of(const SetKind& set) const {
    std::map<Service, std::pair<std::vector<Prefix>, std::set<std::string>>> services;
    for (const auto& grant : grants_.grants) {
      if (grant.role != set.role || (grant.first_port != 0) != set.ports) continue;
      for (const auto& network : grant.networks) {
        if (network.is_v4() != set.v4) continue;
        auto& [networks, labels] = services[{grant.protocol, grant.first_port, grant.last_port}];
        networks.push_back(network);
        labels.insert(plain(grant.label));
      }
    }
    return services;
  }

  void grant_set(const SetKind& set) {
    out_ += fmt::format("\tset {} {{\n\t\ttype {} . inet_proto{}\n\t\tflags interval\n", set.name,
                        set.v4 ? "ipv4_addr" : "ipv6_addr", set.ports ? " . inet_service" : "");
    const auto services = elements_of(set);
    if (!services.empty()) out_ += "\t\telements = {\n";
    for (const auto& [service, content] : services) {
      const auto& [protocol, first, last] = service;
      std::string labels;
      for (const auto& label : content.second) labels += (labels.empty() ? "" : ", ") + label;
      constexpr std::size_t kLongest = 120;
      if (labels.size() > kLongest) labels = labels.substr(0, kLongest) + " ..";
      out_ += fmt::format("\t\t\t# {}\n", plain_line(labels));
      std::string port;
      if (first != 0) port = first == last ? fmt::format(" . {}", first) : fmt::format(" . {}-{}", first, last);
      // Peers of several rules may overlap, which the kernel refuses in such sets.
      for (const auto& network : merge(content.first))
        out_ += fmt::format("\t\t\t{} . {}{},\n", network.to_string(), protocol_text(protocol), port);
    }
    if (!services.empty()) out_ += "\t\t}\n";
    out_ += "\t}\n";
  }

  void verdict_chain(const char* name, flow::Role role) {
    const bool out = role == flow::Role::originator;
    out_ += fmt::format("\tchain {} {{\n", name);
    // The neighbour protocol of IPv6 is nobody's conversation.
    out_ += "\t\ticmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, "
            "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept\n";
    for (const auto& set : kSets) {
      if (set.role != role) continue;
      out_ += fmt::format("\t\t{} {} . meta l4proto{} @{} counter accept\n", set.v4 ? "ip" : "ip6", out ? "daddr" : "saddr",
                          set.ports ? " . th dport" : "", set.name);
    }
    out_ += fmt::format("\t\tct status dnat jump {}_translated\n", name);
    out_ += enforce_ ? fmt::format("\t\tcounter drop comment \"dropped {}\"\n\t}}\n", name)
                     : fmt::format("\t\tcounter comment \"would-drop {}\"\n\t}}\n", name);
  }

  /// What went to a published port of the host has its new target by now; what was asked for
  /// is in the connection. nft cannot look that up in a set of concatenations.
  void translated_chain(const char* name, flow::Role role) {
    const bool out = role == flow::Role::originator;
    out_ += fmt::format("\tchain {}_translated {{\n", name);
    for (const auto& set : kSets) {
      if (set.role != role || !set.ports) continue;
      for (const auto& [service, content] : elements_of(set)) {
        const auto& [protocol, first, last] = service;
        std::string networks;
        for (const auto& network : merge(content.first)) networks += (networks.empty() ? "" : ", ") + network.to_string();
        out_ += fmt::format("\t\tmeta l4proto {} ct original proto-dst {} {}{} {} {{ {} }} counter accept\n",
                            protocol_text(protocol), first == last ? std::to_string(first) : fmt::format("{}-{}", first, last),
                            out ? "ct original " : "", set.v4 ? "ip" : "ip6", out ? "daddr" : "saddr", networks);
      }
    }
    out_ += "\t}\n";
  }

  /// `opens`: what the workload sends passes here; `called`: what is sent to it does.
  void hook_chain(const char* hook, bool opens, bool called) {
    out_ += fmt::format("\tchain {0} {{\n\t\ttype filter hook {0} priority filter + 10; policy accept;\n", hook);
    out_ += "\t\tct state established,related accept\n";
    for (const bool v4 : {true, false}) {
      if ((v4 ? own_v4_ : own_v6_).empty()) continue;
      const char* family = v4 ? "ip" : "ip6";
      const char* set = v4 ? "own_v4" : "own_v6";
      if (opens) out_ += fmt::format("\t\t{} saddr @{} jump outbound\n", family, set);
      if (called) out_ += fmt::format("\t\t{} daddr @{} jump inbound\n", family, set);
    }
    // A socket is known in these two hooks only, and lies there on the other side.
    const bool forward = opens && called;
    if (!forward && !cgroups_.empty()) out_ += fmt::format("\t\t{} \"lo\" accept\n", opens ? "iifname" : "oifname");
    if (!forward)
      for (const auto& [path, level] : cgroups_)
        out_ += fmt::format("\t\tsocket cgroupv2 level {} \"{}\" jump {}\n", level, path, opens ? "inbound" : "outbound");
    out_ += "\t}\n";
  }

  const Policy& policy_;
  const Grants& grants_;
  bool enforce_;
  std::string out_;
  std::vector<Prefix> own_v4_;
  std::vector<Prefix> own_v6_;
  std::set<std::pair<std::string, std::size_t>> cgroups_;
};

}  // namespace

base::Result<Document> write_nftables(const Policy& policy, bool enforce) {
  std::set<std::string> gateways;
  for (const auto& place : policy.places) gateways.insert(place.gateway);
  if (gateways.size() > 1) {
    std::string names;
    for (const auto& gateway : gateways) names += (names.empty() ? "" : ", ") + plain(gateway);
    return base::fail("it runs on several gateways, whose addresses differ: choose one with --gateway: " + names,
                      base::Error::Kind::usage);
  }
  auto grants = grants_of(policy, Format::nftables);
  Document document;
  document.notes = grants.notes;
  document.text = Writer(policy, grants, enforce).write(document.notes);
  return document;
}

}  // namespace iris::policy
