// SPDX-License-Identifier: Apache-2.0
// Any bytes as a recording, twice: as the file itself, and as the content of a
// proper zstd frame, since a fuzzer seldom guesses a frame that decompresses.
#include <zstd.h>

#include <cstring>
#include <string>

#include "wire/json_writer.h"
#include "wire/record_file.h"
#include "wire/record_format.h"
#include "iris/v1/record.pb.h"

namespace {

using namespace iris;

void read_all(std::string_view bytes) {
  auto reader = wire::RecordFileReader::open([bytes](char* into, std::size_t size) mutable -> base::Result<std::size_t> {
    const std::size_t count = std::min(size, bytes.size());
    std::memcpy(into, bytes.data(), count);
    bytes.remove_prefix(count);
    return count;
  });
  if (!reader) return;
  wire::JsonWriter json;
  std::string line;
  for (;;) {
    auto record = reader->next();
    if (!record || !*record) return;
    line.clear();
    json.append(line, **record);
  }
}

std::string header() {
  v1::Message message;
  message.mutable_header()->set_magic(wire::kRecordMagic);
  message.mutable_header()->set_format_version(wire::kRecordFileVersion);
  const std::string body = message.SerializeAsString();
  return static_cast<char>(body.size()) + body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_all(bytes);

  const std::string content = header() + std::string(bytes);
  std::string frame(ZSTD_compressBound(content.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), content.data(), content.size(), 1));
  read_all(frame);
  return 0;
}
