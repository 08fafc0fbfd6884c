// SPDX-License-Identifier: Apache-2.0
#include "notify/syslog_target.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ip_address.h"

namespace iris::notify {
namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_host(std::string_view host, bool bracketed) {
  if (bracketed) return host.find(':') != std::string_view::npos && base::IpAddress::parse(host);
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), is_name_character);
}

}  // namespace

std::string SyslogTarget::host_and_port() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

base::Result<SyslogTarget> parse_syslog_target(std::string_view text) {
  using Transport = SyslogTarget::Transport;
  static constexpr std::array<std::pair<std::string_view, Transport>, 3> kSchemes = {
      {{"udp://", Transport::udp}, {"tcp://", Transport::tcp}, {"tls://", Transport::tls}}};
  const auto wrong = base::fail("wants udp://host:port, tcp://host:port or tls://host:port", base::Error::Kind::usage);
  const auto scheme = std::find_if(kSchemes.begin(), kSchemes.end(),
                                   [text](const auto& one) { return text.starts_with(one.first); });
  if (scheme == kSchemes.end()) return wrong;
  SyslogTarget target;
  target.transport = scheme->second;
  text.remove_prefix(scheme->first.size());
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, target.port);
  if (error != std::errc() || stop != end || target.port == 0 || !is_host(host, bracketed)) return wrong;
  target.host = host;
  return target;
}

}  // namespace iris::notify
