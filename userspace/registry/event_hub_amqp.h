// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proton/codec.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// What Event Hubs says over AMQP 1.0, as bytes and as values. Pure: no I/O, no clock.
/// Formats: azure-docs service-bus-amqp-protocol-guide, @azure/event-hubs, @azure/core-amqp.
namespace iris::registry {

/// Where to begin in a partition.
struct Position {
  enum class Kind : std::uint8_t {
    after_offset,   // behind the event with this offset: where reading stopped
    earliest,       // all that the hub still keeps
    latest,         // only what comes from now on
    enqueued_from,  // what the service took in at or after time_ms
  };
  Kind kind = Kind::latest;
  std::string offset;        // opaque: digits on ordinary hubs, other text with geo-replication
  std::int64_t time_ms = 0;  // Unix

  friend bool operator==(const Position&, const Position&) = default;
};

/// "hub/ConsumerGroups/group/Partitions/0".
std::string receiver_address(std::string_view hub, std::string_view consumer_group, std::string_view partition);
/// "amqp.annotation.x-opt-offset > '128'".
std::string selector_text(const Position& position);
/// Puts the map with the described selector string into a source's filter set.
void put_filter(pn_data_t* filter, const Position& position);

struct Event {
  std::string body;                       // the data sections joined, or the string or binary of a value
  std::optional<std::int64_t> sequence;   // within the partition
  std::string offset;                     // empty: not told
  std::int64_t enqueued_ms = 0;           // Unix; 0: not told
  bool usable = true;                     // false: no body of a kind that can be read, or cut off
};

/// Takes an encoded AMQP message apart. Never fails as a whole: what can be read before
/// broken bytes is kept, so that the checkpoint can move on over an event that is of no use.
Event decode_event(std::string_view bytes);

/// A request to `$management` or `$cbs`.
struct NodeRequest {
  std::string id;
  std::string reply_to;
  std::vector<std::pair<std::string, std::string>> properties;
  std::string body;  // an AMQP string
};
std::string encode_request(const NodeRequest& request);

struct NodeReply {
  std::string correlation_id;
  int status = 0;                          // as in HTTP; 0: not told
  std::string description;
  std::string condition;                   // "amqp:not-found" ...; mostly empty
  std::vector<std::string> partition_ids;  // of a hub
  std::string last_offset;                 // of a partition
  bool is_empty = false;                   // of a partition
  bool ok() const { return status >= 200 && status <= 299; }
};
base::Result<NodeReply> decode_reply(std::string_view bytes);

}  // namespace iris::registry
