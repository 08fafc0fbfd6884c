// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "flow/records.h"
#include "iris/v1/record.pb.h"

namespace iris::wire {

/// Owner numbers are slots of a table of this size, used in turn, so that both
/// sides hold a bounded number of owners however long the stream.
inline constexpr std::uint32_t kMaxOwnerNumber = 1024;

/// What one owner may take, so that a hostile file cannot fill the memory of who
/// reads it: the encoder cuts texts and leaves out labels beyond these, the
/// decoder refuses what is larger than both together.
inline constexpr std::size_t kMaxOwnerTextBytes = 4096;
inline constexpr std::size_t kMaxOwnerLabelBytes = 16384;
inline constexpr std::size_t kLabelOverheadBytes = 96;  // of a map node
inline constexpr std::size_t kMaxOwnerBytes = 65536;

/// Number of an owner that was announced; 0 for none.
using NumberOf = std::function<std::uint32_t(const flow::OwnerPtr&)>;

/// The owner as a message, cut to what the limits above say.
void fill_owner(v1::Owner& to, const flow::Owner& from, std::uint32_t number);
/// Puts the record into `message`, which must be empty.
void fill_message(v1::Message& message, const flow::Record& record, const NumberOf& number_of);

/// Record to message. Sends each owner once, in front of the record that needs it.
class RecordEncoder {
 public:
  /// Calls `send(const v1::Message&)` for each owner not sent yet, then for the
  /// record. The message is reused: valid only during the call.
  template <typename Send>
  void encode(const flow::Record& record, Send send) {
    const auto [first, second] = owners_of(record);
    // The second may have been given the slot of the first, which then needs another.
    for (const auto& owner : {first, second, first}) {
      if (owner && announce(owner)) send(static_cast<const v1::Message&>(message_));
    }
    fill(record);
    send(static_cast<const v1::Message&>(message_));
  }

 private:
  static std::pair<flow::OwnerPtr, flow::OwnerPtr> owners_of(const flow::Record& record);
  /// Puts the owner into message_, unless it has a number already.
  bool announce(const flow::OwnerPtr& owner);
  void fill(const flow::Record& record);
  std::uint32_t number_of(const flow::OwnerPtr& owner) const;

  std::unordered_map<const flow::Owner*, std::uint32_t> numbers_;
  std::vector<flow::OwnerPtr> slots_;  // number - 1 to owner; holds what numbers_ points to
  std::size_t next_slot_ = 0;
  v1::Message message_;
};

/// Message to record, checking every value: a message may come from anywhere.
class RecordDecoder {
 public:
  /// Takes note of an owner.
  base::Result<void> add_owner(const v1::Owner& owner);
  /// Any kind of message that is a record; others are an error.
  base::Result<flow::Record> decode(const v1::Message& message) const;
  /// The owner that has this number, or null.
  flow::OwnerPtr owner(std::uint32_t number) const {
    return number == 0 || number > slots_.size() ? nullptr : slots_[number - 1];
  }

 private:
  std::vector<flow::OwnerPtr> slots_;
};

}  // namespace iris::wire
