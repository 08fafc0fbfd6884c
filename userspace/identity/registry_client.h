// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "flow/device.h"
#include "identity/evidence.h"

namespace iris::identity {

/// Health of one registry, for `status`.
struct RegistryStatus {
  std::string registry;     // "iot_hub", "event_hub", "edgex", "neighbours"
  std::string endpoint;     // host name or URL, without anything secret
  bool connected = false;
  bool from_cache = false;  // what it says is what it said before
  std::string detail;       // when well, a summary; else what is wrong and what to do
  std::uint64_t last_success_wall_ns = 0;
  std::uint64_t requests = 0;
  std::uint64_t throttled = 0;  // answers 429
  std::uint64_t skipped = 0;    // documents or records that could not be used
};

/// How far each partition of an event hub has been read: partition id to the opaque
/// offset of the last event.
using Checkpoints = std::map<std::string, std::string>;

/// Receives what a client learns. Called from the client's own thread:
/// implementations only enqueue.
class RegistryListener {
 public:
  virtual ~RegistryListener() = default;
  /// All that the registry says now; takes the place of what it said before.
  virtual void on_evidence(const std::string& registry, std::vector<SharedEvidence> evidence) = 0;
  /// Records read up to these checkpoints. Both have to be kept in one transaction.
  virtual void on_security(std::vector<flow::SecurityRecord> records, Checkpoints checkpoints) = 0;
  virtual void on_status(RegistryStatus status) = 0;
};

/// Follows one registry: polls or reads, reconnects with back-off for ever. Never
/// blocks its creator; stop() returns within a second even when the network hangs.
/// The listener must outlive the client.
class RegistryClient {
 public:
  virtual ~RegistryClient() = default;
  virtual void start(RegistryListener& listener) = 0;
  virtual void stop() = 0;

  // From any thread, at any time:

  /// What this gateway is called in IoT Hub has become known.
  virtual void set_gateway_id(const std::string& /*device_id*/) {}
  /// Settings that lie in files may have changed: keys, tokens, certificates.
  virtual void reload() {}
};

}  // namespace iris::identity
