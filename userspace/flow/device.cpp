// SPDX-License-Identifier: Apache-2.0
#include "flow/device.h"

namespace iris::flow {

const char* to_string(DeviceKind kind) {
  static constexpr const char* kNames[] = {"gateway", "leaf", "module", "edgex", "manufactured", "observed"};
  return kNames[static_cast<std::size_t>(kind)];
}

const char* to_string(GatewayPattern pattern) {
  static constexpr const char* kNames[] = {"", "transparent", "identity_translation", "protocol_translation"};
  return kNames[static_cast<std::size_t>(pattern)];
}

const char* to_string(DeviceRecord::Change change) {
  static constexpr const char* kNames[] = {"present", "added", "updated", "removed"};
  return kNames[static_cast<std::size_t>(change)];
}

const char* to_string(SecurityReason reason) {
  static constexpr const char* kNames[] = {"unauthorized",       "token_expired",      "privilege_violation",   "forbidden",
                                           "disabled",           "unknown_identity",   "duplicate_identity",    "registration_conflict",
                                           "connection_refused", "throttled",          "exhausted"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string to_string(const DeviceAddress& address) {
  if (!address.ip) return address.text;
  std::string text = address.ip->to_string();
  if (address.port == 0) return text;
  if (!address.ip->is_v4()) text = "[" + text + "]";
  return text + ":" + std::to_string(address.port);
}

}  // namespace iris::flow
