// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// What can go wrong with an event hub, told apart by what to do about it. Pure.
namespace iris::registry {

struct Fault {
  enum class Kind : std::uint8_t {
    none,
    unreachable,        // name, network, no answer
    untrusted,          // the certificate
    unauthorized,       // key, policy, right
    not_found,          // hub, consumer group or partition
    stolen,             // another reader holds the partition for itself
    too_many_readers,   // five on one partition and consumer group; or another quota
    busy,               // the service asks for a pause
    forced,             // idle or maintenance: come again
    bad_position,       // the offset is no longer valid
    silent,             // no sign of life within the idle time-out
    protocol,           // whatever else the service says
  };
  Kind kind = Kind::none;
  std::string text;  // what is wrong and what to do; nothing secret in it

  explicit operator bool() const { return kind != Kind::none; }
  /// Repeating it soon would not help: only an operator can.
  bool is_lasting() const;
};

/// Who reported an error condition: the same name means different things.
enum class FaultScope : std::uint8_t { link, connection, transport };

struct FaultPlace {
  std::string_view hub;
  std::string_view consumer_group;
  std::string_view partition;  // empty: not about one
  std::string_view policy;     // SharedAccessKeyName
};

/// From an AMQP error condition. `description` is the service's or the library's text.
Fault classify(FaultScope scope, std::string_view condition, std::string_view description, const FaultPlace& place);
/// From the status of a `$cbs` or `$management` answer.
Fault classify_status(int status, std::string_view condition, std::string_view description, const FaultPlace& place);

/// Foreign text for a log: one line of printable characters, at most 160 bytes,
/// and nothing of what may hold a token.
std::string harmless(std::string_view text);

}  // namespace iris::registry
