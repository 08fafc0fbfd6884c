// SPDX-License-Identifier: Apache-2.0
#include "ship/session.h"

#include <algorithm>
#include <utility>

namespace iris::ship {
namespace {

constexpr std::size_t kMaxAlerts = 64;
constexpr std::size_t kMaxAlertBytes = 512U << 10;

}  // namespace

Session::Session(Connection connection, v1::AgentMessage hello, Signal& signal)
    : connection_(std::move(connection)),
      stub_(v1::Collector::NewStub(connection_.channel)),
      signal_(signal),
      outgoing_(std::move(hello)) {
  // Without TLS only to this machine: check_options() saw to it.
  if (!connection_.token.empty()) context_.AddMetadata("authorization", "Bearer " + connection_.token);
  stub_->async()->Ship(&context_, this);
  const std::lock_guard lock(signal_.mutex);
  AddHold();
  StartRead(&incoming_);
  write();
  StartCall();
}

Session::~Session() {
  std::unique_lock lock(signal_.mutex);
  let_go();
  context_.TryCancel();
  signal_.changed.wait(lock, [this] { return done_; });
}

Session::News Session::take_news() {
  const std::lock_guard lock(signal_.mutex);
  signal_.news = false;
  News news;
  news.welcome = std::exchange(news_.welcome, std::nullopt);
  news.acknowledged = std::exchange(news_.acknowledged, std::nullopt);
  news.alerts.swap(news_.alerts);
  alert_bytes_ = 0;
  news.can_send = news_.can_send;
  news.ended = news_.ended;
  return news;
}

void Session::send(v1::AgentMessage message) {
  const std::lock_guard lock(signal_.mutex);
  if (!held_) return;
  outgoing_ = std::move(message);
  write();
}

void Session::cancel() { context_.TryCancel(); }

void Session::write() {
  news_.can_send = false;
  StartWrite(&outgoing_);
}

void Session::let_go() {
  news_.can_send = false;
  if (std::exchange(held_, false)) RemoveHold();
}

void Session::OnReadDone(bool ok) {
  const std::lock_guard lock(signal_.mutex);
  if (ok && !take_message()) {
    violated_ = true;
    context_.TryCancel();
  }
  if (ok && held_ && !violated_) {
    StartRead(&incoming_);
  } else {
    let_go();
  }
  signal_.tell();
}

bool Session::take_message() {
  switch (incoming_.kind_case()) {
    case v1::CollectorMessage::kWelcome:
      if (std::exchange(welcomed_, true)) return false;
      news_.welcome = std::move(*incoming_.mutable_welcome());
      return true;
    case v1::CollectorMessage::kAcknowledge:
      if (!welcomed_) return false;
      news_.acknowledged = std::max(news_.acknowledged.value_or(0), incoming_.acknowledge().sequence());
      return true;
    case v1::CollectorMessage::kAlert:
      if (!welcomed_) return false;
      keep_alert();
      return true;
    case v1::CollectorMessage::KIND_NOT_SET:
      return true;  // of a newer collector
  }
  return false;
}

void Session::keep_alert() {
  auto& alerts = news_.alerts;
  alert_bytes_ += incoming_.alert().json().size();
  alerts.emplace_back().Swap(incoming_.mutable_alert());
  while (alerts.size() > kMaxAlerts || alert_bytes_ > kMaxAlertBytes) {
    alert_bytes_ -= alerts.front().json().size();
    alerts.pop_front();
  }
}

void Session::OnWriteDone(bool ok) {
  const std::lock_guard lock(signal_.mutex);
  outgoing_.Clear();
  news_.can_send = ok && held_;
  signal_.tell();
}

void Session::OnDone(const grpc::Status& status) {
  const std::lock_guard lock(signal_.mutex);
  news_.ended = violated_ ? grpc::Status(grpc::StatusCode::INTERNAL, "the collector broke the protocol") : status;
  done_ = true;
  signal_.tell();
}

}  // namespace iris::ship
