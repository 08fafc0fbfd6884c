// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/records.h"
#include "policy/prefix.h"
#include "profile/profile.h"

/// What a workload is used to, as rules for other people's firewalls: from its profile
/// (what is normal) and its flow summaries (which addresses that was). Pure: no clock, no
/// I/O. Labels, names and paths in here are foreign: see text.h before writing them.
namespace iris::policy {

/// One learned contact: a peer at a service.
struct Rule {
  flow::Role role = flow::Role::originator;  // of the workload: originator opens, responder is called
  std::uint8_t protocol = 0;                 // IANA number
  std::uint16_t port = 0;                    // profile::service_port(): 32768 stands for all dynamic ones
  profile::PeerKind kind = profile::PeerKind::unknown;
  std::string label;                // as in the profile
  std::vector<Prefix> addresses;    // merged; loopback left out; may be empty
  std::vector<std::string> names;   // host names of the peer, sorted
  std::string pod_namespace;        // of a peer that is a container of Kubernetes
  std::string app;                  // and its label "app"; empty: not known
  std::uint64_t addresses_cut = 0;  // seen, but beyond the bound
  bool loopback = false;            // seen at a loopback address, too
  bool called = false;              // not from the profile: a neighbour on the host called, see Side::called
  bool on_behalf = false;           // not from the profile: the engine's resolver asked with the workload's address

  /// "to tcp/8883 of example.org (name)".
  std::string text() const;
};

/// Where the workload runs.
struct Place {
  std::string gateway;
  flow::OwnerKind kind = flow::OwnerKind::container;
  std::string name;                      // container, service, "host", or Device.id
  std::string container_id;              // the newest one's
  std::string module_id;
  std::string cgroup_path;               // below the root of the hierarchy
  std::map<std::string, std::string> labels;
  std::vector<base::IpAddress> addresses;  // its own, sorted; of the newest container
  bool device = false;
  bool host_network = false;  // it has the host's addresses
};

struct Policy {
  std::string name;  // in short: "modbus"
  std::string key;   // of the profile
  profile::Maturity maturity = profile::Maturity::learning;
  std::uint64_t start_wall_ns = 0;  // of the flows that gave the addresses
  std::uint64_t end_wall_ns = 0;
  bool device = false;
  std::vector<Rule> rules;   // in the order of role, protocol, port, kind, label
  std::vector<Place> places;  // in the order of gateway, name
  std::vector<std::string> notes;
};

/// Whose side of a summary the workload is on. called: it is the container that a
/// neighbour on the same host called; such a record exists at the caller only.
enum class Side : std::uint8_t { owner, device, called };

class Builder {
 public:
  static constexpr std::size_t kMaxAddresses = 256;  // of a rule, as blocks
  static constexpr std::size_t kMaxNames = 16;       // of a rule
  static constexpr std::size_t kMaxPlaces = 64;

  /// `profile` must outlive it.
  Builder(std::string key, const profile::Profile& profile);

  /// A summary of the workload; in the order of time, so that the newest address counts.
  void add(const std::string& gateway, const flow::FlowRecord& record, Side side);
  /// A summary of somebody else on the gateway: which addresses are the host's, and what an
  /// engine's resolver asks for the workload (Docker's does so from within its namespace).
  void add_other(const std::string& gateway, const flow::FlowRecord& record);

  /// An error when the profile does not carry a policy and `force` does not say to go on.
  base::Result<Policy> finish(std::uint64_t start_wall_ns, std::uint64_t end_wall_ns, bool force) const;

 private:
  /// What the flows tell of one contact.
  struct Seen {
    Rule rule;
    std::map<base::IpAddress, std::uint64_t> addresses;  // and in how many summaries
    std::map<std::string, std::uint64_t> names;
    std::uint64_t addresses_cut = 0;
  };
  struct PlaceSeen {
    Place place;
    std::uint64_t newest_ns = 0;
  };
  Seen* seen_of(const profile::Observation& observation, const flow::FlowRecord& record, Side side);
  void add_resolvers(Policy& policy) const;
  void note_place(const std::string& gateway, const flow::FlowRecord& record, Side side);

  std::string key_;
  const profile::Profile& profile_;
  std::map<std::uint64_t, Seen> seen_;  // by contact key
  std::map<std::pair<std::string, std::string>, PlaceSeen> places_;
  std::map<std::string, std::vector<base::IpAddress>> host_addresses_;  // by gateway, sorted, bounded
  /// Resolvers that somebody else asked from an address, by gateway and address; bounded.
  std::map<std::pair<std::string, base::IpAddress>, std::map<std::uint8_t, std::vector<base::IpAddress>>> resolvers_;
  std::uint64_t places_cut_ = 0;
};

/// How the workload sees a summary from its side.
profile::Observation observe(const flow::FlowRecord& record, Side side);

/// "modbus" of "image/registry/modbus", "gw1/service/ssh.service" and the like.
std::string short_name(std::string_view key);

}  // namespace iris::policy
