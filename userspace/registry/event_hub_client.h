// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "identity/registry_client.h"
#include "registry/connection_string.h"
#include "registry/event_hub_options.h"
#include "registry/event_hub_progress.h"
#include "registry/event_hub_session.h"
#include "registry/log_stage.h"

namespace iris::registry {

/// The first line of a file. Wipe it after use.
base::Result<std::string> read_connection_line(const std::string& path);

/// Reads the resource logs that an IoT Hub streams to an event hub (AMQP 1.0): all partitions,
/// each from its checkpoint. What was read is handed on with the checkpoints behind it; kept in
/// one transaction, nothing is read twice or missed over a restart. Events that the service
/// repeats are dropped and counted.
///
/// Memory: one event of at most max_event_bytes for each partition, and the records of one
/// batch, or what the token filter holds (bounded). Credit, and so further events, is only
/// given after on_security() returned.
///
/// Checkpoints belong to one hub and consumer group: who keeps them has to keep them by
/// status.endpoint and give those of this hub only.
class EventHubClient final : public identity::RegistryClient, SessionOwner {
 public:
  /// Faults of the settings come at once, in words; nothing is connected yet.
  static base::Result<std::unique_ptr<EventHubClient>> create(const std::string& connection_string,
                                                              EventHubOptions options, identity::Checkpoints checkpoints,
                                                              EventReader reader = identity::read_log_event);
  ~EventHubClient() override;

  void start(identity::RegistryListener& listener) override;
  /// Hands on what was read, and returns within a second.
  void stop() override;

  /// Reads connection_string_file again.
  void reload() override;

  /// Another key (or hub) from now on, from any thread: connects anew with it at once. A
  /// string that is not right leaves everything as it was.
  base::Result<void> set_connection_string(const std::string& text);

  /// "host/hub/group", as in the status.
  static std::string endpoint_of(const EventHubConnection& connection, const EventHubOptions& options);

 private:
  using Clock = std::chrono::steady_clock;

  EventHubClient(EventHubConnection connection, EventHubOptions options, identity::Checkpoints checkpoints,
                 EventReader reader);
  void run();
  void take_connection();
  bool read_new_connection();
  std::chrono::milliseconds pause(const Fault& fault, bool was_well);
  void flush();
  void hand_on_all();
  identity::LogReading read(const Event& event);
  void stage(const std::string& partition, identity::LogReading reading);
  void report(bool connected, std::string detail);
  std::string summary() const;

  // SessionOwner
  PartitionProgress& progress(const std::string& partition) override;
  std::vector<std::string> known_partitions() override;
  void on_event(const std::string& partition, Event event) override;
  void on_position(const std::string& partition) override;
  void on_fault(const Fault& fault) override;
  bool on_time(Clock::time_point now, bool low) override;
  Clock::time_point deadline() override;
  void on_state(std::size_t attached, std::size_t partitions, const std::string& trouble) override;

  const EventHubOptions options_;
  const EventReader reader_;
  identity::RegistryListener* listener_ = nullptr;
  std::thread thread_;
  Waker waker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> interrupted_{false};  // a session has to end
  bool stopping_ = false;                 // guarded by mutex_
  bool connection_changed_ = false;       // guarded by mutex_
  EventHubConnection next_connection_;    // guarded by mutex_

  // The thread's own:
  EventHubConnection connection_;
  std::string hub_;
  std::string endpoint_;
  std::map<std::string, PartitionProgress> progress_;
  bool has_checkpoints_;  // given ones: of a partition without, nothing was ever read
  LogStage stage_;
  bool pending_ = false;  // the stage was given something since the last flush
  Clock::time_point pending_since_;
  Clock::time_point last_event_;
  Clock::time_point reported_at_;
  identity::RegistryStatus status_;
  base::Backoff backoff_;
  std::size_t attached_ = 0;
  std::size_t partitions_ = 0;
  std::string trouble_;
  std::uint64_t events_ = 0;
  std::uint64_t security_records_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t restarted_ = 0;
};

}  // namespace iris::registry
