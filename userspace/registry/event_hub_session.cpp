// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_session.h"

#include <proton/connection.h>
#include <proton/event.h>
#include <proton/session.h>
#include <proton/transport.h>

#include <algorithm>

#include "registry/sas_token.h"

namespace iris::registry {
namespace {

constexpr std::uint16_t kTlsPort = 5671;
constexpr std::uint16_t kPlainPort = 5672;
constexpr int kMaxProbe = 32;  // partitions of a hub on the ordinary tiers

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

EventHubSession::EventHubSession(const EventHubConnection& connection, const std::string& hub,
                                 const EventHubOptions& options, SessionOwner& owner)
    : connection_(connection), hub_(hub), options_(options), owner_(owner), cbs_("$cbs", options.answer_timeout),
      management_("$management", options.answer_timeout) {}

EventHubSession::~EventHubSession() = default;

FaultPlace EventHubSession::place(std::string_view partition) const {
  return {hub_, options_.consumer_group, partition, connection_.policy};
}

Fault EventHubSession::run(const Waker& waker, const std::atomic<bool>& interrupted) {
  if (const auto connected = connect(waker, interrupted); !connected) {
    const bool lasting = connected.error().kind == base::Error::Kind::usage;
    return {lasting ? Fault::Kind::untrusted : Fault::Kind::unreachable, connected.error().message};
  }
  const auto begin = Clock::now();
  answer_deadline_ = begin + options_.answer_timeout;
  while (!fault_ && !interrupted) {
    const auto now = Clock::now();
    amqp_->step(deadline(now), waker, [this](pn_event_t* event) { on_connection_event(event); });
    if (interrupted) break;
    on_time(Clock::now());
    if (!fault_ && amqp_->finished()) end({Fault::Kind::unreachable, "the connection broke; connecting anew"});
  }
  if (Clock::now() - begin > options_.max_backoff) well_ = true;
  cbs_.close();
  management_.close();
  receivers_.clear();
  amqp_->close();
  return fault_;
}

base::Result<void> EventHubSession::connect(const Waker& waker, const std::atomic<bool>& interrupted) {
  const bool plain = connection_.development_emulator;
  const std::uint16_t port = connection_.port != 0 ? connection_.port : plain ? kPlainPort : kTlsPort;
  Endpoint endpoint{connection_.host, port};
  if (!options_.address.empty()) endpoint = parse_endpoint(options_.address, port).value_or(endpoint);
  auto socket = connect_tcp(endpoint, {options_.answer_timeout, plain}, waker, interrupted);
  if (!socket) {
    const bool lasting = socket.error().reason == ConnectError::Reason::not_local;
    return base::fail(socket.error().message, lasting ? base::Error::Kind::usage : base::Error::Kind::failed);
  }
  AmqpConnection::Options amqp;
  amqp.host = connection_.host;
  amqp.tls = !plain;
  amqp.anonymous = uses_tokens();
  amqp.user = connection_.policy;
  amqp.password = connection_.key;
  amqp.ca_file = options_.ca_file;
  amqp.idle_timeout = options_.idle_timeout;
  auto opened = AmqpConnection::open(std::move(*socket), amqp);
  if (!opened) return tl::unexpected(opened.error());
  amqp_ = std::move(*opened);
  return {};
}

void EventHubSession::end(Fault fault) {
  if (fault_) return;
  if (phase_ == Phase::opening && fault.kind == Fault::Kind::unreachable) {
    fault.text = "the server closed the connection before it had begun: is this the AMQP port, 5671, and is the way to it "
                 "open (firewall, proxy)?";
  }
  fault_ = std::move(fault);
  owner_.on_fault(fault_);
}

void EventHubSession::on_connection_event(pn_event_t* event) {
  switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN:
      if (phase_ == Phase::opening) authorize();
      break;
    case PN_CONNECTION_REMOTE_CLOSE: {
      pn_condition_t* condition = pn_connection_remote_condition(amqp_->connection());
      const bool is_set = pn_condition_is_set(condition);
      end(classify(FaultScope::connection, is_set ? proton_view(pn_condition_get_name(condition)) : "amqp:connection:forced",
                   proton_view(pn_condition_get_description(condition)), place()));
      break;
    }
    case PN_SESSION_REMOTE_CLOSE: {
      pn_condition_t* condition = pn_session_remote_condition(pn_event_session(event));
      end(classify(FaultScope::connection, pn_condition_is_set(condition) ? proton_view(pn_condition_get_name(condition)) : "amqp:connection:forced",
                   proton_view(pn_condition_get_description(condition)), place()));
      break;
    }
    case PN_TRANSPORT_ERROR: {
      pn_condition_t* condition = pn_transport_condition(amqp_->transport());
      end(classify(FaultScope::transport, proton_view(pn_condition_get_name(condition)),
                   proton_view(pn_condition_get_description(condition)), place()));
      break;
    }
    default: break;
  }
}

std::string EventHubSession::token() const {
  if (!connection_.signature.empty()) return std::string(connection_.signature.reveal());
  const std::string audience = "sb://" + connection_.host + "/" + hub_;
  const auto expiry = unix_seconds() + options_.token_lifetime.count();
  return std::string(make_sas_token(audience, connection_.policy, connection_.key, expiry).reveal());
}

void EventHubSession::authorize() {
  if (!uses_tokens()) {
    list_partitions();
    return;
  }
  if (phase_ == Phase::opening) phase_ = Phase::authorizing;
  cbs_.ask(amqp_->session(),
           {{"operation", "put-token"},
            {"type", "servicebus.windows.net:sastoken"},
            {"name", "sb://" + connection_.host + "/" + hub_}},
           token(), [this](const NodeReply& reply) {
             if (!reply.ok()) return end(classify_status(reply.status, reply.condition, reply.description, place()));
             // A ready-made signature cannot be renewed: the service ends it when its time is over.
             if (connection_.signature.empty()) renew_token_ = Clock::now() + options_.token_lifetime * 3 / 4;
             if (phase_ == Phase::authorizing) list_partitions();
           });
}

void EventHubSession::list_partitions() {
  if (phase_ != Phase::reading) phase_ = Phase::listing;
  list_again_ = Clock::now() + options_.list_partitions_every;
  std::vector<std::pair<std::string, std::string>> properties = {
      {"operation", "READ"}, {"name", hub_}, {"type", "com.microsoft:eventhub"}};
  if (uses_tokens()) properties.emplace_back("security_token", token());
  management_.ask(amqp_->session(), std::move(properties), "", [this](const NodeReply& reply) { on_partitions(reply); });
}

void EventHubSession::on_partitions(const NodeReply& reply) {
  const bool again = phase_ == Phase::reading;
  phase_ = Phase::reading;
  state_changed_ = true;
  if (reply.ok() && !reply.partition_ids.empty()) {
    probe_ = -1;
    for (const std::string& partition : reply.partition_ids) {
      if (!receivers_.contains(partition)) find_position(partition);
    }
    return;
  }
  if (again || fault_) return;
  // Whatever the reason is, if it is a lasting one the attach will tell it, too.
  std::vector<std::string> partitions = options_.partitions;
  if (partitions.empty()) {
    partitions = owner_.known_partitions();
    probe_ = 0;
  }
  for (const std::string& partition : partitions) attach(partition);
  if (probe_ >= 0) probe_next();
}

void EventHubSession::find_position(const std::string& partition) {
  if (owner_.progress(partition).position().kind != Position::Kind::latest) {
    attach(partition);
    return;
  }
  // "Only new ones" becomes an offset, so that what comes until the first event of interest
  // is not missed when we are started again before it.
  std::vector<std::pair<std::string, std::string>> properties = {
      {"operation", "READ"}, {"name", hub_}, {"type", "com.microsoft:partition"}, {"partition", partition}};
  if (uses_tokens()) properties.emplace_back("security_token", token());
  management_.ask(amqp_->session(), std::move(properties), "", [this, partition](const NodeReply& reply) {
    if (reply.ok() && (reply.is_empty || !reply.last_offset.empty())) {
      owner_.progress(partition).begin_after(reply.last_offset.empty() ? "-1" : reply.last_offset);
      owner_.on_position(partition);
    }
    if (!fault_) attach(partition);
  });
}

void EventHubSession::attach(const std::string& partition) {
  auto& receiver = receivers_[partition];
  if (receiver) return;
  receiver = std::make_unique<PartitionReceiver>(partition, place(), options_, owner_.progress(partition),
                                                 static_cast<ReceiverOwner&>(*this));
  receiver->attach(amqp_->session());
  state_changed_ = true;
}

void EventHubSession::probe_next() {
  while (probe_ < kMaxProbe && receivers_.contains(std::to_string(probe_))) ++probe_;
  if (probe_ < kMaxProbe) attach(std::to_string(probe_));
}

void EventHubSession::on_attached(PartitionReceiver& receiver) {
  state_changed_ = true;
  if (probe_ >= 0 && receiver.partition() == std::to_string(probe_)) probe_next();
}

void EventHubSession::on_event(PartitionReceiver& receiver, Event event) {
  well_ = true;
  owner_.on_event(receiver.partition(), std::move(event));
}

void EventHubSession::on_detached(PartitionReceiver& receiver, const Fault& fault) {
  state_changed_ = true;
  const std::string partition = receiver.partition();
  if (fault.kind == Fault::Kind::not_found && probe_ > 0 && partition == std::to_string(probe_)) {
    probe_ = kMaxProbe;  // one behind the last: all are found
    receivers_.erase(partition);
    return;
  }
  owner_.on_fault(fault);
  // No right is no right for all of them, and a hub that is not there has no partition.
  const bool none_left = std::none_of(receivers_.begin(), receivers_.end(), [](const auto& item) {
    return item.second->is_attached() || item.second->fault().kind != Fault::Kind::not_found;
  });
  if (!fault_ && (fault.kind == Fault::Kind::unauthorized || none_left)) fault_ = fault;
}

void EventHubSession::on_time(Clock::time_point now) {
  cbs_.on_time(now);
  management_.on_time(now);
  if (phase_ == Phase::opening && now >= answer_deadline_) {
    end({Fault::Kind::silent, "no answer to the AMQP greeting: is this the AMQP port, 5671?"});
  }
  if (fault_) return;
  std::vector<PartitionReceiver*> due;
  bool low = false;
  for (const auto& [partition, receiver] : receivers_) {
    if (receiver->deadline() <= now) due.push_back(receiver.get());
    low = low || receiver->is_low();
  }
  for (PartitionReceiver* receiver : due) receiver->on_time(now);
  if (owner_.on_time(now, low)) {
    for (const auto& [partition, receiver] : receivers_) receiver->give_credit();
  }
  if (now >= renew_token_) {
    renew_token_ = Clock::time_point::max();
    authorize();
  }
  if (now >= list_again_) list_partitions();
  tell_state();
}

EventHubSession::Clock::time_point EventHubSession::deadline(Clock::time_point now) {
  auto next = std::min({cbs_.deadline(), management_.deadline(), owner_.deadline(), renew_token_, list_again_,
                        now + std::chrono::seconds(60)});
  if (phase_ == Phase::opening) next = std::min(next, answer_deadline_);
  for (const auto& [partition, receiver] : receivers_) next = std::min(next, receiver->deadline());
  return next;
}

void EventHubSession::tell_state() {
  if (!std::exchange(state_changed_, false)) return;
  std::size_t attached = 0;
  std::string trouble;
  for (const auto& [partition, receiver] : receivers_) {
    if (receiver->is_attached()) ++attached;
    else if (receiver->fault() && trouble.empty()) trouble = receiver->fault().text;
  }
  owner_.on_state(attached, receivers_.size(), trouble);
}

}  // namespace iris::registry
