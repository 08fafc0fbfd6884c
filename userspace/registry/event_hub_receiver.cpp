// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_receiver.h"

#include <proton/delivery.h>
#include <proton/event.h>
#include <proton/link.h>
#include <proton/terminus.h>

#include <algorithm>
#include <array>

namespace iris::registry {
namespace {

using std::chrono::milliseconds;

/// Of an event that is too long only the head is kept: the annotations are in it.
constexpr std::size_t kHead = 16U << 10;

std::int64_t unix_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

PartitionReceiver::PartitionReceiver(std::string partition, FaultPlace place, const EventHubOptions& options,
                                     PartitionProgress& progress, ReceiverOwner& owner)
    : partition_(std::move(partition)), place_(place), options_(options), progress_(progress), owner_(owner),
      backoff_(options.min_backoff, options.max_backoff) {}

void PartitionReceiver::attach(pn_session_t* session) {
  drop_link(link_);
  session_ = session;
  bytes_.clear();
  too_long_ = false;
  used_ = 0;
  link_ = pn_receiver(session, ("iris-" + partition_ + "-" + std::to_string(++count_)).c_str());
  pn_link_set_context(link_, static_cast<LinkOwner*>(this));
  pn_terminus_t* source = pn_link_source(link_);
  pn_terminus_set_address(source, receiver_address(place_.hub, place_.consumer_group, partition_).c_str());
  put_filter(pn_terminus_filter(source), progress_.position());
  pn_terminus_set_address(pn_link_target(link_), ("iris-partition-" + partition_).c_str());
  pn_link_open(link_);
  pn_link_flow(link_, options_.credit);
  state_ = State::attaching;
  next_ = Clock::now() + options_.answer_timeout;
}

void PartitionReceiver::on_link_event(pn_event_t* event, pn_link_t*) {
  switch (pn_event_type(event)) {
    case PN_LINK_REMOTE_OPEN: on_remote_open(); break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH: on_remote_close(); break;
    case PN_DELIVERY: receive(); break;
    default: break;
  }
}

void PartitionReceiver::on_remote_open() {
  // A refusal is an attach without a source, and a detach with the reason behind it.
  if (pn_terminus_get_type(pn_link_remote_source(link_)) == PN_UNSPECIFIED) return;
  state_ = State::attached;
  next_ = Clock::time_point::max();
  attached_at_ = Clock::now();
  fault_ = {};
  progress_.attached_at_latest(unix_ms());
  owner_.on_attached(*this);
}

void PartitionReceiver::on_remote_close() {
  pn_condition_t* condition = pn_link_remote_condition(link_);
  FaultPlace place = place_;
  place.partition = partition_;
  const bool is_set = pn_condition_is_set(condition);
  fail(classify(FaultScope::link, is_set ? proton_view(pn_condition_get_name(condition)) : "amqp:link:detach-forced",
                proton_view(pn_condition_get_description(condition)), place));
}

void PartitionReceiver::on_time(Clock::time_point now) {
  if (now < next_) return;
  if (state_ == State::waiting) {
    attach(session_);
  } else if (state_ == State::attaching) {
    fail({Fault::Kind::silent, "partition " + partition_ + ": no answer from the service"});
  }
}

void PartitionReceiver::give_credit() {
  if (link_ == nullptr || used_ == 0) return;
  pn_link_flow(link_, used_);
  used_ = 0;
}

void PartitionReceiver::fail(Fault fault) {
  drop_link(link_);
  bytes_.clear();
  const milliseconds wait = pause(fault);
  state_ = State::waiting;
  next_ = Clock::now() + wait;
  fault_ = fault;
  owner_.on_detached(*this, fault);
}

milliseconds PartitionReceiver::pause(Fault& fault) {
  if (state_ == State::attached && Clock::now() - attached_at_ >= options_.max_backoff) backoff_.reset();
  if (fault.kind == Fault::Kind::bad_position && progress_.position().kind != Position::Kind::earliest) {
    const bool from_start = progress_.lose_position();
    fault.text += from_start ? "; reading from the start of what the hub keeps: records may come twice, and others "
                               "may be missing"
                             : "; going on from the time of the last event: records may be missing";
    // The first time at once; a service that refuses that too is not asked in a circle.
    if (!std::exchange(position_lost_, true)) return milliseconds(0);
  }
  if (fault.kind == Fault::Kind::busy) return std::max(backoff_.next(), options_.busy_wait);
  if (fault.is_lasting()) return base::Backoff(options_.slow_retry, options_.slow_retry).next();
  return backoff_.next();
}

void PartitionReceiver::receive() {
  while (link_ != nullptr) {
    pn_delivery_t* delivery = pn_link_current(link_);
    if (delivery == nullptr || !pn_delivery_readable(delivery)) return;
    std::array<char, 16384> piece;
    ssize_t got = 0;
    while ((got = pn_link_recv(link_, piece.data(), piece.size())) > 0) {
      if (too_long_) continue;
      bytes_.append(piece.data(), static_cast<std::size_t>(got));
      if (bytes_.size() <= options_.max_event_bytes) continue;
      too_long_ = true;
      bytes_.resize(std::min(kHead, bytes_.size()));
      bytes_.shrink_to_fit();
    }
    const bool aborted = pn_delivery_aborted(delivery);
    if (!aborted && pn_delivery_partial(delivery)) return;
    if (!aborted) pn_delivery_update(delivery, PN_ACCEPTED);
    pn_delivery_settle(delivery);
    ++used_;
    if (!aborted) {
      backoff_.reset();
      position_lost_ = false;
      Event event = decode_event(bytes_);
      if (too_long_) event.usable = false;
      owner_.on_event(*this, std::move(event));
    }
    bytes_.clear();
    if (bytes_.capacity() > kHead * 4) bytes_.shrink_to_fit();
    too_long_ = false;
  }
}

}  // namespace iris::registry
