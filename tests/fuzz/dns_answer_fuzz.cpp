// SPDX-License-Identifier: Apache-2.0
// Any bytes as a DNS message from the network.
#include <cstdint>
#include <cstdlib>

#include "pipeline/dns_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto answer = iris::pipeline::parse_dns_answer({data, size});
  if (!answer) return 0;
  // Escaped it may be four times as long as on the wire, where it has 255 bytes.
  if (answer->question_name.size() > 1024) std::abort();
  for (const unsigned char c : answer->question_name) {
    if (c < 0x20 || c >= 0x7f) std::abort();
  }
  if (answer->addresses.size() > size / 12) std::abort();  // a record takes more
  return 0;
}
