// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "registry/amqp_connection.h"
#include "registry/event_hub_amqp.h"

namespace iris::registry {

/// Asks `$management` or `$cbs` and waits for the answer: a sender and a receiver on the
/// connection's session, opened when first needed. One question at a time, in order.
class RequestNode final : public LinkOwner {
 public:
  using Clock = AmqpConnection::Clock;
  /// Every way to fail comes as a reply that is not ok(), with what is known.
  using Done = std::function<void(const NodeReply&)>;

  RequestNode(std::string address, std::chrono::milliseconds timeout) : address_(std::move(address)), timeout_(timeout) {}
  ~RequestNode() override;
  RequestNode(const RequestNode&) = delete;
  RequestNode& operator=(const RequestNode&) = delete;

  void ask(pn_session_t* session, std::vector<std::pair<std::string, std::string>> properties, std::string body, Done done);
  void on_link_event(pn_event_t* event, pn_link_t* link) override;
  void on_time(Clock::time_point now);
  Clock::time_point deadline() const { return questions_.empty() ? Clock::time_point::max() : deadline_; }
  /// Lets go of the links, when nothing is asked for a while.
  void close();

 private:
  struct Question {
    std::vector<std::pair<std::string, std::string>> properties;
    std::string body;
    Done done;
  };
  void open();
  void send_next();
  void receive();
  void finish(const NodeReply& reply);

  const std::string address_;
  const std::chrono::milliseconds timeout_;
  pn_session_t* session_ = nullptr;
  pn_link_t* sender_ = nullptr;
  pn_link_t* receiver_ = nullptr;
  std::string reply_to_;
  std::string answer_;  // as far as received
  std::deque<Question> questions_;
  bool sent_ = false;  // the first one
  std::string sent_id_;
  unsigned count_ = 0;
  Clock::time_point deadline_;
};

}  // namespace iris::registry
