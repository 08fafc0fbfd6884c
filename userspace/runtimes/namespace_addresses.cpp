// SPDX-License-Identifier: Apache-2.0
#include "runtimes/namespace_addresses.h"

#include <algorithm>
#include <fstream>
#include <filesystem>
#include <string>

#include "runtimes/label_policy.h"

namespace iris::runtimes {
namespace {

constexpr std::size_t kMaxFile = 256U << 10;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void add(const base::IpAddress& address, std::vector<base::IpAddress>& to) {
  if (address.is_loopback() || address.is_unspecified() || to.size() >= kMaxAddresses) return;
  if (std::find(to.begin(), to.end(), address) == to.end()) to.push_back(address);
}

}  // namespace

std::vector<base::IpAddress> parse_fib_trie(std::string_view text) {
  // "|-- 198.51.100.2" followed by "/32 host LOCAL"
  std::vector<base::IpAddress> found;
  std::string_view address;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (const auto leaf = line.find("|-- "); leaf != std::string_view::npos) {
      address = line.substr(leaf + 4);
    } else if (line.find("/32 host LOCAL") != std::string_view::npos) {
      if (const auto parsed = base::IpAddress::parse(address)) add(*parsed, found);
    }
  }
  return found;
}

std::vector<base::IpAddress> parse_if_inet6(std::string_view text) {
  // "20010db8000000000000000000000002 02 40 00 80 eth0": the fourth field is the scope, 00 global
  std::vector<base::IpAddress> found;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.size() < 41 || line.substr(38, 3) != " 00") continue;
    std::string address;
    for (std::size_t i = 0; i < 32; i += 4) {
      if (i > 0) address += ':';
      address += line.substr(i, 4);
    }
    if (const auto parsed = base::IpAddress::parse(address)) add(*parsed, found);
  }
  return found;
}

std::vector<base::IpAddress> namespace_addresses(std::uint32_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  std::error_code error;
  const auto theirs = std::filesystem::read_symlink(process + "/ns/net", error);
  if (error) return {};
  for (const char* host : {"/proc/1/ns/net", "/proc/self/ns/net"}) {
    if (std::filesystem::read_symlink(host, error) == theirs) return {};
  }
  std::vector<base::IpAddress> found = parse_fib_trie(read_file(process + "/net/fib_trie"));
  for (const auto& address : parse_if_inet6(read_file(process + "/net/if_inet6"))) add(address, found);
  return found;
}

}  // namespace iris::runtimes
