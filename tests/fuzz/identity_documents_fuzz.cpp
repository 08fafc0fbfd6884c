// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the reader; the rest is the document. What a reader gives away stays bounded, is
// text that a terminal and a JSON parser bear, and is the same for the same document.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "identity/all_readers.h"
#include "identity/clean.h"
#include "identity/reading.h"
#include "identity/text.h"

namespace {

using namespace iris::identity;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const all_readers::Output& output) {
  require(output.evidence.size() <= kMaxEvidence);
  for (const Evidence& one : output.evidence) {
    require(!one.name.empty());
    require(one.tags.size() <= kMaxTagsBytes && one.configuration.size() <= kMaxConfigurationBytes);
    require(one.hardware_ids.size() <= kMaxHardwareIds && one.addresses.size() <= kMaxEvidenceAddresses);
    for (const auto* object : {&one.tags, &one.configuration}) {
      if (object->empty()) continue;
      // What has been cleaned holds nothing more to be cleaned.
      const auto parsed = parse_json(*object);
      require(parsed && parsed->is_object() && dump(cleaned(*parsed)) == *object);
    }
  }
  for (const std::string& text : texts_of(output)) {
    require(text.size() <= kMaxConfigurationBytes && bounded(text, kMaxConfigurationBytes) == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto& reader = all_readers::kReaders[data[0] % all_readers::kReaders.size()];
  const auto output = reader.read(text);
  check(output);
  require(texts_of(output) == texts_of(reader.read(text)));
  return 0;
}
