// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <algorithm>
#include <charconv>
#include <regex>

#include "wire.h"

namespace iris::event_hub_emulator {
namespace {

std::optional<std::int64_t> whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Selection refuse(std::string condition, std::string description) {
  return {std::nullopt, {std::move(condition), std::move(description)}};
}

/// The first entry for which `wanted` holds; entries before the number of the last unwanted one stay out.
template <typename Wanted>
Selection first(const Partition& partition, Wanted wanted) {
  Cursor cursor{partition.log.size(), -1};
  for (std::size_t i = 0; i < partition.log.size(); ++i) {
    if (wanted(partition.log[i])) cursor.index = std::min(cursor.index, i);
    else cursor.after_sequence = std::max(cursor.after_sequence, partition.log[i].sequence);
  }
  return {cursor, {}};
}

Selection by_offset(const Partition& partition, const std::string& value, bool inclusive) {
  if (value == "-1") return {Cursor{}, {}};
  if (value == "@latest") return {Cursor{partition.log.size(), partition.last_sequence()}, {}};
  const auto exact = std::find_if(partition.log.begin(), partition.log.end(),
                                  [&](const StoredEvent& event) { return event.offset == value; });
  if (exact != partition.log.end()) {
    const std::int64_t sequence = exact->sequence;
    return first(partition, [&](const StoredEvent& event) {
      return event.sequence > sequence || (inclusive && event.sequence == sequence);
    });
  }
  const auto number = whole(value);
  if (!number) return refuse("com.microsoft:argument-error", "The supplied offset '" + value + "' is invalid.");
  if (*number > whole(partition.last_offset()).value_or(-1)) {
    return refuse("com.microsoft:argument-out-of-range", "The supplied offset '" + value +
                      "' is invalid. The last offset in the system is '" + partition.last_offset() + "'");
  }
  return first(partition, [&](const StoredEvent& event) { return whole(event.offset).value_or(0) > *number; });
}

}  // namespace

const StoredEvent& Partition::append(const NewEvent& event, std::int64_t now_ms) {
  StoredEvent stored;
  stored.sequence = event.sequence.value_or(next_sequence);
  // A second copy of an event carries the first one's offset and time.
  const auto old = std::find_if(log.begin(), log.end(), [&](const StoredEvent& item) { return item.sequence == stored.sequence; });
  stored.offset = event.offset.value_or(old != log.end() ? old->offset : std::to_string(next_offset));
  stored.enqueued_ms = event.enqueued_ms.value_or(old != log.end() ? old->enqueued_ms : now_ms);
  stored.message = encode_event(event, stored);
  next_sequence = std::max(next_sequence, stored.sequence + 1);
  next_offset += 64 + static_cast<std::int64_t>(stored.message.size() / 8 * 8);
  log.push_back(std::move(stored));
  return log.back();
}

std::int64_t Partition::last_sequence() const {
  std::int64_t last = -1;
  for (const StoredEvent& event : log) last = std::max(last, event.sequence);
  return last;
}

std::string Partition::last_offset() const {
  const std::int64_t last = last_sequence();
  for (const StoredEvent& event : log) {
    if (event.sequence == last) return event.offset;
  }
  return "-1";
}

Selection select(const Partition& partition, const std::string& selector) {
  if (selector.empty()) return {Cursor{}, {}};
  static const std::regex form(
      R"(\s*amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time|enqueuedtimeutc)\s*(>=?)\s*'((?:[^']|'')*)'\s*)");
  std::smatch parts;
  if (!std::regex_match(selector, parts, form)) {
    return refuse("com.microsoft:argument-error", "The filter is not understood: " + selector);
  }
  const std::string field = parts[1];
  const bool inclusive = parts[2] == ">=";
  const std::string value = std::regex_replace(parts[3].str(), std::regex("''"), "'");
  if (field == "offset") return by_offset(partition, value, inclusive);
  const auto number = whole(value);
  if (!number) return refuse("com.microsoft:argument-error", "Not a number: '" + value + "'");
  if (field == "sequence-number") {
    return first(partition, [&](const StoredEvent& e) { return e.sequence > *number || (inclusive && e.sequence == *number); });
  }
  return first(partition, [&](const StoredEvent& e) { return e.enqueued_ms > *number || (inclusive && e.enqueued_ms == *number); });
}

}  // namespace iris::event_hub_emulator
