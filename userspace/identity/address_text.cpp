// SPDX-License-Identifier: Apache-2.0
#include "identity/address_text.h"

#include <algorithm>
#include <array>

#include "identity/secrets.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

constexpr std::size_t kMaxTarget = 2048;
constexpr std::size_t kMaxHost = 253;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

/// IpAddress::parse() goes by C strings: a NUL would hide what follows.
std::optional<base::IpAddress> parse_ip(std::string_view text) {
  if (text.size() > 45 || text.find('\0') != std::string_view::npos) return std::nullopt;
  return base::IpAddress::parse(text);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (!all_digits(text)) return std::nullopt;
  const auto number = parse_number(text);
  if (!number || *number < 1 || *number > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

/// "host", "host:port", "[ip]:port", "ip".
bool parse_authority(std::string_view text, Target& target) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    target.ip = parse_ip(text.substr(1, close - 1));
    if (!target.ip) return false;
    text.remove_prefix(close + 1);
    if (text.empty()) return true;
    const auto port = text.starts_with(':') ? parse_port(text.substr(1)) : std::nullopt;
    if (port) target.port = *port;
    return port.has_value();
  }
  target.ip = parse_ip(text);
  if (target.ip) return true;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return false;
    target.port = *port;
    text = text.substr(0, colon);
    target.ip = parse_ip(text);
    if (target.ip) return target.ip->is_v4();  // "2001:db8::1:502" is one address, not address and port
  }
  if (!is_host_name(text)) return false;
  target.kind = Target::Kind::host;
  target.host = lower_case(text);
  return true;
}

}  // namespace

bool is_serial_line(std::string_view text) {
  if (text.size() > 64) return false;
  if (text.starts_with("COM")) return text.size() <= 6 && all_digits(text.substr(3));
  const bool in_dev = text.starts_with("/dev/");
  if (in_dev) text.remove_prefix(5);
  if (!text.starts_with("tty") || text.size() < 4) return false;
  return (in_dev || (text[3] >= 'A' && text[3] <= 'Z')) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxHost || text.front() == '.' || text.front() == '-') return false;
  const bool usable = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
  if (!usable || text.find("..") != std::string_view::npos) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  const std::string_view last = text.substr(text.rfind('.') + 1);
  return std::any_of(last.begin(), last.end(), is_letter) && !(last.size() != text.size() && is_digit(last.front()));
}

std::optional<Target> parse_target(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.size() > kMaxTarget) return std::nullopt;
  Target target;
  if (is_serial_line(text)) {
    target.kind = Target::Kind::serial;
    target.host = text.starts_with("tty") ? "/dev/" + std::string(text) : std::string(text);
    return target;
  }
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    target.scheme = lower_case(text.substr(0, scheme));
    const bool usable = !target.scheme.empty() && target.scheme.size() <= 32 && std::all_of(target.scheme.begin(), target.scheme.end(), [](char c) {
      return is_letter(c) || is_digit(c) || c == '.' || c == '+' || c == '-';
    });
    if (!usable) return std::nullopt;
    text.remove_prefix(scheme + 3);
    const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
    const std::string_view rest = text.substr(authority.size());
    // What may be a password stays out of the path, even where it is badly written.
    if (rest.starts_with('/') && rest.find('@') == std::string_view::npos) {
      target.path = bounded(without_secrets(rest.substr(0, rest.find_first_of("?#"))));
    }
    const std::size_t at = authority.rfind('@');
    text = at == std::string_view::npos ? authority : authority.substr(at + 1);
  }
  if (!parse_authority(text, target)) return std::nullopt;
  if (target.ip) target.host = target.ip->to_string();
  return target;
}

std::string normalized_mac(std::string_view text) {
  text = trimmed(text);
  if (text.size() < 12 || text.size() > 17) return {};
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_hex(text[i])) {
      digits += text[i];
    } else if ((text[i] != ':' && text[i] != '-' && text[i] != '.') || digits.empty() || digits.size() % 2 != 0) {
      return {};
    }
  }
  digits = lower_case(digits);
  if (digits.size() != 12 || digits == "000000000000" || digits == "ffffffffffff") return {};
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    if (i > 0) out += ':';
    out.append(digits, i, 2);
  }
  return out;
}

std::optional<ProtocolDefaults> protocol_defaults(std::string_view name) {
  struct Row {
    std::string_view prefix;
    ProtocolDefaults defaults;
  };
  // In the order of comparison: a prefix that another begins with stands behind it.
  static constexpr std::array kRows = {
      Row{"modbusudp", {kUdp, 502}}, Row{"modbus", {kTcp, 502}},  Row{"opctcp", {kTcp, 4840}}, Row{"opcua", {kTcp, 4840}},
      Row{"bacnet", {kUdp, 47808}},  Row{"mqtts", {kTcp, 8883}},  Row{"mqtt", {kTcp, 1883}},   Row{"snmp", {kUdp, 161}},
      Row{"s7", {kTcp, 102}},        Row{"enip", {kTcp, 44818}},  Row{"ethernetip", {kTcp, 44818}}, Row{"coaps", {kUdp, 5684}},
      Row{"coap", {kUdp, 5683}},     Row{"https", {kTcp, 443}},   Row{"http", {kTcp, 80}},     Row{"onvif", {kTcp, 0}},
      Row{"rtsp", {kTcp, 554}},      Row{"dnp3", {kTcp, 20000}},  Row{"iec104", {kTcp, 2404}}, Row{"tcp", {kTcp, 0}},
      Row{"udp", {kUdp, 0}}};
  if (name.size() > 64) return std::nullopt;
  std::string plain = lower_case(name);
  std::erase_if(plain, [](char c) { return c == '-' || c == '_' || c == '.' || c == '/' || c == ' '; });
  for (const Row& row : kRows) {
    if (plain.starts_with(row.prefix)) return row.defaults;
  }
  return std::nullopt;
}

flow::DeviceAddress to_address(const Target& target, ProtocolDefaults defaults) {
  flow::DeviceAddress address;
  if (target.kind == Target::Kind::serial) {
    address.text = target.host;
    return address;
  }
  if (!target.scheme.empty()) {
    if (const auto of_scheme = protocol_defaults(target.scheme)) defaults = *of_scheme;
  }
  address.ip = target.ip;
  if (!target.ip) address.text = target.host;
  address.port = target.port != 0 ? target.port : defaults.port;
  address.protocol = defaults.protocol;
  return address;
}

}  // namespace iris::identity
