// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "enrich/runtime_client.h"
#include "runtimes/docker_json.h"
#include "runtimes/json_lines.h"

namespace iris::runtimes {

class UnixHttp;

/// Follows the Docker Engine API on a unix socket. What an event says itself
/// (name, image, labels) is handed on at once, before the container's first
/// process runs; process id, addresses and environment follow by inspection.
/// Bounds: an answer 8 MiB, an event 1 MiB, 16,384 containers.
class DockerClient final : public enrich::RuntimeClient {
 public:
  explicit DockerClient(std::string socket_path);
  ~DockerClient() override;

  void start(enrich::RuntimeListener& listener) override;
  void stop() override;

 private:
  struct Known {
    enrich::ContainerInfo info;
    std::uint64_t session = 0;  // in which it was last heard of
    std::uint64_t version = 0;  // goes up with each event
    bool dead = false;          // the last event was its end
  };

  void run();
  /// One connection, from greeting to end. Gives the reason of its end.
  std::string session();
  std::string greet(UnixHttp& http);
  std::string list(UnixHttp& http);
  void handle_line(std::string_view line);
  void inspect_next(UnixHttp& http);
  void want_inspection(const std::string& id);
  Known* know(const std::string& id);
  void report(bool connected, std::string detail);

  const std::string socket_path_;
  enrich::RuntimeListener* listener_ = nullptr;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // guards http_, for stop()
  std::condition_variable stop_wanted_;
  UnixHttp* http_ = nullptr;

  // The thread's own:
  std::string prefix_;  // "/v1.41", or nothing for the server's newest
  bool use_newest_ = false;  // every version of ours was refused as too old
  std::string greeting_;
  std::uint64_t session_ = 0;
  std::uint64_t reconnects_ = 0;
  bool was_connected_ = false;
  std::unordered_map<std::string, Known> known_;
  std::deque<std::string> to_inspect_;
  std::unordered_set<std::string> inspection_wanted_;
  std::string last_detail_;
  bool last_connected_ = false;
};

}  // namespace iris::runtimes
