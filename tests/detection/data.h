// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

/// Labelled connection records as files: the format is described in README.md.
namespace iris::detection {

using Seconds = double;  // of the scenario's own clock

enum class Label : std::uint8_t { benign, malicious, other };

struct Connection {
  Seconds ts = 0;
  std::string src, dst;  // as written: address, or a MAC address
  std::optional<base::IpAddress> src_ip, dst_ip;
  std::uint16_t sport = 0, dport = 0;
  int protocol = -1;  // IANA number; -1: not IP (arp, lldp)
  std::optional<Seconds> duration;
  std::uint64_t orig_bytes = 0, resp_bytes = 0, orig_packets = 0, resp_packets = 0;
  std::string state;  // Zeek's; "-": none
  Label label = Label::other;
  std::string detail;
};

struct Name {
  Seconds ts = 0;
  std::string client, name;
  std::vector<base::IpAddress> addresses;
};

struct Scenario {
  std::string name, kind, device;
};

struct ProtocolLine {
  std::string scenario;
  char mode = 'T';  // T, I, P, R
  std::string learn;
};

struct Event {
  std::string pattern;  // of scenario names, may hold '*'
  Seconds start = 0, end = 0;
  std::string event;
};

struct AmbiguousPeer {
  std::string scenario, dst;
  std::uint16_t dport = 0;
  int protocol = 0;
};

struct Folder {
  std::filesystem::path path;
  std::vector<Scenario> scenarios;
  std::vector<ProtocolLine> protocol;
  std::vector<Event> events;
  std::vector<AmbiguousPeer> ambiguous;

  const Scenario* find(std::string_view name) const;
};

base::Result<Folder> read_folder(const std::filesystem::path& path);
/// In the order of the file. `file` may be compressed.
base::Result<std::vector<Connection>> read_connections(const std::filesystem::path& file);
/// Empty when there is no such file.
base::Result<std::vector<Name>> read_names(const std::filesystem::path& file);

bool matches(std::string_view pattern, std::string_view text);

/// Addresses named in a text such as "bot on 198.51.100.7".
std::vector<std::string> addresses_in(std::string_view text);
/// Not routed in the Internet (IANA's special-purpose registries).
bool is_private(const base::IpAddress& address);
bool is_group(const base::IpAddress& address);

}  // namespace iris::detection
