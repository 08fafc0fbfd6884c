// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "identity/evidence.h"

namespace iris::identity {

/// One answer of EdgeX core-metadata.
struct EdgexPage {
  Reading reading;                          // source edgex, kind edgex
  std::size_t returned = 0;                 // devices in the answer, usable or not: what `offset` moves on by
  std::optional<std::uint64_t> total_count;  // absent in v1 and v2.0: go on until a page is short
  std::int64_t status_code = 0;             // of the envelope; 0: none
  bool usable = false;                      // false: the answer is no device list, e.g. an error
};

/// Of any version: the envelope of v2 and v3 with `devices` or a single `device`, the bare array of v1, a
/// single device without an envelope. User names and passwords of protocols are left out.
EdgexPage read_edgex_devices(std::string_view answer);

}  // namespace iris::identity
