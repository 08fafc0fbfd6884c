// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "registry/amqp_connection.h"
#include "base/backoff.h"
#include "registry/event_hub_amqp.h"
#include "registry/event_hub_fault.h"
#include "registry/event_hub_options.h"
#include "registry/event_hub_progress.h"

namespace iris::registry {

class PartitionReceiver;

class ReceiverOwner {
 public:
  virtual ~ReceiverOwner() = default;
  virtual void on_attached(PartitionReceiver& receiver) = 0;
  virtual void on_event(PartitionReceiver& receiver, Event event) = 0;
  /// Refused or cut off; it comes again by itself. May destroy the receiver.
  virtual void on_detached(PartitionReceiver& receiver, const Fault& fault) = 0;
};

/// The link that reads one partition: attaches from where the progress stands, gives credit,
/// joins transfers to events, and attaches again after a pause that fits what went wrong.
class PartitionReceiver final : public LinkOwner {
 public:
  using Clock = AmqpConnection::Clock;

  PartitionReceiver(std::string partition, FaultPlace place, const EventHubOptions& options, PartitionProgress& progress,
                    ReceiverOwner& owner);
  ~PartitionReceiver() override { drop_link(link_); }
  PartitionReceiver(const PartitionReceiver&) = delete;
  PartitionReceiver& operator=(const PartitionReceiver&) = delete;

  void attach(pn_session_t* session);
  void on_link_event(pn_event_t* event, pn_link_t* link) override;
  void on_time(Clock::time_point now);
  Clock::time_point deadline() const { return next_; }
  /// Gives back the credit of what was read, once it is safe with the listener.
  void give_credit();

  const std::string& partition() const { return partition_; }
  PartitionProgress& progress() { return progress_; }
  bool is_attached() const { return state_ == State::attached; }
  bool is_low() const { return state_ == State::attached && used_ * 2 >= options_.credit; }
  /// Why it is not attached.
  const Fault& fault() const { return fault_; }

 private:
  enum class State : std::uint8_t { attaching, attached, waiting };
  void on_remote_open();
  void on_remote_close();
  void receive();
  void fail(Fault fault);
  std::chrono::milliseconds pause(Fault& fault);

  const std::string partition_;
  const FaultPlace place_;  // hub, group and policy; borrowed
  const EventHubOptions& options_;
  PartitionProgress& progress_;
  ReceiverOwner& owner_;
  pn_session_t* session_ = nullptr;
  pn_link_t* link_ = nullptr;
  State state_ = State::waiting;
  Clock::time_point next_ = Clock::time_point::max();  // attach again, or give up waiting for the answer
  Clock::time_point attached_at_;
  base::Backoff backoff_;
  int used_ = 0;       // credit that was used and not given back
  unsigned count_ = 0;
  std::string bytes_;  // of the event under way
  bool too_long_ = false;
  bool position_lost_ = false;
  Fault fault_;
};

}  // namespace iris::registry
