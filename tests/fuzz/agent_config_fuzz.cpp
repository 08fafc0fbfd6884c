// SPDX-License-Identifier: Apache-2.0
// Any bytes as irisd.toml, and what stands behind a zero byte as its environment.
#include <cstdint>
#include <cstdlib>

#include "agent/config_reader.h"
#include "memory_file.h"

namespace {

using namespace std::chrono_literals;

void check(const iris::agent::Config& config) {
  if (config.window < 100ms || config.window > 1h) std::abort();
  if (config.capture.ring_bytes < 64U << 10 || config.capture.ring_bytes > 1U << 30) std::abort();
  if (config.capture.max_flows < 64 || config.capture.max_sockets < 64) std::abort();
  if (!config.spool.directory.starts_with('/') || config.spool.max_bytes < 1U << 20) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static iris::fuzz::MemoryFile file;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  file.replace(iris::fuzz::file_part(input));
  const auto reading = iris::agent::read_config(file.path(), true, iris::fuzz::variables_part(input));
  for (const auto* list : {&reading.faults, &reading.warnings}) {
    for (const auto& one : *list) {
      if (one.where.empty() || one.message.empty()) std::abort();
    }
  }
  check(reading.config);  // a value that was refused is not taken
  return 0;
}
