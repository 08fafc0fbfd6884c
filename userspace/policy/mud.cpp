// SPDX-License-Identifier: Apache-2.0
// Manufacturer Usage Description, RFC 8520; access lists of RFC 8519.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/rfc3339.h"
#include "policy/formats.h"
#include "policy/text.h"

namespace iris::policy {
namespace {

using Json = nlohmann::ordered_json;  // readers expect the list's name in front
using Whom = Grant::Whom;

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpV6 = 58;

struct Family {
  const char* member;     // of "matches"
  const char* type;
  const char* suffix;     // of names
  bool v4;
};
constexpr Family kFamilies[] = {{"ipv4", "ipv4-acl-type", "v4", true}, {"ipv6", "ipv6-acl-type", "v6", false}};

/// Both directions of the policy.
struct Direction {
  const char* policy;
  const char* suffix;
  bool from_device;
};
constexpr Direction kDirections[] = {{"from-device-policy", "fr", true}, {"to-device-policy", "to", false}};

/// Classes and names stand for IPv4 where nothing shows that IPv6 is in use.
bool concerns(const Grant& grant, bool v4) {
  if (grant.protocol == kIcmp || grant.protocol == kIcmpV6) return (grant.protocol == kIcmp) == v4;
  const bool any = std::any_of(grant.networks.begin(), grant.networks.end(),
                               [&](const Prefix& network) { return network.is_v4() == v4; });
  return any || (v4 && grant.networks.empty());
}

class Writer {
 public:
  Writer(const Policy& policy, const Grants& grants) : policy_(policy), grants_(grants), slug_(slug(policy.name, 24)) {}

  Json write(const std::string& url) {
    Json mud;
    mud["mud-version"] = 1;
    mud["mud-url"] = url;
    mud["last-update"] = base::format_rfc3339(policy_.end_wall_ns / 1'000'000'000 * 1'000'000'000);
    mud["cache-validity"] = 48;
    mud["is-supported"] = true;
    mud["systeminfo"] = fmt::format("{}: {}", policy_.device ? "device" : "workload", plain(policy_.name).substr(0, 48));
    Json acls = Json::array();
    for (const auto& direction : kDirections) {
      Json names = Json::array();
      for (const auto& family : kFamilies) {
        Json entries = entries_of(direction, family);
        // The IPv4 list is there even when it is empty: all is denied, not all left open.
        if (entries.empty() && !family.v4) continue;
        const auto name = fmt::format("{}-{}{}", slug_, family.suffix, direction.suffix);
        names.push_back({{"name", name}});
        acls.push_back({{"name", name}, {"type", family.type}, {"aces", {{"ace", std::move(entries)}}}});
      }
      mud[direction.policy] = {{"access-lists", {{"access-list", std::move(names)}}}};
    }
    Json whole;
    whole["ietf-mud:mud"] = std::move(mud);
    whole["ietf-access-control-list:acls"] = {{"acl", std::move(acls)}};
    return whole;
  }

 private:
  Json entries_of(const Direction& direction, const Family& family) {
    Json entries = Json::array();
    for (std::size_t i = 0; i < grants_.grants.size(); ++i) {
      const Grant& grant = grants_.grants[i];
      if (!concerns(grant, family.v4)) continue;
      const auto base = fmt::format("{}-{}-{}", i + 1, slug(grant.label, 24), direction.suffix);
      const auto add = [&](const std::string& name, Json layer3, Json mud) {
        Json matches;
        if (!mud.is_null()) matches["ietf-mud:mud"] = std::move(mud);
        layer3["protocol"] = grant.protocol;
        matches[family.member] = std::move(layer3);
        add_ports(matches, grant, direction);
        entries.push_back({{"name", name}, {"matches", std::move(matches)}, {"actions", {{"forwarding", "accept"}}}});
      };
      const Json nothing = Json::array({nullptr});  // YANG's type empty, RFC 7951
      std::size_t number = 0;
      const auto numbered = [&] { return fmt::format("{}-{}", base, ++number); };
      switch (grant.whom) {
        case Whom::names:
          for (const auto& name : grant.names)
            add(numbered(), {{direction.from_device ? "ietf-acldns:dst-dnsname" : "ietf-acldns:src-dnsname", name}}, {});
          break;
        case Whom::networks:
          for (const auto& network : grant.networks) {
            if (network.is_v4() != family.v4) continue;
            const auto member = fmt::format("{}-{}-network", direction.from_device ? "destination" : "source", family.member);
            add(numbered(), {{member, network.to_cidr()}}, {});
          }
          break;
        case Whom::local: add(base, Json::object(), {{"local-networks", nothing}}); break;
        case Whom::name_service: add(base, Json::object(), {{"controller", "urn:ietf:params:mud:dns"}}); break;
        case Whom::time_service: add(base, Json::object(), {{"controller", "urn:ietf:params:mud:ntp"}}); break;
        case Whom::controller: add(base, Json::object(), {{"my-controller", nothing}}); break;
        case Whom::pods:
        case Whom::cluster_dns: break;  // of Kubernetes
      }
    }
    return entries;
  }

  static void add_ports(Json& matches, const Grant& grant, const Direction& direction) {
    if (grant.first_port == 0 || (grant.protocol != kTcp && grant.protocol != kUdp)) return;
    const bool opens = grant.role == flow::Role::originator;
    Json port;
    if (grant.first_port == grant.last_port) port = {{"operator", "eq"}, {"port", grant.first_port}};
    else port = {{"lower-port", grant.first_port}, {"upper-port", grant.last_port}};
    Json layer4;
    if (grant.protocol == kTcp) layer4["ietf-mud:direction-initiated"] = opens ? "from-device" : "to-device";
    // The service's port is the target of packets that go to who offers it.
    layer4[opens == direction.from_device ? "destination-port" : "source-port"] = std::move(port);
    matches[grant.protocol == kTcp ? "tcp" : "udp"] = std::move(layer4);
  }

  const Policy& policy_;
  const Grants& grants_;
  std::string slug_;
};

bool is_fine_url(const std::string& url) {
  constexpr std::size_t kLongest = 1024;
  constexpr std::string_view kScheme = "https://";
  return url.size() > kScheme.size() && url.size() <= kLongest && url.compare(0, kScheme.size(), kScheme) == 0 &&
         std::all_of(url.begin(), url.end(), [](char c) {
           return c > ' ' && c <= '~' && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' &&
                  c != '{' && c != '|' && c != '}';
         });
}

}  // namespace

base::Result<Document> write_mud(const Policy& policy, const std::string& url) {
  if (!is_fine_url(url))
    return base::fail("the MUD URL must begin with https:// and hold no blanks", base::Error::Kind::usage);
  auto grants = grants_of(policy, Format::mud);
  Document document;
  document.text = Writer(policy, grants).write(url).dump(2) + "\n";
  document.notes = std::move(grants.notes);
  return document;
}

}  // namespace iris::policy
