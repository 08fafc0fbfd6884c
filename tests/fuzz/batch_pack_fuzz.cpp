// SPDX-License-Identifier: Apache-2.0
// Any bytes as a stored batch, twice: as they are, and as the content of a proper
// zstd frame, since a fuzzer seldom guesses a frame that decompresses. What can be
// read must be storable again.
#include <zstd.h>

#include <cstdlib>
#include <string>

#include "wire/batch_codec.h"

namespace {

void read(std::string_view bytes) {
  const auto batch = iris::wire::unpack(bytes);
  if (!batch) return;
  const auto again = iris::wire::pack(*batch);
  if (!again) return;  // without its unknown fields a batch may still be larger than before
  if (!iris::wire::unpack(*again)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  std::string frame(ZSTD_compressBound(size), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 1));
  read(frame);
  return 0;
}
