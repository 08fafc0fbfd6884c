// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_node.h"

#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/event.h>
#include <proton/link.h>
#include <proton/session.h>
#include <proton/terminus.h>

namespace iris::registry {
namespace {

constexpr std::size_t kMaxAnswer = 64U << 10;  // 2000 partitions need a quarter

NodeReply failure(std::string description, std::string condition = {}) {
  NodeReply reply;
  reply.description = std::move(description);
  reply.condition = std::move(condition);
  return reply;
}

}  // namespace

RequestNode::~RequestNode() { close(); }

void RequestNode::close() {
  drop_link(sender_);
  drop_link(receiver_);
  answer_.clear();
  sent_ = false;
}

void RequestNode::ask(pn_session_t* session, std::vector<std::pair<std::string, std::string>> properties,
                      std::string body, Done done) {
  session_ = session;
  questions_.push_back({std::move(properties), std::move(body), std::move(done)});
  if (questions_.size() > 1) return;
  deadline_ = Clock::now() + timeout_;
  if (sender_ == nullptr) open();
  send_next();
}

void RequestNode::open() {
  const std::string suffix = address_.substr(address_.find_first_not_of('$')) + "-" + std::to_string(++count_);
  reply_to_ = "iris-reply-" + suffix;
  receiver_ = pn_receiver(session_, ("iris-in-" + suffix).c_str());
  pn_link_set_context(receiver_, static_cast<LinkOwner*>(this));
  pn_terminus_set_address(pn_link_source(receiver_), address_.c_str());
  pn_terminus_set_address(pn_link_target(receiver_), reply_to_.c_str());
  pn_link_open(receiver_);
  pn_link_flow(receiver_, 10);
  sender_ = pn_sender(session_, ("iris-out-" + suffix).c_str());
  pn_link_set_context(sender_, static_cast<LinkOwner*>(this));
  pn_terminus_set_address(pn_link_source(sender_), reply_to_.c_str());
  pn_terminus_set_address(pn_link_target(sender_), address_.c_str());
  pn_link_open(sender_);
}

void RequestNode::send_next() {
  if (questions_.empty() || sent_ || sender_ == nullptr || pn_link_credit(sender_) <= 0) return;
  // An answer before its receiver stands would have nowhere to go.
  if ((pn_link_state(receiver_) & PN_REMOTE_ACTIVE) == 0) return;
  const Question& question = questions_.front();
  sent_id_ = "iris-" + std::to_string(++count_);
  const std::string bytes = encode_request({sent_id_, reply_to_, question.properties, question.body});
  pn_delivery(sender_, pn_dtag(sent_id_.data(), sent_id_.size()));
  pn_link_send(sender_, bytes.data(), bytes.size());
  pn_link_advance(sender_);
  sent_ = true;
}

void RequestNode::on_link_event(pn_event_t* event, pn_link_t* link) {
  switch (pn_event_type(event)) {
    case PN_LINK_FLOW:
    case PN_LINK_REMOTE_OPEN: send_next(); break;
    case PN_DELIVERY: {
      pn_delivery_t* delivery = pn_event_delivery(event);
      if (link == receiver_) {
        receive();
      } else if (pn_delivery_updated(delivery)) {  // the outcome of a question of ours
        const bool rejected = pn_delivery_remote_state(delivery) == PN_REJECTED;
        pn_condition_t* condition = pn_disposition_condition(pn_delivery_remote(delivery));
        const NodeReply reply = failure(std::string(proton_view(pn_condition_get_description(condition))),
                                        std::string(proton_view(pn_condition_get_name(condition))));
        pn_delivery_settle(delivery);
        if (rejected && sent_) finish(reply);
      }
      break;
    }
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH: {
      pn_condition_t* condition = pn_link_remote_condition(link);
      const NodeReply reply = failure(std::string(proton_view(pn_condition_get_description(condition))),
                                      std::string(proton_view(pn_condition_get_name(condition))));
      close();
      finish(reply);
      break;
    }
    default: break;
  }
}

void RequestNode::receive() {
  pn_delivery_t* delivery = pn_link_current(receiver_);
  if (delivery == nullptr || !pn_delivery_readable(delivery)) return;
  const std::size_t pending = pn_delivery_pending(delivery);
  if (answer_.size() + pending > kMaxAnswer) {
    close();
    finish(failure("the answer is too long"));
    return;
  }
  const std::size_t before = answer_.size();
  answer_.resize(before + pending);
  if (pending > 0) {
    const ssize_t got = pn_link_recv(receiver_, answer_.data() + before, pending);
    answer_.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
  }
  if (pn_delivery_partial(delivery)) return;
  pn_delivery_update(delivery, PN_ACCEPTED);
  pn_delivery_settle(delivery);
  pn_link_flow(receiver_, 1);
  const auto reply = decode_reply(answer_);
  answer_.clear();
  if (!sent_ || (reply && reply->correlation_id != sent_id_)) return;  // the answer to a question given up
  finish(reply ? *reply : failure(reply.error().message));
}

void RequestNode::on_time(Clock::time_point now) {
  if (questions_.empty() || now < deadline_) return;
  close();
  finish(failure("no answer from " + address_));
}

void RequestNode::finish(const NodeReply& reply) {
  sent_ = false;
  if (questions_.empty()) return;
  const Done done = std::move(questions_.front().done);
  questions_.pop_front();
  if (!questions_.empty()) {
    deadline_ = Clock::now() + timeout_;
    if (sender_ == nullptr) open();
    send_next();
  }
  done(reply);
}

}  // namespace iris::registry
