// SPDX-License-Identifier: Apache-2.0
// A file of `alert export` that anybody may have made.
#include <cstdint>
#include <string_view>

#include "analysis/incident_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto incident = iris::analysis::read_incident({reinterpret_cast<const char*>(data), size});
  if (incident) static_cast<void>(iris::analysis::reproduce(*incident));
  return 0;
}
