// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "flow/device.h"

/// Which results of IoT Hub's operations matter for security.
namespace iris::identity {

struct LogClass {
  flow::SecurityReason reason = flow::SecurityReason::unauthorized;
  std::uint8_t severity = 3;
  std::string_view code;  // of the name or text that told it; empty when the code itself did
};

/// Of six digits, "401003"; also of the three of an HTTP status, "401", where the service gives no more.
/// `of_connection`: the operation was one of connecting or of identities.
std::optional<LogClass> class_of_code(std::string_view code, bool of_connection);
/// "IotHubUnauthorized", in any case.
std::optional<LogClass> class_of_name(std::string_view name);
/// A sentence: "Authorization rule x does not allow access for y" ...
std::optional<LogClass> class_of_text(std::string_view text);

}  // namespace iris::identity
