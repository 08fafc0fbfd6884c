// SPDX-License-Identifier: Apache-2.0
#include "notify/cef.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "notify/alert_reading.h"

namespace iris::notify {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
// Longest values, in bytes before escaping.
constexpr std::size_t kLong = 1023;
constexpr std::size_t kDeviceExternalId = 255;
constexpr std::size_t kHostName = 100;
constexpr std::size_t kAction = 63;
constexpr std::size_t kExternalId = 40;
constexpr std::size_t kProtocol = 31;
constexpr std::size_t kHeaderField = 128;

bool is_control(char32_t point) { return point < 0x20 || (point >= 0x7f && point < 0xa0); }

/// `escape` appends what stands for a character, or returns false: it stands for itself.
template <typename Escape>
std::string escaped(std::string_view value, Escape escape) {
  std::string out;
  while (!value.empty()) {
    const auto point = base::decode_utf8(value);
    if (!escape(out, point.value) && !is_control(point.value)) base::append_utf8(out, point.value);
    value.remove_prefix(point.length);
  }
  return out;
}

std::string header_field(std::string_view value) {
  return escaped(cut_utf8(value, kHeaderField), [](std::string& out, char32_t point) {
    if (point == '\\' || point == '|') {
      out += '\\';
      out += static_cast<char>(point);
      return true;
    }
    if (point == '\n' || point == '\r' || point == '\t') out += ' ';
    return false;
  });
}

bool escape_value(std::string& out, char32_t point) {
  switch (point) {
    case '\\': out += "\\\\"; return true;
    case '=': out += "\\="; return true;
    case '\n': out += "\\n"; return true;
    case '\r': out += "\\r"; return true;
    case '\t': out += ' '; return true;
    default: return false;
  }
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ',';
    out += item;
  }
  return out;
}

/// "failing_new_peer" is "Failing new peer".
std::string title_of(const AlertReading& alert) {
  std::string title = alert.rule.empty() ? alert.alert_class : alert.rule;
  std::replace(title.begin(), title.end(), '_', ' ');
  if (!title.empty() && title.front() >= 'a' && title.front() <= 'z') title.front() = static_cast<char>(title.front() - 'a' + 'A');
  return title.empty() ? "Alert" : title;
}

int cef_severity(int severity) {
  static constexpr std::array kSeverities = {1, 3, 5, 8, 10};
  return kSeverities[static_cast<std::size_t>(severity - 1)];
}

/// The extension: key=value pairs with a blank between, as long as there is room.
class Extension {
 public:
  Extension(std::string& line, std::size_t max_bytes) : line_(line), max_bytes_(max_bytes) {}

  void text(std::string_view key, std::string_view value, std::size_t max_value_bytes) {
    const auto cut = escaped(cut_utf8(value, max_value_bytes), escape_value);
    if (cut.find_first_not_of(' ') != std::string::npos) append(key, cut);
  }
  void number(std::string_view key, std::uint64_t value) { append(key, std::to_string(value)); }
  void known_number(std::string_view key, std::uint64_t value) {
    if (value != 0) number(key, value);
  }
  /// A value with its label, both or none.
  void labelled(const std::string& key, std::string_view label, std::string_view value) {
    const auto cut = escaped(cut_utf8(value, kLong), escape_value);
    if (cut.find_first_not_of(' ') == std::string::npos) return;
    append(key + "Label", std::string(label) + " " + key + "=" + cut);
  }
  /// As much of the value as there is room for, in whole characters and escapes.
  void cut_text(std::string_view key, std::string_view value, std::size_t max_value_bytes) {
    value = cut_utf8(value, max_value_bytes);
    while (!value.empty()) {
      const auto whole = escaped(value, escape_value);
      const auto needed = separator().size() + key.size() + 1 + whole.size();
      if (line_.size() + needed <= max_bytes_) return append(key, whole);
      const auto excess = line_.size() + needed - max_bytes_;
      value = cut_utf8(value, value.size() - std::min(value.size(), std::max<std::size_t>(1, excess / 2)));
    }
  }

 private:
  std::string_view separator() const { return first_ ? "" : " "; }
  void append(std::string_view key, std::string_view value) {
    if (line_.size() + separator().size() + key.size() + 1 + value.size() > max_bytes_) return;
    line_ += separator();
    first_ = false;
    line_ += key;
    line_ += '=';
    line_ += value;
  }

  std::string& line_;
  const std::size_t max_bytes_;
  bool first_ = true;
};

/// CEF:0 has no IPv6 in src and dst.
void address(Extension& out, const char* v4_key, const std::string& v6_key, std::string_view label,
             const std::optional<base::IpAddress>& address) {
  if (!address) return;
  if (address->is_v4()) {
    out.text(v4_key, address->to_string(), kLong);
  } else {
    out.labelled(v6_key, label, address->to_string());
  }
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

void append_conversation(Extension& out, const Conversation& talk) {
  address(out, "src", "c6a2", "Source IPv6 Address", talk.source);
  out.known_number("spt", talk.source_port);
  address(out, "dst", "c6a3", "Destination IPv6 Address", talk.destination);
  out.known_number("dpt", talk.destination_port);
  out.text("proto", upper(talk.protocol), kProtocol);
  out.number("deviceDirection", talk.outgoing ? 1 : 0);
  // In CEF `in` is what went from the source to the destination.
  if (talk.source_bytes) out.number("in", *talk.source_bytes);
  if (talk.destination_bytes) out.number("out", *talk.destination_bytes);
  out.text(talk.outgoing ? "dhost" : "shost", talk.peer_name, kLong);
}

void append_extension(Extension& out, const AlertReading& alert) {
  out.known_number("rt", alert.last_wall_ns / kNsPerMs);
  out.known_number("start", alert.first_wall_ns / kNsPerMs);
  out.known_number("end", alert.last_wall_ns / kNsPerMs);
  out.known_number("cnt", alert.count);
  out.text("act", alert.status, kAction);
  out.text("externalId", alert.id, kExternalId);
  out.text("cat", alert.alert_class, kLong);
  out.text("deviceExternalId", alert.gateway, kDeviceExternalId);
  out.text("dvchost", alert.gateway, kHostName);
  if (alert.conversation) append_conversation(out, *alert.conversation);
  const bool ours_is_source = !alert.conversation || alert.conversation->outgoing;
  out.text(ours_is_source ? "sproc" : "dproc", alert.process, kLong);
  out.known_number(ours_is_source ? "spid" : "dpid", alert.pid);
  out.labelled("cs1", "module", alert.module);
  out.labelled("cs2", "image", alert.image);
  out.labelled("cs3", "attack", joined(alert.attack_techniques));
  out.labelled("cs4", "device", alert.device);
  out.labelled("cs5", "subject", alert.subject);
  out.text("reason", joined(alert.rules), kLong);
  out.cut_text("msg", alert.summary, kLong);  // last: what is cut on the way is a text for people
}

}  // namespace

std::string_view cut_utf8(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  // At most three bytes that continue a character stand before the cut.
  for (std::size_t i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return text.substr(0, end);
}

base::Result<CefEvent> to_cef(std::string_view alert, const std::string& product_version, std::size_t max_bytes) {
  const auto reading = read_alert(alert);
  if (!reading) return tl::unexpected(reading.error());
  CefEvent event;
  event.severity = reading->severity;
  event.wall_ns = reading->last_wall_ns;
  event.gateway = reading->gateway;
  event.alert_class = reading->alert_class;
  event.line = "CEF:0|Iris|iris-collector|" + header_field(product_version) + "|" +
               header_field(reading->alert_class.empty() ? "alert" : reading->alert_class) + "|" +
               header_field(title_of(*reading)) + "|" + std::to_string(cef_severity(reading->severity)) + "|";
  Extension extension(event.line, std::max(max_bytes, kMinCefBytes));
  append_extension(extension, *reading);
  return event;
}

}  // namespace iris::notify
