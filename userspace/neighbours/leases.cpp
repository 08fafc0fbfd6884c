// SPDX-License-Identifier: Apache-2.0
#include "neighbours/leases.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>
#include <optional>

#include "identity/claims.h"

namespace iris::neighbours {
namespace {

constexpr std::size_t kMaxLeases = 65'536;
constexpr std::size_t kMaxHosts = 65'536;
constexpr std::int64_t kForever = INT64_MAX;

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view next_word(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

std::optional<std::int64_t> to_number(std::string_view digits) {
  std::int64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < 0) return std::nullopt;
  return number;
}

/// By address; the last entry stands, and says whether there is a lease at all.
class Leases {
 public:
  void set(std::string_view address, std::string_view mac, std::string_view name, bool runs) {
    const auto parsed = base::IpAddress::parse(address);
    if (!parsed || !identity::can_belong_to_a_device(*parsed)) return;
    if (!runs) {
      by_address_.erase(*parsed);
    } else if (by_address_.size() < kMaxLeases || by_address_.contains(*parsed)) {
      by_address_[*parsed] = {*parsed, identity::normal_mac(mac).value_or(""), clean_host_name(name)};
    }
  }
  std::vector<Lease> take() {
    std::vector<Lease> all;
    for (auto& [address, lease] : by_address_) all.push_back(std::move(lease));
    return all;
  }

 private:
  std::map<base::IpAddress, Lease> by_address_;
};

void parse_dnsmasq(std::string_view text, std::int64_t now_s, Leases& leases) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const auto expiry = to_number(next_word(line));  // "duid .." begins the part of IPv6
    const std::string_view mac = next_word(line);    // there it is an IAID: no MAC
    const std::string_view address = next_word(line);
    const std::string_view name = next_word(line);   // "*": none
    if (!expiry || name.empty()) continue;           // a line cut short may have a wrong address
    leases.set(address, mac, name == "*" ? "" : name, *expiry == 0 || *expiry > now_s);
  }
}

struct IscToken {
  enum class Kind : std::uint8_t { end, word, string, mark };
  Kind kind = Kind::end;
  std::string_view text;  // a string without its quotes and with its escapes

  bool is_mark(char mark) const { return kind == Kind::mark && text.front() == mark; }
};

/// Words, strings and marks of dhcpd's files. What a host says of itself stands in
/// strings, so a string is never taken for a mark.
class IscTokens {
 public:
  explicit IscTokens(std::string_view text) : text_(text) {}

  IscToken next() {
    for (;;) {
      text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size()));
      if (!text_.starts_with('#')) break;
      text_.remove_prefix(std::min(text_.find('\n'), text_.size()));
    }
    if (text_.empty()) return {};
    if (text_.front() == '"') {
      std::size_t end = 1;
      while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
      const std::size_t length = std::min(end, text_.size()) - 1;
      return {IscToken::Kind::string, take(std::min(end + 1, text_.size())).substr(1, length)};
    }
    constexpr std::string_view kMarks = "{};,";
    if (kMarks.find(text_.front()) != std::string_view::npos) return {IscToken::Kind::mark, take(1)};
    return {IscToken::Kind::word, take(std::min(text_.find_first_of(" \t\r\n{};,\"#"), text_.size()))};
  }

 private:
  std::string_view take(std::size_t length) {
    const std::string_view taken = text_.substr(0, length);
    text_.remove_prefix(length);
    return taken;
  }
  std::string_view text_;
};

/// "never", "epoch SECONDS", or "WEEKDAY YYYY/MM/DD HH:MM:SS" in UTC.
std::int64_t isc_time(const std::vector<std::string_view>& words) {
  if (words.size() == 2 && words[1] == "never") return kForever;
  if (words.size() >= 3 && words[1] == "epoch") return to_number(words[2]).value_or(0);
  if (words.size() < 4 || words[2].size() != 10 || words[3].size() != 8) return 0;
  const auto part = [](std::string_view word, std::size_t at, std::size_t length) {
    return static_cast<int>(to_number(word.substr(at, length)).value_or(0));
  };
  std::tm time{};
  time.tm_year = part(words[2], 0, 4) - 1900;
  time.tm_mon = part(words[2], 5, 2) - 1;
  time.tm_mday = part(words[2], 8, 2);
  time.tm_hour = part(words[3], 0, 2);
  time.tm_min = part(words[3], 3, 2);
  time.tm_sec = part(words[3], 6, 2);
  return timegm(&time);
}

void parse_isc(std::string_view text, std::int64_t now_s, Leases& leases) {
  constexpr std::size_t kMaxWords = 8;
  IscTokens tokens(text);
  std::string_view address, mac, name;
  std::int64_t ends = 0;
  bool active = false;
  int depth = 0;
  std::vector<std::string_view> words;  // of the statement so far
  for (IscToken token = tokens.next(); token.kind != IscToken::Kind::end; token = tokens.next()) {
    if (token.is_mark('{')) {
      if (depth++ == 0) {
        address = words.size() == 2 && words[0] == "lease" ? words[1] : std::string_view{};
        mac = name = {};
        ends = kForever;
        active = true;  // files from before there were states
      }
      words.clear();
    } else if (token.is_mark('}')) {
      if (depth > 0 && --depth == 0 && !address.empty()) leases.set(address, mac, name, active && ends > now_s);
      words.clear();
    } else if (token.is_mark(';')) {
      if (depth == 1 && !words.empty()) {
        if (words[0] == "ends") ends = isc_time(words);
        if (words.size() == 3 && words[0] == "binding" && words[1] == "state") active = words[2] == "active";
        if (words.size() == 3 && words[0] == "hardware" && words[1] == "ethernet") mac = words[2];
        if (words.size() == 2 && words[0] == "client-hostname") name = words[1];
      }
      words.clear();
    } else if (words.size() < kMaxWords) {
      words.push_back(token.text);
    }
  }
}

std::vector<std::string_view> columns_of(std::string_view line) {
  constexpr std::size_t kMaxColumns = 32;
  std::vector<std::string_view> columns;
  while (columns.size() < kMaxColumns) {
    const std::size_t comma = line.find(',');
    columns.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) break;
    line.remove_prefix(comma + 1);
  }
  return columns;
}

void parse_kea(std::string_view text, std::int64_t now_s, Leases& leases) {
  std::vector<std::string_view> heading;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    const auto columns = columns_of(line);
    if (columns.front() == "address") {  // again where files were put together
      heading = columns;
      continue;
    }
    if (columns.size() < heading.size()) continue;  // being written
    const auto column = [&](std::string_view name) {
      const auto at = static_cast<std::size_t>(std::find(heading.begin(), heading.end(), name) - heading.begin());
      return at < heading.size() && at < columns.size() ? columns[at] : std::string_view{};
    };
    const auto expires = to_number(column("expire"));
    const auto lifetime = to_number(column("valid_lifetime"));
    if (!expires || !lifetime) continue;
    // A prefix that was delegated is not an address of the host.
    if (const auto type = column("lease_type"); !type.empty() && type != "0") continue;
    const bool runs = *lifetime > 0 && (*lifetime == UINT32_MAX || *expires > now_s) && column("state") == "0";
    std::string_view name = column("hostname");
    if (name.ends_with('.')) name.remove_suffix(1);
    leases.set(column("address"), column("hwaddr"), name, runs);
  }
}

}  // namespace

std::vector<Lease> parse_leases(LeaseFormat format, std::string_view text, std::int64_t now_s) {
  Leases leases;
  switch (format) {
    case LeaseFormat::dnsmasq: parse_dnsmasq(text, now_s, leases); break;
    case LeaseFormat::isc_dhcpd: parse_isc(text, now_s, leases); break;
    case LeaseFormat::kea: parse_kea(text, now_s, leases); break;
  }
  return leases.take();
}

std::vector<HostName> parse_hosts(std::string_view text) {
  std::vector<HostName> names;
  while (!text.empty() && names.size() < kMaxHosts) {
    std::string_view line = next_line(text);
    line = line.substr(0, line.find('#'));
    const auto address = base::IpAddress::parse(next_word(line));
    std::string name = clean_host_name(next_word(line));
    if (address && !name.empty() && identity::can_belong_to_a_device(*address)) names.push_back({*address, std::move(name)});
  }
  return names;
}

std::string clean_host_name(std::string_view name) {
  constexpr std::size_t kMaxName = 253;
  const bool well = !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
  return well ? std::string(name) : std::string();
}

}  // namespace iris::neighbours
