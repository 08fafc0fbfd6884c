// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "registry/amqp_connection.h"
#include "registry/connection_string.h"
#include "registry/event_hub_fault.h"
#include "registry/event_hub_node.h"
#include "registry/event_hub_options.h"
#include "registry/event_hub_progress.h"
#include "registry/event_hub_receiver.h"

namespace iris::registry {

/// What a session needs of its client. Called from the thread of run().
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  /// Made when first asked for, and kept over sessions.
  virtual PartitionProgress& progress(const std::string& partition) = 0;
  /// Partitions of which anything is known; a hub that does not tell has these at least.
  virtual std::vector<std::string> known_partitions() = 0;
  /// An event, progress not yet moved.
  virtual void on_event(const std::string& partition, Event event) = 0;
  /// progress() got a position that is worth keeping though no event was read.
  virtual void on_position(const std::string& partition) = 0;
  /// A partition, or the whole session, met this.
  virtual void on_fault(const Fault& fault) = 0;
  /// Hands on what it is time for; `low` when a partition has used up much of its credit.
  /// True: everything read has been handed on, and more may come.
  virtual bool on_time(std::chrono::steady_clock::time_point now, bool low) = 0;
  virtual std::chrono::steady_clock::time_point deadline() = 0;
  virtual void on_state(std::size_t attached, std::size_t partitions, const std::string& trouble) = 0;
};

/// One connection to one event hub: authenticates, learns the partitions, reads them all.
class EventHubSession final : ReceiverOwner {
 public:
  using Clock = AmqpConnection::Clock;

  EventHubSession(const EventHubConnection& connection, const std::string& hub, const EventHubOptions& options,
                  SessionOwner& owner);
  ~EventHubSession() override;

  /// Runs until the connection ends or `interrupted` is set (then wake `waker`), and says why.
  Fault run(const Waker& waker, const std::atomic<bool>& interrupted);
  /// It read something, or lasted: the next attempt need not wait long.
  bool was_well() const { return well_; }

 private:
  enum class Phase : std::uint8_t { opening, authorizing, listing, reading };

  base::Result<void> connect(const Waker& waker, const std::atomic<bool>& interrupted);
  void on_connection_event(pn_event_t* event);
  void authorize();
  void list_partitions();
  void on_partitions(const NodeReply& reply);
  void find_position(const std::string& partition);
  void attach(const std::string& partition);
  void probe_next();
  void on_time(Clock::time_point now);
  Clock::time_point deadline(Clock::time_point now);
  void end(Fault fault);
  void tell_state();
  FaultPlace place(std::string_view partition = {}) const;
  std::string token() const;
  bool uses_tokens() const { return connection_.development_emulator || !connection_.signature.empty(); }

  // ReceiverOwner
  void on_attached(PartitionReceiver& receiver) override;
  void on_event(PartitionReceiver& receiver, Event event) override;
  void on_detached(PartitionReceiver& receiver, const Fault& fault) override;

  const EventHubConnection& connection_;
  const std::string& hub_;
  const EventHubOptions& options_;
  SessionOwner& owner_;
  std::unique_ptr<AmqpConnection> amqp_;
  RequestNode cbs_;
  RequestNode management_;
  std::map<std::string, std::unique_ptr<PartitionReceiver>> receivers_;
  Phase phase_ = Phase::opening;
  Clock::time_point answer_deadline_;
  Clock::time_point renew_token_ = Clock::time_point::max();
  Clock::time_point list_again_ = Clock::time_point::max();
  int probe_ = -1;  // the partition being tried; -1: the hub told its partitions
  bool state_changed_ = false;
  bool well_ = false;
  Fault fault_;
};

}  // namespace iris::registry
