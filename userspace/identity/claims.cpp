// SPDX-License-Identifier: Apache-2.0
#include "identity/claims.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace iris::identity {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxClaims = 16;
constexpr std::size_t kMaxId = 128;     // IoT Hub's bound for ids
constexpr std::size_t kMaxDepth = 256;  // deeper, nothing is looked at

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// The digits of an EUI of `digits` hexadecimal digits, without its separators.
std::string eui_digits(std::string_view text, std::size_t digits) {
  if (text.size() > 2 * digits) return {};
  std::string found;
  for (const char raw : text) {
    const char c = lower(raw);
    if (is_hex(c)) {
      found += c;
    } else if (c != ':' && c != '-' && c != '.') {
      return {};
    }
  }
  return found.size() == digits ? found : std::string();
}

bool is_placeholder(std::string_view value) {
  static constexpr std::array<std::string_view, 12> kNames{"unknown", "none",    "null", "n/a",  "default", "undefined",
                                                           "todo",    "not set", "test", "tbd", "serial",  "to be filled by o.e.m."};
  if (value.size() < 3 || value.size() > kMaxId) return true;
  const std::string low = lower(value);
  return std::find(kNames.begin(), kNames.end(), low) != kNames.end() ||
         low.find_first_not_of(low.front()) == std::string::npos;  // "000", "xxxx", "----"
}

/// A key without the ways to write it: "MAC_Address" and "macAddress" are one.
std::string plain_key(std::string_view key) {
  std::string plain;
  for (const char c : key.substr(0, 64)) {
    if (c != '_' && c != '-') plain += lower(c);
  }
  return plain;
}

enum class Meaning { nothing, mac, serial, dev_eui, hw_id, address };

Meaning meaning_of(const std::string& key) {
  using Row = std::pair<std::string_view, Meaning>;
  static constexpr std::array<Row, 23> kMeanings{{{"mac", Meaning::mac},
                                                  {"macaddress", Meaning::mac},
                                                  {"macaddr", Meaning::mac},
                                                  {"hwaddr", Meaning::mac},
                                                  {"hwaddress", Meaning::mac},
                                                  {"ethernetmac", Meaning::mac},
                                                  {"wifimac", Meaning::mac},
                                                  {"serial", Meaning::serial},
                                                  {"serialnumber", Meaning::serial},
                                                  {"serialno", Meaning::serial},
                                                  {"deveui", Meaning::dev_eui},
                                                  {"hwid", Meaning::hw_id},
                                                  {"hardwareid", Meaning::hw_id},
                                                  {"ip", Meaning::address},
                                                  {"ipaddress", Meaning::address},
                                                  {"ipaddr", Meaning::address},
                                                  {"ipv4", Meaning::address},
                                                  {"ipv4address", Meaning::address},
                                                  {"ipv6", Meaning::address},
                                                  {"ipv6address", Meaning::address},
                                                  {"address", Meaning::address},
                                                  {"deviceaddress", Meaning::address},
                                                  {"networkaddress", Meaning::address}}};
  const auto found = std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Row& row) { return row.first == key; });
  return found == kMeanings.end() ? Meaning::nothing : found->second;
}

/// Objects that speak of the device itself.
bool speaks_of_device(const std::string& key) {
  static constexpr std::array<std::string_view, 20> kKeys{
      "desired", "reported",  "properties", "tags", "device", "deviceinfo", "deviceinformation", "identity", "hardware", "network",
      "net",     "interface", "interfaces", "lan",  "wlan",   "wifi",       "eth",               "eth0",     "wlan0",    "ethernet"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

/// Walks a document without building it. An array stands for its items.
class ClaimReader final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t number) override {
    // A serial number may be one.
    if (meaning() == Meaning::serial) take(std::to_string(number));
    return value();
  }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool string(string_t& text) override {
    if (levels_.empty()) return false;  // not an object
    take(text);
    return value();
  }
  bool key(string_t& name) override {
    if (!levels_.empty()) key_ = levels_.back().relevant ? plain_key(name) : std::string();
    return true;
  }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  Claims claims;

 private:
  struct Level {
    bool relevant;    // what it holds may speak of the device
    bool array;
    std::string key;  // the one that it is the value of
  };

  Meaning meaning() const { return levels_.empty() || !levels_.back().relevant ? Meaning::nothing : meaning_of(key_); }

  bool value() { return !levels_.empty(); }

  bool open(bool array) {
    if (levels_.empty()) {
      if (array) return false;
      levels_.push_back({true, false, {}});
      return true;
    }
    if (levels_.size() >= kMaxDepth) return false;
    const Level& outer = levels_.back();
    // {"mac":["..",".."]} and {"interfaces":[{"mac":".."}]}; in a list of lists nothing is sought.
    const bool relevant = outer.relevant && (array ? !outer.array : speaks_of_device(key_));
    levels_.push_back({relevant, array, key_});
    return true;
  }

  bool close() {
    key_ = levels_.back().key;
    levels_.pop_back();
    return true;
  }

  void take(std::string_view text) {
    const Meaning what = meaning();
    if (what == Meaning::nothing) return;
    if (what == Meaning::address) {
      if (const auto address = parse_address(text); address && claims.addresses.size() < kMaxClaims) {
        claims.addresses.push_back(*address);
      }
      return;
    }
    const char* prefix = what == Meaning::mac       ? "mac:"
                         : what == Meaning::serial  ? "serial:"
                         : what == Meaning::dev_eui ? "deveui:"
                                                    : "hwid:";
    std::string id = normal_hardware_id(prefix + std::string(text.substr(0, 2 * kMaxId)));
    if (!id.empty() && claims.hardware_ids.size() < kMaxClaims) claims.hardware_ids.push_back(std::move(id));
  }

  std::vector<Level> levels_;
  std::string key_;
};

}  // namespace

std::optional<std::string> normal_mac(std::string_view text) {
  const std::string digits = eui_digits(trimmed(text), 12);
  if (digits.empty() || digits == "000000000000") return std::nullopt;
  // The lowest bit of the first octet: a group.
  const char second = digits[1];
  const int low = second <= '9' ? second - '0' : second - 'a' + 10;
  if ((low & 1) != 0) return std::nullopt;
  std::string mac;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    if (i > 0) mac += ':';
    mac += digits.substr(i, 2);
  }
  return mac;
}

std::string normal_hardware_id(std::string_view id) {
  const std::size_t colon = id.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string kind = lower(id.substr(0, colon));
  const std::string_view value = trimmed(id.substr(colon + 1));
  if (kind == "unit") return {};
  if (kind == "mac") {
    const auto mac = normal_mac(value);
    return mac ? "mac:" + *mac : std::string();
  }
  if (is_placeholder(value)) return {};
  if (kind == "deveui") {
    const std::string digits = eui_digits(value, 16);
    return digits.empty() || is_placeholder(digits) ? std::string() : "deveui:" + digits;
  }
  return kind + ":" + std::string(value);
}

std::optional<flow::DeviceAddress> parse_address(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.size() > 64) return std::nullopt;
  flow::DeviceAddress address;
  address.ip = base::IpAddress::parse(text);
  if (address.ip) return address;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, address.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || address.port == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  address.ip = base::IpAddress::parse(host);
  if (!address.ip || address.ip->is_v4() == brackets) return std::nullopt;
  return address;
}

bool can_belong_to_a_device(const base::IpAddress& address) {
  if (address.is_loopback() || address.is_unspecified()) return false;
  const auto& bytes = address.bytes;
  if (!address.is_v4()) return bytes[0] != 0xff;
  return bytes[12] != 0 && bytes[12] < 224;  // multicast, reserved, broadcast
}

bool add_claims(std::string_view json_object, Claims& claims) {
  ClaimReader reader;
  if (!json::sax_parse(json_object, &reader)) return false;
  const auto add = [](auto& from, auto& to) {
    for (auto& item : from) {
      if (std::find(to.begin(), to.end(), item) == to.end()) to.push_back(std::move(item));
    }
  };
  add(reader.claims.hardware_ids, claims.hardware_ids);
  add(reader.claims.addresses, claims.addresses);
  return true;
}

}  // namespace iris::identity
