// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What lies between commit and alert: the queue of what is still to be judged, what
/// the judge knows, and what it has found. The store understands none of the bodies.
namespace iris::store {

/// Judged in the order of `number`, the order of commit. Rows stay until a checkpoint
/// holds what they taught.
struct JudgeInput {
  enum class Kind : std::uint8_t {
    batch,    // wire::pack() of what was committed
    verdict,  // an analyst's word: alert's id, AlertState, contact and profile, a line each
    silence,  // a gateway has not been heard of until then: nanoseconds since the Unix epoch
  };
  std::uint64_t number = 0;
  Kind kind = Kind::batch;
  std::int64_t gateway_id = 0;
  std::string body;
};

/// A part of what the judge knows.
struct JudgeState {
  enum class Kind : std::uint8_t { profile, gateway };
  Kind kind = Kind::profile;
  std::string key;      // of the profile, or the gateway's name
  std::string body;
  std::string summary;  // of a profile, for people: one JSON object
};

/// One alert as the judge last had it. The same id comes again when it has grown.
struct AlertEntry {
  std::string id;
  std::int64_t gateway_id = 0;
  std::uint64_t wall_ns = 0;
  std::uint64_t last_wall_ns = 0;
  std::string alert_class;
  int severity = 0;       // 1..5
  std::uint64_t count = 0;
  std::string owner;      // name, or module; empty: a device
  std::string device;     // Device.id of the workload, or of the module's identity
  std::string profile;    // what a verdict teaches: key, and contact in it
  std::uint64_t contact = 0;
  std::string body;       // JSON object without device, evidence and status
  std::string evidence;   // JSON array
  std::vector<std::string> profiles;  // whose state it takes to find it again
};

enum class AlertState : std::uint8_t { open, acknowledged, false_positive, closed };

struct AlertQuery {
  std::optional<std::int64_t> gateway_id;
  std::string id;
  std::string owner;
  std::string device;
  std::string alert_class;
  std::optional<AlertState> state;
  int min_severity = 1;
  std::uint64_t start_wall_ns = 0;  // [start, end) of when it was last found
  std::uint64_t end_wall_ns = UINT64_MAX;
  bool oldest_first = false;
  std::size_t limit = 1000;
  std::size_t offset = 0;
};

struct StoredAlert {
  std::uint64_t change = 0;  // grows with each change worth telling: new, graver, twice as many, another state
  std::int64_t gateway_id = 0;
  std::string id;
  int severity = 0;
  AlertState state = AlertState::open;
  std::string profile;
  std::uint64_t contact = 0;
  std::string json;  // of the JSON contract, without a line feed
};

struct ProfileQuery {
  std::string key;  // empty: all, in the order of their keys
  std::size_t limit = 1000;
  std::size_t offset = 0;
};

struct StoredProfile {
  std::string key;
  std::uint64_t wall_ns = 0;  // when it was kept
  std::string state;          // JudgeState.body
  std::string body;           // JudgeState.summary
};

/// All it takes to find an alert again: the judge's state before it, and what came then.
struct StoredIncident {
  std::string gateway;
  std::vector<JudgeState> states;
  std::vector<JudgeInput> inputs;
};

}  // namespace iris::store
