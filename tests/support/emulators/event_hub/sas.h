// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace iris::event_hub_emulator {

struct Policy {
  std::string key;  // the text, which is what tokens are signed with
  bool listen = true;
};
using Policies = std::map<std::string, Policy>;

struct Token {
  std::string resource;  // decoded, without a port and a slash at its end; host in lower case
  std::string policy;
  std::int64_t expiry = 0;
  bool listen = false;
};

/// Takes a SharedAccessSignature apart and computes its signature anew over the sr as it was
/// sent. Nothing, with the reason in `fault`, unless all is right.
std::optional<Token> verify_token(const std::string& text, const Policies& policies, std::int64_t now_s, std::string& fault);

/// Whether a token for `resource` is good for `audience`: a prefix by path segments.
bool covers(const std::string& resource, const std::string& audience);
/// "sb://Ns.example:5671/hub/" > "sb://ns.example/hub".
std::string plain_audience(const std::string& audience);

}  // namespace iris::event_hub_emulator
