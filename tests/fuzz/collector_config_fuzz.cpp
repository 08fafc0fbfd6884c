// SPDX-License-Identifier: Apache-2.0
// Any bytes as iris-collector.toml, and what stands behind a zero byte as its environment.
#include <cstdint>
#include <cstdlib>

#include "collector_program/config.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static iris::fuzz::MemoryFile file;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  file.replace(iris::fuzz::file_part(input));
  const auto reading = iris::collector::read_config(file.path(), true, iris::fuzz::variables_part(input), {});
  for (const auto* list : {&reading.faults, &reading.warnings}) {
    for (const auto& one : *list) {
      if (one.where.empty() || one.message.empty()) std::abort();
    }
  }
  if (!reading.faults.empty()) return 0;
  const auto& config = reading.config;
  if (!config.store.starts_with("sqlite:/") || config.data_directory.empty()) std::abort();
  const auto& keep = config.retention;
  if (keep.raw_ns == 0 || keep.raw_ns > keep.hourly_ns || keep.hourly_ns > keep.daily_ns) std::abort();
  if (config.insecure && !config.certificate_file.empty()) std::abort();
  const auto& notify = config.notify;
  for (const int severity : {notify.webhook_min_severity, notify.syslog_min_severity, notify.file_min_severity}) {
    if (severity < 1 || severity > 5) std::abort();
  }
  if (!notify.webhook_url.empty() && !notify.webhook_url.starts_with("http")) std::abort();
  return 0;
}
