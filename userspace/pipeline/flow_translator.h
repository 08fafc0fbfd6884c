// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "flow/records.h"
#include "identity/device_index.h"
#include "iris/event.h"
#include "pipeline/conversations.h"
#include "pipeline/event_translator.h"

namespace iris::pipeline {

/// The addresses of this host's own network namespace.
AddressSet read_host_addresses();

/// One entry of the kernel's flow map to one record. Pure, as EventTranslator.
class FlowTranslator {
 public:
  struct Lookups {
    std::function<flow::OwnerPtr(std::uint64_t cgroup_id)> owner;  // never null
    std::function<bool(std::uint64_t cgroup_id)> is_known;         // it has a path
    std::function<std::vector<std::string>(std::uint64_t cgroup_id, const base::IpAddress&)> names;
    Conversations::Lookups containers;
  };
  struct Window {
    std::uint64_t start_wall_ns = 0;
    std::uint64_t end_wall_ns = 0;
    WallOffset offset = 0;
  };
  explicit FlowTranslator(Lookups lookups)
      : lookups_(std::move(lookups)), conversations_(lookups_.containers, host_addresses_) {}
  FlowTranslator(const FlowTranslator&) = delete;
  FlowTranslator& operator=(const FlowTranslator&) = delete;

  void set_host_addresses(AddressSet addresses) { host_addresses_ = std::move(addresses); }
  void set_devices(std::shared_ptr<const identity::DeviceIndex> devices) { devices_ = std::move(devices); }

  /// Without the peer's owner and scope: those take all flows of a window to tell.
  flow::FlowRecord flow(const iris_flow_key& key, const iris_flow_value& value, const Window& window);
  /// Adds them, and the device that the peer is. False: another record tells this conversation.
  bool conclude(flow::FlowRecord& record) const;

 private:
  flow::Scope scope_of(const flow::FlowRecord& record) const;
  flow::Attribution attribution_of(const iris_flow_value& value, const flow::Owner& owner) const;

  Lookups lookups_;
  void name_device(flow::FlowRecord& record) const;

  AddressSet host_addresses_;
  std::shared_ptr<const identity::DeviceIndex> devices_;
  Conversations conversations_;
};

}  // namespace iris::pipeline
