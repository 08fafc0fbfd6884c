// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/secret.h"

namespace iris::registry {

/// "SharedAccessSignature sr=..&sig=..&skn=..&se=..": HMAC-SHA256 over the encoded resource, a
/// new line and the expiry. `resource` as it is, before encoding: for IoT Hub the host name, for
/// Event Hubs the audience with its scheme ("sb://ns.example/hub"). `key` are the raw bytes: IoT
/// Hub decodes its key from base64, Event Hubs signs with the text. Without `policy` there is no
/// skn. `expiry` in Unix seconds. In HTTP the whole is the value of Authorization.
Secret make_sas_token(std::string_view resource, std::string_view policy, const Secret& key, std::int64_t expiry);

/// RFC 3986: everything but letters, digits and "-._~" as %XX.
std::string percent_encode(std::string_view text);

/// Strict: the alphabet of RFC 4648 section 4, with its padding, no blanks; not empty.
base::Result<Secret> decode_base64(std::string_view text);

}  // namespace iris::registry
