// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the parser; the rest is what a daemon might say.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "runtimes/docker_json.h"
#include "runtimes/json_lines.h"
#include "runtimes/label_policy.h"
#include "runtimes/namespace_addresses.h"
#include "runtimes/oci_spec.h"

namespace {

void check(const iris::enrich::ContainerInfo& info) {
  using namespace iris::runtimes;
  if (info.labels.size() > kMaxLabels || info.addresses.size() > kMaxAddresses) std::abort();
  for (const auto* text : {&info.name, &info.image, &info.module_id, &info.device_id}) {
    if (text->size() > kMaxText + 1 || *text != clean_text(*text, kMaxText + 1)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace iris::runtimes;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      if (const auto info = parse_docker_inspect(text)) check(*info);
      break;
    case 1:
      if (const auto list = parse_docker_list(text)) {
        for (const auto& entry : *list) check(entry.info);
      }
      break;
    case 2: {
      JsonLines lines(4096);
      const std::size_t half = text.size() / 2;
      const auto take = [](std::string_view line) {
        if (line.size() > 4096) std::abort();
        if (const auto event = parse_docker_event(line)) check(event->info);
      };
      lines.feed(text.substr(0, half), take);
      lines.feed(text.substr(half), take);
      break;
    }
    case 3: {
      iris::enrich::ContainerInfo info;
      apply_oci_spec(text, info);
      check(info);
      break;
    }
    case 4:
      parse_docker_error(text);
      parse_api_version(text);
      break;
    default:
      parse_fib_trie(text);
      parse_if_inet6(text);
  }
  return 0;
}
