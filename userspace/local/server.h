// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/records.h"
#include "local/agent_status.h"

namespace iris::local {

struct ServerOptions {
  std::string socket;  // made with mode 0660; a socket that nobody listens on is replaced
  std::string group;   // owns the socket, if such a group exists
  std::size_t max_watchers = 8;
  std::size_t max_waiting_bytes = 3U << 20;    // of one watcher; beyond, it loses records
  std::size_t max_waiting_records = 16'384;    // between the writer and all watchers
};

/// What the server asks of the agent; called from gRPC's threads, may take seconds.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual base::Result<AgentStatus> status() = 0;
  virtual base::Result<std::vector<flow::ContainerRecord>> containers() = 0;
  virtual base::Result<std::vector<flow::DeviceRecord>> devices() = 0;
  virtual base::Result<std::vector<std::string>> alerts() = 0;  // JSON, one object each
  virtual base::Result<std::vector<pipeline::SelfTestStep>> self_test() = 0;
};

struct ServerStatus {
  std::uint64_t watchers = 0;
  std::uint64_t refused = 0;       // watchers beyond the limit
  std::uint64_t lost_records = 0;  // of all watchers together
};

/// The serving end of v1.Agent on a unix socket. Records are encoded on a thread of
/// its own: the writer copies them when somebody watches, and never waits.
class Server : public flow::RecordSink {
 public:
  static base::Result<std::unique_ptr<Server>> start(const ServerOptions& options, Backend& backend);
  ~Server() override;  // as stop()

  /// From one thread: the capture thread.
  void write(const flow::Record& record) override;
  void flush() override;

  ServerStatus status() const;
  /// Ends all calls and removes the socket.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::local
