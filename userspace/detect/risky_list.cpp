// SPDX-License-Identifier: Apache-2.0
#include "detect/risky_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace iris::detect {
namespace {

// IANA's register, scanners' lists and vendors' documents; ports that one product
// uses for its cloud are left out.
constexpr std::string_view kBuiltin = R"(
port tcp 23 external high telnet
port tcp 2323 external high telnet
port tcp 5555 external high Android debug bridge
port tcp 7547 external high TR-069
port tcp 37215 external high UPnP exploit port
port tcp 52869 external high UPnP exploit port
port tcp 194 external high IRC
port tcp 6660-6669 external high IRC
port tcp 6697 external high IRC
port tcp 9001 external high Tor
port tcp 9030 external high Tor
port tcp 9050 any high Tor
port tcp 2375 external high Docker without TLS
port tcp 6379 external high Redis
port tcp 10250 external high kubelet
port tcp 502 external high Modbus to the Internet
port tcp 102 external high S7 to the Internet
port tcp 20000 external high DNP3 to the Internet
port tcp 2404 external high IEC 104 to the Internet
port tcp 44818 external high EtherNet/IP to the Internet
port tcp 4444 any medium common remote shell port
port tcp 31337 any high common remote shell port
port tcp 139 external medium SMB
port tcp 445 external medium SMB
port tcp 3389 external medium RDP
port tcp 5900 external medium VNC
port tcp 5985-5986 external medium WinRM
port tcp 22 external medium SSH
port tcp 25 external medium SMTP
port tcp 1080 external medium SOCKS
port tcp 3333 external medium mining pool
port tcp 14444 external medium mining pool
process xmrig high miner
process minerd high miner
process kdevtmpfsi high miner
process nc medium network tool
process ncat medium network tool
process socat medium network tool
process nmap medium scanner
process masscan high scanner
process zmap high scanner
process hydra high password guesser
process tcpdump low sniffer
)";

std::string_view next_word(std::string_view& line) {
  const auto start = line.find_first_not_of(" \t\r");
  if (start == std::string_view::npos) return line = {};
  line.remove_prefix(start);
  const auto end = std::min(line.find_first_of(" \t\r"), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

std::optional<Severity> severity_of(std::string_view word) {
  for (const auto severity :
       {Severity::information, Severity::low, Severity::medium, Severity::high, Severity::critical})
    if (word == to_string(severity)) return severity;
  return std::nullopt;
}

std::optional<std::uint16_t> port_of(std::string_view word) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  if (error != std::errc{} || end != word.data() + word.size() || port == 0) return std::nullopt;
  return port;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return result;
}

template <typename Entries>
const RiskyList::Hit* find_text(const Entries& entries, std::string_view text) {
  const auto found = std::lower_bound(entries.begin(), entries.end(), text,
                                      [](const auto& e, std::string_view t) { return e.text < t; });
  return found != entries.end() && found->text == text ? &found->hit : nullptr;
}

}  // namespace

bool RiskyList::add_line(std::string_view line) {
  const auto kind = next_word(line);
  std::optional<PortEntry> port;
  std::optional<base::Cidr> block;
  std::optional<base::IpAddress> address;
  std::string text;
  if (kind == "port") {
    const auto protocol = next_word(line);
    const auto range = next_word(line);
    const auto dash = std::min(range.find('-'), range.size());
    const auto from = port_of(range.substr(0, dash));
    const auto to = dash < range.size() ? port_of(range.substr(dash + 1)) : from;
    const auto reach = next_word(line);
    if ((protocol != "tcp" && protocol != "udp") || !from || !to || *to < *from) return false;
    if (reach != "external" && reach != "any") return false;
    port = PortEntry{static_cast<std::uint8_t>(protocol == "tcp" ? 6 : 17), *from, *to, reach == "external", {}};
  } else if (kind == "address") {
    const auto word = next_word(line);
    address = base::IpAddress::parse(word);
    if (!address) block = base::Cidr::parse(word);
    if (!address && !block) return false;
  } else if (kind == "name" || kind == "process") {
    text = lower(next_word(line));
    if (text.empty()) return false;
  } else {
    return false;
  }
  const auto severity = severity_of(next_word(line));
  if (!severity) return false;
  const auto start = std::min(line.find_first_not_of(" \t"), line.size());
  const auto end = line.find_last_not_of(" \t\r");
  Hit hit{*severity, std::string(start < line.size() ? line.substr(start, end - start + 1).substr(0, 120) : "")};
  if (port) {
    port->hit = std::move(hit);
    ports_.push_back(std::move(*port));
  } else if (address) {
    addresses_.emplace_back(*address, std::move(hit));
  } else if (block) {
    blocks_.push_back({*block, std::move(hit)});
  } else {
    (kind == "name" ? names_ : processes_).push_back({std::move(text), std::move(hit)});
  }
  return true;
}

base::Result<RiskyList> RiskyList::parse(std::string_view text) {
  constexpr std::size_t kMostEntries = 100'000;
  constexpr std::size_t kMostFaults = 20;
  RiskyList list;
  std::string faults;
  std::size_t number = 0, entries = 0, faulty = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (++entries > kMostEntries) return base::fail(fmt::format("more than {} entries", kMostEntries));
    if (!list.add_line(line) && ++faulty <= kMostFaults)
      faults += fmt::format("{}{}", faults.empty() ? "" : ", ", number);
  }
  if (faulty > 0)
    return base::fail(fmt::format("not understood: line {}{}", faults, faulty > kMostFaults ? " and more" : ""));
  list.sort();
  return list;
}

void RiskyList::sort() {
  const auto by_text = [](const TextEntry& a, const TextEntry& b) { return a.text < b.text; };
  std::stable_sort(addresses_.begin(), addresses_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::stable_sort(names_.begin(), names_.end(), by_text);
  std::stable_sort(processes_.begin(), processes_.end(), by_text);
}

RiskyList RiskyList::with(const RiskyList& other) const {
  RiskyList both = *this;
  both.ports_.insert(both.ports_.end(), other.ports_.begin(), other.ports_.end());
  both.blocks_.insert(both.blocks_.end(), other.blocks_.begin(), other.blocks_.end());
  both.addresses_.insert(both.addresses_.end(), other.addresses_.begin(), other.addresses_.end());
  both.names_.insert(both.names_.end(), other.names_.begin(), other.names_.end());
  both.processes_.insert(both.processes_.end(), other.processes_.begin(), other.processes_.end());
  both.sort();
  return both;
}

const RiskyList& RiskyList::builtin() {
  static const RiskyList list = *parse(kBuiltin);
  return list;
}

const RiskyList::Hit* RiskyList::match_peer(const profile::Observation& seen,
                                            const std::vector<std::string>& names) const {
  if (seen.address) {
    const auto found =
        std::lower_bound(addresses_.begin(), addresses_.end(), *seen.address,
                         [](const auto& entry, const base::IpAddress& address) { return entry.first < address; });
    if (found != addresses_.end() && found->first == *seen.address) return &found->second;
    for (const auto& entry : blocks_)
      if (entry.block.contains(*seen.address)) return &entry.hit;
  }
  if (names_.empty()) return nullptr;
  for (const auto& name : names) {
    const std::string whole = lower(name);
    for (std::string_view rest = whole; !rest.empty();) {
      if (const Hit* hit = find_text(names_, rest)) return hit;
      const auto dot = rest.find('.');
      rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
    }
  }
  return nullptr;
}

const RiskyList::Hit* RiskyList::match(const profile::Observation& seen, const std::vector<std::string>& names) const {
  if (const Hit* hit = match_peer(seen, names)) return hit;
  if (!seen.outbound()) return nullptr;
  for (const auto& entry : ports_)
    if (entry.protocol == seen.protocol && seen.port >= entry.from && seen.port <= entry.to &&
        (seen.reach == profile::Reach::external || (!entry.external_only && seen.reach == profile::Reach::site)))
      return &entry.hit;
  return nullptr;
}

const RiskyList::Hit* RiskyList::match_process(std::string_view executable) const {
  const auto slash = executable.rfind('/');
  if (slash != std::string_view::npos) executable.remove_prefix(slash + 1);
  return find_text(processes_, lower(executable));
}

}  // namespace iris::detect
