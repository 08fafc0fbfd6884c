// SPDX-License-Identifier: Apache-2.0
#include "identity/hardware.h"

#include <algorithm>
#include <array>

#include "identity/address_text.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

using namespace std::string_view_literals;

constexpr int kMaxLevels = 3;             // {"network":{"eth0":{"mac":..}}}
constexpr std::size_t kMaxMembers = 512;  // looked at in one object

constexpr std::array kMacNames = {"mac"sv, "macaddress"sv, "macaddr"sv, "hwaddr"sv, "hwaddress"sv, "physicaladdress"sv};
constexpr std::array kIpNames = {"ip"sv, "ipaddress"sv, "ipaddr"sv, "ipv4"sv, "ipv6"sv, "ipv4address"sv, "ipv6address"sv};
constexpr std::array kSerialNames = {"serial"sv, "serialnumber"sv, "serialno"sv};
constexpr std::array kHwIdNames = {"hwid"sv, "hardwareid"sv};
constexpr std::array kEuiNames = {"deveui"sv, "deviceeui"sv};

template <typename Names>
bool is_one_of(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void take_member(std::string_view key, const Json& value, Evidence& evidence) {
  if (key.size() > 32 || (!value.is_string() && !value.is_number())) return;
  std::string name = lower_case(key);
  std::erase_if(name, [](char c) { return c == '-' || c == '_' || c == ' '; });
  const std::string text = plain_text(&value);
  if (is_one_of(kMacNames, name)) {
    add_hardware_id(evidence, "mac", normalized_mac(text));
  } else if (is_one_of(kIpNames, name)) {
    const auto target = parse_target(text);
    if (target && target->ip && !target->ip->is_loopback() && !target->ip->is_unspecified()) {
      add_address(evidence, to_address(*target));
    }
  } else if (is_one_of(kSerialNames, name)) {
    if (!is_serial_line(text)) add_hardware_id(evidence, "serial", text);
  } else if (is_one_of(kHwIdNames, name)) {
    add_hardware_id(evidence, "hwid", text);
  } else if (is_one_of(kEuiNames, name)) {
    add_hardware_id(evidence, "deveui", lower_case(text));
  }
}

void collect(const Json& object, Evidence& evidence, int levels_left) {
  if (!object.is_object()) return;
  std::size_t members = 0;
  for (const auto& [key, value] : object.items()) {
    if (++members > kMaxMembers) return;
    if (value.is_object() && levels_left > 1) {
      collect(value, evidence, levels_left - 1);
    } else {
      take_member(key, value, evidence);
    }
  }
}

}  // namespace

void collect_hardware(const Json& object, Evidence& evidence) { collect(object, evidence, kMaxLevels); }

}  // namespace iris::identity
