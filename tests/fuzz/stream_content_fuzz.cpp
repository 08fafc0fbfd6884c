// SPDX-License-Identifier: Apache-2.0
// Any bytes as the contents of a stream: the first byte says how the rest is cut
// into two contents for one stream, each given as it is and as a proper zstd frame.
#include <zstd.h>

#include <string>

#include "wire/batch_codec.h"
#include "wire/json_writer.h"

namespace {

using namespace iris;

bool decode(wire::StreamDecoder& decoder, std::string_view content, std::size_t size, bool compressed) {
  const auto batch = decoder.decode(content, static_cast<std::uint32_t>(size), compressed);
  if (!batch) return false;
  wire::JsonWriter json;
  std::string line;
  for (const auto& record : batch->records) {
    line.clear();
    json.append(line, record);
  }
  // What was accepted can be sent on.
  if (!wire::StreamEncoder().encode(*batch)) __builtin_trap();
  return true;
}

std::string frame_of(std::string_view content) {
  std::string frame(ZSTD_compressBound(content.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), content.data(), content.size(), 1));
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = bytes.size() * data[0] / 255;
  wire::StreamDecoder plain;
  wire::StreamDecoder framed;
  wire::StreamDecoder raw;
  for (const auto content : {bytes.substr(0, cut), bytes.substr(cut)}) {
    const bool good = decode(plain, content, content.size(), false);
    if (decode(framed, frame_of(content), content.size(), true) != good) __builtin_trap();
    decode(raw, content, size * 8, true);
  }
  return 0;
}
