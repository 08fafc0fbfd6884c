// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "flow/records.h"

namespace iris::flow {

/// The filters of the command line; what is not set matches everything.
/// A record without the field asked for (an exit has no port) does not match.
struct Filter {
  std::string container;  // name, module id, or id prefix of at least 4 characters
  std::optional<std::uint32_t> pid;
  std::optional<std::uint8_t> protocol;
  std::optional<std::uint16_t> port;  // service port of a flow, either port of an event
  std::optional<base::Cidr> peer;
  std::string peer_name;  // DNS name or a name of the peer's owner
  std::optional<Role> role;
  bool failed_only = false;

  bool matches(const FlowRecord& flow) const;
  bool matches(const SocketEvent& event) const;
  bool matches(const ExitRecord& exit) const;
  bool matches(const DeviceRecord& change) const;
  /// Ledgers always match; execs and DNS answers match by owner and pid only.
  bool matches(const Record& record) const;

 private:
  bool matches_owner(const OwnerPtr& owner) const;
  bool matches_peer(const std::optional<base::IpAddress>& address, const std::vector<std::string>& names,
                    const OwnerPtr& owner) const;
};

}  // namespace iris::flow
