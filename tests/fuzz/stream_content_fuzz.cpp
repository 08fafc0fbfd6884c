// SPDX-License-Identifier: Apache-2.0
// Any bytes as the contents of a stream's first two batches. What can be read must
// be sendable again.
#include <cstdlib>

#include "wire/batch_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  iris::wire::StreamDecoder decoder;
  const std::string_view parts[] = {bytes.substr(0, size / 2), bytes.substr(size / 2)};
  for (const std::string_view part : parts) {
    const auto batch = decoder.decode(part, static_cast<std::uint32_t>(part.size()), false);
    if (!batch) break;
    iris::wire::StreamEncoder encoder;
    const auto again = encoder.encode(*batch);
    if (!again) continue;
    if (!iris::wire::StreamDecoder().decode(again->bytes, again->content_bytes, again->compressed)) std::abort();
  }
  return 0;
}
