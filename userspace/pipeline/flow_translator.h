// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "flow/records.h"
#include "iris/event.h"
#include "pipeline/event_translator.h"

namespace iris::pipeline {

using AddressSet = std::unordered_set<base::IpAddress, base::IpAddressHash>;

/// The addresses of this host's own network namespace.
AddressSet read_host_addresses();

/// One entry of the kernel's flow map to one record. Pure, as EventTranslator.
class FlowTranslator {
 public:
  struct Lookups {
    std::function<flow::OwnerPtr(std::uint64_t cgroup_id)> owner;  // never null
    std::function<bool(std::uint64_t cgroup_id)> is_known;         // it has a path
    std::function<flow::OwnerPtr(const base::IpAddress&)> owner_of_address;
    std::function<std::vector<std::string>(std::uint64_t cgroup_id, const base::IpAddress&)> names;
  };
  struct Window {
    std::uint64_t start_wall_ns = 0;
    std::uint64_t end_wall_ns = 0;
    WallOffset offset = 0;
  };
  explicit FlowTranslator(Lookups lookups) : lookups_(std::move(lookups)) {}

  void set_host_addresses(AddressSet addresses) { host_addresses_ = std::move(addresses); }

  flow::FlowRecord flow(const iris_flow_key& key, const iris_flow_value& value, const Window& window) const;

 private:
  flow::Scope scope_of(const base::IpAddress& peer, bool is_container) const;
  flow::Attribution attribution_of(const iris_flow_value& value, const flow::Owner& owner) const;

  Lookups lookups_;
  AddressSet host_addresses_;
};

}  // namespace iris::pipeline
