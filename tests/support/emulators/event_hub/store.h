// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What an event hub keeps, and how a reader's selector finds its place in it.
namespace iris::event_hub_emulator {

/// An event to be put into a partition. What is left out is filled in as the service would.
struct NewEvent {
  enum class Body { data, string_value, binary_value, sequence, none, raw };
  Body kind = Body::data;
  std::vector<std::string> sections = {""};  // several: several data sections. raw: the whole message as bytes
  std::optional<std::int64_t> sequence;      // an old one: a duplicate, or one out of order
  std::optional<std::string> offset;
  std::optional<std::int64_t> enqueued_ms;
  std::string partition_key;
};

struct StoredEvent {
  std::int64_t sequence = 0;
  std::string offset;
  std::int64_t enqueued_ms = 0;
  std::string message;  // encoded
};

/// Events in the order in which readers get them.
struct Partition {
  std::vector<StoredEvent> log;
  std::int64_t next_sequence = 0;
  std::int64_t next_offset = 0;

  const StoredEvent& append(const NewEvent& event, std::int64_t now_ms);
  std::int64_t last_sequence() const;
  std::string last_offset() const;
};

struct Hub {
  std::map<std::string, Partition> partitions;
  std::set<std::string> groups;
  std::int64_t created_ms = 0;
};

/// An AMQP error condition with its text.
struct Refusal {
  std::string condition;
  std::string description;
};

/// Where a reader stands: the next entry of the log, and from which number on it wants any.
struct Cursor {
  std::size_t index = 0;
  std::int64_t after_sequence = -1;
};

/// "amqp.annotation.x-opt-offset > '128'" and its kin. An empty text: from the beginning.
struct Selection {
  std::optional<Cursor> cursor;
  Refusal refusal;  // when there is no cursor
};
Selection select(const Partition& partition, const std::string& selector);

}  // namespace iris::event_hub_emulator
