// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

/// Rules as one format can say them. What is written and what the dry run judges by is the
/// same list, so that the dry run tells what the document will do.
namespace iris::policy {

enum class Format : std::uint8_t { mud, nftables, network_policy };

const char* to_string(Format format);
std::optional<Format> parse_format(std::string_view text);

/// One thing that is allowed.
struct Grant {
  /// networks: addresses. names: DNS names, resolved by whoever enforces. local: everybody at
  /// the site. name_service, time_service: whoever offers it. controller: whoever has been
  /// made it. pods: by the label "app". cluster_dns: the cluster's resolver.
  enum class Whom : std::uint8_t { networks, names, local, name_service, time_service, controller, pods, cluster_dns };

  flow::Role role = flow::Role::originator;  // of the workload
  std::uint8_t protocol = 0;
  std::uint16_t first_port = 0;  // 0: the protocol has none
  std::uint16_t last_port = 0;
  Whom whom = Whom::networks;
  std::vector<Prefix> networks;   // of names: where they led so far
  std::vector<std::string> names;
  std::string pod_namespace;      // empty: the workload's own
  profile::PeerKind kind = profile::PeerKind::unknown;
  std::string label;              // of the rule
};

struct Grants {
  std::vector<Grant> grants;       // in the order of the rules
  std::vector<std::string> notes;  // what the format cannot say, in plain words
};

/// Notes of the policy come first.
Grants grants_of(const Policy& policy, Format format);

/// What the dry run asks: may this summary be?
bool permits(const Grant& grant, const profile::Observation& seen, const flow::FlowRecord& record, Side side);

}  // namespace iris::policy
