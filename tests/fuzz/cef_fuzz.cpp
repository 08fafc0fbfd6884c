// SPDX-License-Identifier: Apache-2.0
// Any text as the JSON of an alert; the first two bytes say how long the line may be. The line can
// be taken apart again, and syslog around it keeps to its limits, wherever it is cut.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/utf8.h"
#include "notify/cef.h"
#include "notify/cef_reader.h"
#include "notify/syslog_frame.h"

namespace {

using namespace iris::notify;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_clean(std::string_view text) {
  while (!text.empty()) {
    const auto point = iris::base::decode_utf8(text);
    if (!point.valid || point.value < 0x20 || (point.value >= 0x7f && point.value < 0xa0)) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

void check_syslog(const CefEvent& event, std::size_t max_bytes) {
  const SyslogHeader header{16, event.severity, event.wall_ns, event.gateway, event.alert_class};
  for (const auto format : {SyslogFormat::rfc5424, SyslogFormat::rfc3164}) {
    const auto start = syslog_message(format, header, "", kMaxSyslogHeaderBytes).size();
    require(start < kMaxSyslogHeaderBytes);
    const auto whole = syslog_message(format, header, event.line, kMaxStreamMessageBytes);
    require(is_clean(whole) && whole.substr(start) == event.line);
    const auto cut = syslog_message(format, header, event.line, kMaxSyslogHeaderBytes + max_bytes % event.line.size());
    require(is_clean(cut) && whole.starts_with(cut));
    require(framed(SyslogFraming::octet_counting, cut) == std::to_string(cut.size()) + " " + cut);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t max_bytes = kMinCefBytes + (data[0] * 256u + data[1]) % (kMaxStreamMessageBytes - kMaxSyslogHeaderBytes - kMinCefBytes + 1);
  const std::string_view alert(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto event = to_cef(alert, "0.1.0", max_bytes);
  if (!event) return 0;
  require(event->line.size() <= max_bytes && is_clean(event->line));
  require(event->severity >= 1 && event->severity <= 5);
  const auto line = test_support::read_cef(event->line);
  require(line && line->header[0] == "CEF:0" && line->header[2] == "iris-collector");
  for (const char* number : {"rt", "start", "end", "cnt", "spt", "dpt", "in", "out", "spid", "dpid", "deviceDirection"}) {
    const auto found = line->extension.find(number);
    require(found == line->extension.end() || found->second.find_first_not_of("0123456789") == std::string::npos);
  }
  for (const auto& [key, value] : line->extension) {
    require(value.size() <= 3 * 1023 && (!key.ends_with("Label") || line->extension.contains(key.substr(0, key.size() - 5))));
  }
  check_syslog(*event, max_bytes);
  return 0;
}
