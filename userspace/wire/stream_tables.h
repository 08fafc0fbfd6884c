// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/flow_codec.h"
#include "wire/stream_state.h"

namespace iris::wire {

/// A text shared by all who name it, in one small allocation.
class SharedText {
 public:
  SharedText() = default;
  explicit SharedText(std::string_view text);
  explicit operator bool() const { return bytes_ != nullptr; }
  std::string_view view() const;

 private:
  std::shared_ptr<const char[]> bytes_;  // size in two bytes, then the text
};

/// The receiver's side of a stream's tables. Obeys the sender within its bounds:
/// every number and value is checked, memory stays below kMaxStateBytes.
class StreamTables {
 public:
  /// One conversation: what its summaries share, and the last of them.
  struct Key {
    flow::OwnerPtr owner;
    flow::OwnerPtr peer_owner;
    std::optional<base::IpAddress> local_address;
    std::optional<base::IpAddress> peer_address;
    std::vector<SharedText> names;  // peer names, then processes, then the device
    std::uint16_t peer_names = 0;
    std::uint16_t processes = 0;
    std::uint16_t service_port = 0;
    std::uint8_t protocol = 0;
    flow::Role role{};
    flow::Scope scope{};
    flow::Attribution attribution{};
    bool pre_existing = false;
    bool folded = false;
    LastValues last;

    flow::FlowRecord record() const;
  };

  void clear();
  base::Result<void> define(const v1::Owner& owner);
  base::Result<void> define(const v1::Name& name);
  base::Result<void> define(const v1::FlowKey& key);

  const RecordDecoder& records() const { return owners_; }
  /// Nothing when the number has no meaning, as in the next.
  SharedText name(std::uint64_t number) const;
  Key* key(std::uint64_t number);

 private:
  /// Puts `cost` in the place of what the slot cost before.
  base::Result<void> account(std::vector<std::uint32_t>& costs, std::size_t slot, std::size_t cost);
  base::Result<void> add_names(Key& to, const v1::FlowKey& from) const;

  RecordDecoder owners_;
  std::vector<SharedText> names_;
  std::vector<std::unique_ptr<Key>> keys_;
  std::vector<std::uint32_t> owner_costs_, name_costs_, key_costs_;
  std::size_t bytes_ = 0;
};

}  // namespace iris::wire
