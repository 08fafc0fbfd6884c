// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

/// Shared access signatures as IoT Hub verifies them. Written for the emulator alone: the
/// product's own code, which makes them, is what is under test.
namespace iris::iot_hub_emulator {

/// Bits.
enum Permission : unsigned {
  kServiceConnect = 1,
  kRegistryRead = 2,
  kRegistryWrite = 4,
  kDeviceConnect = 8,
  kAll = 15,
};

struct Policy {
  std::string key;  // base64, as in a connection string
  unsigned permissions = 0;
};
using Policies = std::map<std::string, Policy>;

/// What the hub makes of a policy of this name by itself; 0 for another.
unsigned built_in_permissions(const std::string& policy);

/// Checks the Authorization header of a request for `resource` ("HOST/devices/x", not
/// encoded). Gives the permissions; the error says, for the emulator's own log, what was
/// wrong. It never holds the token.
base::Result<unsigned> verify_token(std::string_view authorization, const std::string& resource,
                                    const Policies& policies, std::int64_t now_unix_s);

/// The `sig` before it is URL-encoded: base64 of the HMAC-SHA256 over "sr\nse". Empty when the key is no base64.
std::string sas_signature(const std::string& key_base64, std::string_view sr, std::string_view se);

}  // namespace iris::iot_hub_emulator
