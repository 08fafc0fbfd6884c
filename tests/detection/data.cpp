// SPDX-License-Identifier: Apache-2.0
#include "data.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>

namespace iris::detection {
namespace {

using Row = std::vector<std::string_view>;

Row split(std::string_view line, char separator) {
  Row parts;
  for (;;) {
    const auto end = line.find(separator);
    parts.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

/// A table with its columns by name; every row has as many cells as the header.
struct Table {
  std::string text;
  std::vector<Row> rows;
  std::map<std::string, std::size_t, std::less<>> columns;

  std::string_view cell(const Row& row, std::string_view column) const {
    const auto found = columns.find(column);
    return found == columns.end() ? std::string_view{} : row[found->second];
  }
};

base::Result<std::string> read_text(const std::filesystem::path& file) {
  // Reads plain files, too.
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), gzclose);
  if (!in) return base::fail("cannot read " + file.string());
  std::string text;
  std::array<char, 1 << 16> block;
  constexpr std::size_t kMost = std::size_t{1} << 30;
  for (;;) {
    const int got = gzread(in.get(), block.data(), block.size());
    if (got < 0) return base::fail(file.string() + ": damaged");
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > kMost) return base::fail(file.string() + ": larger than 1 GiB");
  }
}

base::Result<Table> read_table(const std::filesystem::path& file) {
  auto text = read_text(file);
  if (!text) return tl::unexpected(text.error());
  Table table;
  table.text = std::move(*text);
  std::size_t number = 0;
  for (const auto line : split(table.text, '\n')) {
    ++number;
    if (line.empty()) continue;
    auto row = split(line, '\t');
    if (table.columns.empty()) {
      for (std::size_t i = 0; i < row.size(); ++i) table.columns.emplace(row[i], i);
      continue;
    }
    if (row.size() < table.columns.size())
      return base::fail(fmt::format("{}: line {} is short", file.string(), number));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::optional<Seconds> number(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || end != copy.c_str() + copy.size()) return std::nullopt;
  return value;
}

std::uint64_t count(std::string_view text) {
  const auto value = number(text);
  return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
}

int protocol_number(std::string_view text) {
  for (const std::string_view prefix : {"ipv4-", "ipv6-", "ip-"})
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  if (text == "tcp") return 6;
  if (text == "udp") return 17;
  if (text == "icmp" || text == "icmp6" || text == "ipv6-icmp") return 1;
  if (text == "igmp") return 2;
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0 && value < 256 ? value : -1;
}

}  // namespace

const Scenario* Folder::find(std::string_view name) const {
  for (const auto& scenario : scenarios)
    if (scenario.name == name) return &scenario;
  return nullptr;
}

base::Result<Folder> read_folder(const std::filesystem::path& path) {
  Folder folder;
  folder.path = path;
  const auto scenarios = read_table(path / "scenarios.tsv");
  if (!scenarios) return tl::unexpected(scenarios.error());
  for (const auto& row : scenarios->rows)
    folder.scenarios.push_back({std::string(scenarios->cell(row, "scenario")),
                                std::string(scenarios->cell(row, "kind")),
                                std::string(scenarios->cell(row, "device"))});
  const auto protocol = read_table(path / "protocol.tsv");
  if (!protocol) return tl::unexpected(protocol.error());
  for (const auto& row : protocol->rows) {
    const auto mode = protocol->cell(row, "mode");
    if (mode.size() != 1 || std::string_view("TIPR").find(mode[0]) == std::string_view::npos)
      return base::fail(fmt::format("protocol.tsv: mode '{}' is none of T, I, P, R", mode));
    folder.protocol.push_back(
        {std::string(protocol->cell(row, "scenario")), mode[0], std::string(protocol->cell(row, "learn"))});
  }
  if (std::filesystem::exists(path / "events.tsv")) {
    const auto events = read_table(path / "events.tsv");
    if (!events) return tl::unexpected(events.error());
    for (const auto& row : events->rows)
      folder.events.push_back(
          {std::string(events->cell(row, "scenario_pattern")), number(events->cell(row, "start_ts")).value_or(0),
           number(events->cell(row, "end_ts")).value_or(0), std::string(events->cell(row, "event"))});
  }
  if (std::filesystem::exists(path / "ambiguous.tsv")) {
    const auto peers = read_table(path / "ambiguous.tsv");
    if (!peers) return tl::unexpected(peers.error());
    for (const auto& row : peers->rows)
      folder.ambiguous.push_back({std::string(peers->cell(row, "scenario")), std::string(peers->cell(row, "dst")),
                                  static_cast<std::uint16_t>(count(peers->cell(row, "dport"))),
                                  protocol_number(peers->cell(row, "proto"))});
  }
  return folder;
}

base::Result<std::vector<Connection>> read_connections(const std::filesystem::path& file) {
  const auto table = read_table(file);
  if (!table) return tl::unexpected(table.error());
  std::vector<Connection> connections;
  connections.reserve(table->rows.size());
  for (const auto& row : table->rows) {
    const auto cell = [&](std::string_view column) { return table->cell(row, column); };
    Connection made;
    const auto ts = number(cell("ts"));
    if (!ts) return base::fail(file.string() + ": a record without a time");
    made.ts = *ts;
    made.src = cell("src");
    made.dst = cell("dst");
    made.src_ip = base::IpAddress::parse(made.src);
    made.dst_ip = base::IpAddress::parse(made.dst);
    made.sport = static_cast<std::uint16_t>(count(cell("sport")));
    made.dport = static_cast<std::uint16_t>(count(cell("dport")));
    made.protocol = made.src_ip && made.dst_ip ? protocol_number(cell("proto")) : -1;
    made.duration = number(cell("duration"));
    if (made.duration && *made.duration < 0) made.duration = std::nullopt;
    made.orig_bytes = count(cell("orig_bytes"));
    made.resp_bytes = count(cell("resp_bytes"));
    made.orig_packets = count(cell("orig_pkts"));
    made.resp_packets = count(cell("resp_pkts"));
    made.state = cell("conn_state");
    const auto label = cell("label");
    made.label = label == "Benign" ? Label::benign : label == "Malicious" ? Label::malicious : Label::other;
    made.detail = cell("detailed_label");
    connections.push_back(std::move(made));
  }
  return connections;
}

base::Result<std::vector<Name>> read_names(const std::filesystem::path& file) {
  std::vector<Name> names;
  if (!std::filesystem::exists(file)) return names;
  const auto table = read_table(file);
  if (!table) return tl::unexpected(table.error());
  for (const auto& row : table->rows) {
    Name made{number(table->cell(row, "ts")).value_or(0),
              std::string(table->cell(row, "client")),
              std::string(table->cell(row, "name")),
              {}};
    for (const auto answer : split(table->cell(row, "answers"), ','))
      if (const auto address = base::IpAddress::parse(answer)) made.addresses.push_back(*address);
    if (!made.addresses.empty()) names.push_back(std::move(made));
  }
  return names;
}

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] != '*') return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
  for (std::size_t i = 0; i <= text.size(); ++i)
    if (matches(pattern.substr(1), text.substr(i))) return true;
  return false;
}

std::vector<std::string> addresses_in(std::string_view text) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < text.size();) {
    const auto end = std::min(text.find_first_not_of("0123456789abcdefABCDEF.:", i), text.size());
    auto word = text.substr(i, end - i);
    while (!word.empty() && (word.back() == '.' || word.back() == ':')) word.remove_suffix(1);
    if (word.size() >= 3 && base::IpAddress::parse(word)) found.emplace_back(word);
    i = std::max(end, i + 1);
  }
  return found;
}

bool is_private(const base::IpAddress& address) {
  static const auto kBlocks = [] {
    std::vector<base::Cidr> blocks;
    for (const char* text : {"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                             "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
                             "fc00::/7", "fe80::/10", "::1/128", "2001:db8::/32"})
      if (auto block = base::Cidr::parse(text)) blocks.push_back(*block);
    return blocks;
  }();
  for (const auto& block : kBlocks)
    if (block.contains(address)) return true;
  return false;
}

bool is_group(const base::IpAddress& address) {
  const auto& b = address.bytes;
  if (!address.is_v4()) return b[0] == 0xff;
  // Local nets end at 255 nearly always; an address in the Internet may be any.
  return (b[12] & 0xf0) == 0xe0 || (b[12] == 255 && b[13] == 255) || (b[15] == 255 && is_private(address));
}

}  // namespace iris::detection
