// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/records.h"
#include "local/agent_status.h"

namespace iris::local {

/// Which records a watch asks for; ledgers come always.
struct WatchSelection {
  bool flows = false;
  bool exits = false;
  bool execs = false;
  bool dns = false;
  bool containers = false;
  bool identities = false;  // devices and security records
};

struct WatchEnd {
  std::optional<std::chrono::milliseconds> duration;  // then on to the end of the window, when flows are watched
  std::uint64_t windows = 0;                          // after so many; 0: no such end
};

/// A conversation with irisd. Lives in a module of its own (libiris-local.so), so
/// that a program without an irisd to talk to never has gRPC's pages. For one
/// thread, but request_stop(), which is also safe in a signal handler.
class Client {
 public:
  virtual ~Client() = default;
  virtual base::Result<AgentStatus> status() = 0;
  virtual base::Result<std::vector<flow::ContainerRecord>> containers() = 0;
  virtual base::Result<std::vector<flow::DeviceRecord>> devices() = 0;
  /// What the collector has told of this gateway: JSON of the contract, one object each, foreign text.
  virtual base::Result<std::vector<std::string>> alerts() = 0;
  virtual base::Result<std::vector<pipeline::SelfTestStep>> self_test() = 0;

  /// Returns once irisd has begun to send.
  virtual base::Result<void> start_watch(const WatchSelection& selection) = 0;
  /// Delivers records until the end asked for, or request_stop(). Once a watch.
  virtual base::Result<void> run_watch(flow::RecordSink& sink, const WatchEnd& end) = 0;
  virtual void request_stop() = 0;
};

/// The module's one symbol; the caller owns the client. Does not connect yet.
inline constexpr const char* kMakeClientSymbol = "iris_make_local_client";
using MakeClient = Client* (*)(const char* socket_path);

}  // namespace iris::local
