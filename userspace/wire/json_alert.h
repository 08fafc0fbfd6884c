// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace iris::wire {

/// Of an alert on its way to its gateway, as JSON. Agents take messages of 64 KiB.
inline constexpr std::size_t kMaxAlertBytes = 60'000;

struct AlertHead {
  std::string id;
  int severity = 0;                // 1..5; 0: it says none
  std::uint64_t last_wall_ns = 0;  // last found; 0: it does not say
};

/// Of foreign bytes that should be an alert of the JSON contract: one object on one line with an id. Never says
/// what was in them.
base::Result<AlertHead> read_alert_head(std::string_view json);

/// As a gateway gets it, over links that are paid for by the byte: of the evidence the first
/// record; where that is too large none, and of the device no tags and no configuration.
/// None: it is no alert, or larger than kMaxAlertBytes even so.
std::optional<std::string> short_alert(std::string_view json);

}  // namespace iris::wire
