// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/ip_address.h"
#include "flow/device.h"

namespace iris::identity {

/// Addresses to identities, for the thread that turns events into flows: never
/// changes, so that it needs no lock; a new one takes its place. A look-up is a few
/// binary searches and allocates nothing. Memory: 24 bytes an address and one
/// string a device: 10,000 devices with ids of 25 characters take 0.8 MB, 1.1 MB with ports.
class DeviceIndex {
 public:
  /// Modules and gateways are left out: their addresses are those of hosts and
  /// containers, which enrich/ attributes better. So are ghosts.
  static std::shared_ptr<const DeviceIndex> make(std::span<const flow::Device> devices);

  /// Device.id of whose address this is, or nullptr. What names the port and the
  /// protocol goes before what names one of them, and that before the address
  /// alone. A port that nobody named is that of the device whose address it is
  /// on every other port. Where two devices are meant alike, none is.
  /// The string lives as long as the index.
  const std::string* device_of(const base::IpAddress& address, std::uint16_t port, std::uint8_t protocol) const;

  std::size_t devices() const { return ids_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Entry {
    base::IpAddress address;
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;
    bool implied = false;      // follows from entries with ports; weaker than any other
    std::uint32_t device = 0;  // in ids_, or kSeveral
    auto key() const { return std::tie(address, port, protocol, implied); }
  };
  const Entry* find(const base::IpAddress& address, std::uint16_t port, std::uint8_t protocol, bool implied) const;

  std::vector<std::string> ids_;
  std::vector<Entry> entries_;  // sorted by key, each key once
};

}  // namespace iris::identity
