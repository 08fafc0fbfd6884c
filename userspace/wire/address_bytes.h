// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/ip_address.h"

namespace iris::wire {

/// 4 or 16 bytes, network order, as messages carry an address. Valid as long as it.
inline std::string_view bytes_of(const base::IpAddress& address) {
  const auto* first = reinterpret_cast<const char*>(address.bytes.data());
  return address.is_v4() ? std::string_view(first + 12, 4) : std::string_view(first, 16);
}

}  // namespace iris::wire
