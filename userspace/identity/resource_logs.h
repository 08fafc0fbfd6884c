// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/device.h"

/// IoT Hub's resource logs, as they come in the events of an Event Hub.
namespace iris::identity {

/// What became of the records of one or more events: their sum is `records`.
struct LogCounts {
  std::uint64_t records = 0;
  std::uint64_t security = 0;
  std::uint64_t connects = 0;      // successful deviceConnect and moduleConnect
  std::uint64_t not_relevant = 0;  // of IoT Hub, and of no matter here
  std::uint64_t not_iot_hub = 0;   // of other services that share the event hub
  std::uint64_t metrics = 0;
  std::uint64_t broken = 0;        // no JSON, no object, or over a limit
};

/// A device or module has connected with success.
struct ConnectRecord {
  std::uint64_t wall_ns = 0;
  std::string device_id;
  std::string module_id;
  std::string hub;
};

struct LogReading {
  std::vector<flow::SecurityRecord> records;  // `device` is left to whoever knows the gateway
  std::vector<ConnectRecord> connects;
  LogCounts counts;
};

/// The body of one event: {"records":[..]}, an array of records, or one record without an envelope, also of the
/// old operations monitoring. `enqueued_wall_ns` takes the place of a time that is missing, no time, or more
/// than an hour later than it.
LogReading read_log_event(std::string_view body, std::uint64_t enqueued_wall_ns);

}  // namespace iris::identity
