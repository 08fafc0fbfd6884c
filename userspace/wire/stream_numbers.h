// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "wire/flow_codec.h"
#include "wire/slot_table.h"
#include "wire/stream_state.h"

namespace iris::wire {

/// The sender's side of a stream's tables: gives numbers to owners, names and flow
/// keys, and puts the definition of each into the block that needs it first.
class StreamNumbers {
 public:
  /// Every slot is in use in this block: it must end before more can be given.
  struct Full {};
  template <typename T>
  using OrFull = tl::expected<T, Full>;

  struct NumberedKey {
    std::uint32_t number = 0;
    LastValues* last = nullptr;  // valid until the next call
  };

  /// Pointers to owners that were seen are good for one batch.
  void begin_batch();
  void begin_block(v1::Block& block);
  void clear();

  OrFull<std::uint32_t> owner(const flow::OwnerPtr& owner);  // 0: none
  OrFull<std::uint32_t> name(const std::string& text);
  OrFull<NumberedKey> key(const flow::FlowRecord& flow);

  /// By the account of state_cost().
  std::size_t state_bytes() const { return state_bytes_; }

  static std::string_view cut(const std::string& text) { return std::string_view(text).substr(0, kMaxNameBytes); }

 private:
  struct OwnerEntry {
    flow::OwnerPtr owner;
    std::uint64_t version = 0;  // of all definitions of owners, so that a key sees that its owner changed
    std::size_t cost = 0;
  };
  struct NameEntry {
    std::string text;
    std::size_t cost = 0;
  };
  struct KeyEntry {
    std::uint64_t owner = 0;  // versions; 0: none
    std::uint64_t peer_owner = 0;
    std::optional<base::IpAddress> local_address;
    std::optional<base::IpAddress> peer_address;
    std::string peer_device;
    std::vector<std::string> peer_names;
    std::vector<std::string> processes;
    std::uint16_t service_port = 0;
    std::uint8_t protocol = 0;
    flow::Role role{};
    flow::Scope scope{};
    flow::Attribution attribution{};
    bool pre_existing = false;
    bool folded = false;
    LastValues last;
    std::size_t cost = 0;

    bool describes(const flow::FlowRecord& flow) const;
    void describe(const flow::FlowRecord& flow);
  };

  OrFull<std::uint32_t> owner_slot(const flow::OwnerPtr& owner);
  OrFull<std::uint64_t> owner_version(const flow::OwnerPtr& owner);
  /// All of the key but its number.
  OrFull<v1::FlowKey> key_message(const flow::FlowRecord& flow);

  SlotTable<OwnerEntry> owners_{kMaxOwnerNumber};
  SlotTable<NameEntry> names_{kMaxNames};
  SlotTable<KeyEntry> keys_{kMaxKeys};
  std::unordered_map<const flow::Owner*, std::uint32_t> owner_slots_;  // of this batch
  std::uint64_t versions_ = 0;
  std::size_t state_bytes_ = 0;
  v1::Block* block_ = nullptr;
};

}  // namespace iris::wire
