// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ip_address.h"
#include "flow/records.h"

namespace iris::wire {

/// Appends `text` as a JSON string, quotes included: control characters
/// escaped, invalid UTF-8 replaced by U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// The DEVICE object alone, without a line feed. Tags and configuration that are no
/// JSON object, or nested beyond reason, are null.
void append_device(std::string& out, const flow::Device& device);

/// Turns records into the JSON lines of the contract (one object and a line
/// feed each). What is not known is null. Keeps caches, so one writer should
/// serve a whole stream; not for use by two threads.
class JsonWriter {
 public:
  void append(std::string& out, const flow::Record& record);

  void append(std::string& out, const flow::FlowRecord& flow);
  void append(std::string& out, const flow::SocketEvent& event);
  void append(std::string& out, const flow::ExitRecord& exit);
  void append(std::string& out, const flow::ExecRecord& exec);
  void append(std::string& out, const flow::DnsRecord& dns);
  void append(std::string& out, const flow::Ledger& ledger);
  void append(std::string& out, const flow::ContainerRecord& change);
  void append(std::string& out, const flow::DeviceRecord& change);
  void append(std::string& out, const flow::SecurityRecord& event);

  /// The OWNER object alone, without a line feed; none is null.
  void append_owner(std::string& out, const flow::OwnerPtr& owner) { out += owner_text(owner); }

 private:
  // A million events name a handful of owners and addresses; both are costly
  // to spell out (labels; inet_ntop), so their text is kept. Bounded.
  struct CachedOwner {
    flow::OwnerPtr owner;  // keeps the key's address from being used again
    std::string json;
  };
  struct CachedAddress {
    base::IpAddress address;
    std::string json;
  };
  static constexpr std::size_t kMaxOwners = 512;
  static constexpr std::size_t kAddressSlots = 256;

  const std::string& owner_text(const flow::OwnerPtr& owner);
  const std::string& address_text(const base::IpAddress& address);
  std::string_view time_text(std::uint64_t wall_ns);  // valid until the next call
  void addresses(std::string& out, const std::vector<base::IpAddress>& addresses);

  std::unordered_map<const flow::Owner*, CachedOwner> owners_;
  const CachedOwner* last_owner_ = nullptr;
  std::array<CachedAddress, kAddressSlots> addresses_;
  std::string process_text_;  // scratch
  std::uint64_t second_ = UINT64_MAX;
  std::array<char, 32> time_text_{};  // "2026-01-02T03:04:05.123456789Z" with its quotes
};

}  // namespace iris::wire
