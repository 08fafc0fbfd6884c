// SPDX-License-Identifier: Apache-2.0
#include "wire/identity_codec.h"

#include "wire/address_bytes.h"

namespace iris::wire {
namespace {

static_assert(static_cast<int>(flow::DeviceKind::observed) == v1::DEVICE_KIND_OBSERVED);
static_assert(static_cast<int>(flow::GatewayPattern::protocol_translation) == v1::GATEWAY_PATTERN_PROTOCOL_TRANSLATION);
static_assert(static_cast<int>(flow::DeviceRecord::Change::removed) == v1::DEVICE_CHANGE_KIND_REMOVED);
static_assert(static_cast<int>(flow::SecurityReason::exhausted) == v1::SECURITY_REASON_EXHAUSTED);

constexpr std::uint8_t kMaxSeverity = 5;

void fill_device(v1::Device& to, const flow::Device& from) {
  to.set_id(from.id);
  to.set_kind(static_cast<v1::DeviceKind>(static_cast<int>(from.kind)));
  to.set_pattern(static_cast<v1::GatewayPattern>(static_cast<int>(from.pattern)));
  for (const auto& source : from.sources) to.add_sources(source);
  to.set_tags(from.tags);
  to.set_configuration(from.configuration);
  for (const auto& address : from.addresses) {
    auto* one = to.add_addresses();
    if (address.ip) one->set_ip(std::string(bytes_of(*address.ip)));
    one->set_port(address.port);
    one->set_protocol(address.protocol);
    one->set_text(address.text);
  }
  to.set_parent(from.parent);
  to.set_module_id(from.module_id);
  to.set_status(from.status);
  to.set_ghost(!from.deployed);
  for (const auto& conflict : from.conflicts) to.add_conflicts(conflict);
}

/// What a device can do without, largest first.
void limit(v1::Device& device) {
  if (device.ByteSizeLong() > kMaxDeviceBytes) device.clear_configuration();
  if (device.ByteSizeLong() > kMaxDeviceBytes) device.clear_tags();
  if (device.ByteSizeLong() > kMaxDeviceBytes) device.clear_conflicts();
  if (device.ByteSizeLong() > kMaxDeviceBytes) device.clear_addresses();
}

flow::Device device_of(const v1::Device& from, Checker& check) {
  flow::Device to;
  to.id = from.id();
  to.kind = check.enumeration(from.kind(), flow::DeviceKind::observed, "device kind");
  to.pattern = check.enumeration(from.pattern(), flow::GatewayPattern::protocol_translation, "gateway pattern");
  to.sources = strings(from.sources());
  to.tags = from.tags();
  to.configuration = from.configuration();
  for (const auto& address : from.addresses()) {
    to.addresses.push_back({check.optional_address(address.ip(), "device address"),
                            check.number<std::uint16_t>(address.port(), "device port"),
                            check.number<std::uint8_t>(address.protocol(), "device protocol"), address.text()});
  }
  to.parent = from.parent();
  to.module_id = from.module_id();
  to.status = from.status();
  to.deployed = !from.ghost();
  to.conflicts = strings(from.conflicts());
  return to;
}

}  // namespace

void fill_record(v1::DeviceChange& to, const flow::DeviceRecord& from) {
  to.set_wall_ns(from.wall_ns);
  to.set_change(static_cast<v1::DeviceChangeKind>(static_cast<int>(from.change)));
  fill_device(*to.mutable_device(), from.device);
  limit(*to.mutable_device());
}

void fill_record(v1::SecurityEvent& to, const flow::SecurityRecord& from) {
  to.set_wall_ns(from.wall_ns);
  to.set_reason(static_cast<v1::SecurityReason>(static_cast<int>(from.reason)));
  to.set_severity(from.severity);
  to.set_device_id(from.device_id);
  to.set_module_id(from.module_id);
  to.set_category(from.category);
  to.set_operation(from.operation);
  to.set_code(from.code);
  to.set_description(from.description);
  to.set_protocol(from.protocol);
  to.set_remote_address(from.remote_address);
  to.set_hub(from.hub);
  to.set_device(from.device);
}

flow::DeviceRecord device_change_of(const v1::DeviceChange& from, Checker& check) {
  if (from.device().ByteSizeLong() > kMaxDeviceBytes) check.refuse("size of a device");
  return {from.wall_ns(), check.enumeration(from.change(), flow::DeviceRecord::Change::removed, "device change"),
          device_of(from.device(), check)};
}

flow::SecurityRecord security_of(const v1::SecurityEvent& from, Checker& check) {
  if (from.ByteSizeLong() > kMaxDeviceBytes) check.refuse("size of a security event");
  flow::SecurityRecord to;
  to.wall_ns = from.wall_ns();
  to.reason = check.enumeration(from.reason(), flow::SecurityReason::exhausted, "security reason");
  to.severity = check.number<std::uint8_t>(from.severity(), "severity");
  if (to.severity == 0 || to.severity > kMaxSeverity) check.refuse("severity");
  to.device_id = from.device_id();
  to.module_id = from.module_id();
  to.category = from.category();
  to.operation = from.operation();
  to.code = from.code();
  to.description = from.description();
  to.protocol = from.protocol();
  to.remote_address = from.remote_address();
  to.hub = from.hub();
  to.device = from.device();
  return to;
}

}  // namespace iris::wire
