// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/resource_logs.h"

namespace iris::registry {

struct EventHubOptions {
  /// Its first line is read again when the hub refuses the key, and at reload(), so that a rotated key needs
  /// no restart; empty: none.
  std::string connection_string_file;
  /// Where the connection string names no hub (it is the namespace's). Where it does, the string wins.
  std::string hub;
  std::string consumer_group = "$Default";
  /// Only used when the hub does not tell its partitions; empty: they are found by trying.
  std::vector<std::string> partitions;

  /// Where to begin in a hub of which no checkpoint is kept. Latest: a hub keeps days of
  /// logs, and Iris put into service today should not raise alerts on last week; and each
  /// gateway of a fleet would read all of it. Partitions that appear later are read whole.
  enum class Start : std::uint8_t { latest, earliest, time };
  Start start = Start::latest;
  std::int64_t start_time_ms = 0;  // Unix, for Start::time

  std::filesystem::path ca_file;  // PEM; empty: the system's roots
  std::string address;            // "host:port" to connect to instead; names in TLS and AMQP stay

  std::size_t batch_records = 100;                    // hand on at so many records,
  std::chrono::milliseconds batch_time{1'000};        // or after so long
  std::chrono::milliseconds hold_time{90'000};        // for refusals that wait for an explanation, when no event comes
  int credit = 200;                                   // events under way, each partition
  std::size_t max_event_bytes = 2U << 20;             // twice the service's limit; larger ones are skipped

  std::chrono::milliseconds idle_timeout{60'000};     // no frame for so long: connect anew
  std::chrono::milliseconds answer_timeout{30'000};   // to connect, and for each answer
  std::chrono::milliseconds min_backoff{1'000};
  std::chrono::milliseconds max_backoff{60'000};
  std::chrono::milliseconds slow_retry{300'000};      // after what only an operator can repair
  std::chrono::milliseconds busy_wait{4'000};         // at least, after server-busy
  std::chrono::milliseconds list_partitions_every{3'600'000};
  std::chrono::seconds token_lifetime{3'600};         // with tokens (development emulator)
};

/// Makes records of the body of an event, as identity::read_log_event() does. Pure; the body is anybody's.
using EventReader = std::function<identity::LogReading(std::string_view body, std::uint64_t enqueued_wall_ns)>;

}  // namespace iris::registry
