// SPDX-License-Identifier: Apache-2.0
#include "ship/uplink.h"

#include <sys/utsname.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "ship/backoff.h"
#include "ship/connection.h"
#include "ship/fault.h"
#include "ship/session.h"
#include "wire/batch_codec.h"

namespace iris::ship {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::size_t kMaxUnderWay = 8;
constexpr std::chrono::seconds kWelcomeTimeout{30};

v1::AgentMessage make_hello(const UplinkOptions& options, const BatchSource& source, std::uint64_t alert_change) {
  v1::AgentMessage message;
  auto& hello = *message.mutable_hello();
  hello.set_protocol_version(kProtocolVersion);
  hello.set_epoch(source.epoch());
  hello.set_oldest_sequence(source.oldest_sequence());
  hello.set_agent_version(options.agent_version);
  hello.set_alert_change(alert_change);
  utsname names{};
  if (uname(&names) == 0) {
    hello.set_host_name(names.nodename);
    hello.set_kernel_release(names.release);
  }
  return message;
}

v1::AgentMessage make_message(std::uint64_t first, std::uint64_t last, wire::EncodedContent content) {
  v1::AgentMessage message;
  auto& batch = *message.mutable_batch();
  batch.set_first_sequence(first);
  batch.set_last_sequence(last);
  batch.set_compression(content.compressed ? v1::COMPRESSION_ZSTD : v1::COMPRESSION_NONE);
  batch.set_content_bytes(content.content_bytes);
  batch.set_content(std::move(content.bytes));
  return message;
}

/// What cannot be sent must not hold up what comes behind it: the account stays,
/// the rest becomes a gap that says so.
void reduce_to_gap(BatchSource::Next& next) {
  auto& batch = next.batch;
  const auto flows = std::count_if(batch.records.begin(), batch.records.end(), [](const flow::Record& record) {
    return std::holds_alternative<flow::FlowRecord>(record);
  });
  std::erase_if(batch.records,
                [](const flow::Record& record) { return !std::holds_alternative<flow::Ledger>(record); });
  batch.gaps.push_back({batch.start_wall_ns, batch.end_wall_ns, "batch_too_large",
                        next.last_sequence - next.first_sequence + 1, static_cast<std::uint64_t>(flows)});
}

}  // namespace

class Uplink::Impl {
 public:
  Impl(UplinkOptions options, rpc::Endpoint endpoint, BatchSource& source)
      : options_(std::move(options)),
        endpoint_(std::move(endpoint)),
        source_(source),
        backoff_(options_.min_backoff, options_.max_backoff) {}

  void poll(std::chrono::milliseconds timeout);
  void wake();
  UplinkStatus status() const;

 private:
  bool step();
  void connect();
  void take_welcome(const v1::Welcome& welcome);
  bool take_acknowledgement(std::uint64_t sequence);
  void take_alert(v1::Alert& alert);
  void forget_until(std::uint64_t sequence);
  void send_next();
  void give_up(std::string fault);
  void take_end(const grpc::Status& status);
  void pause(Clock::duration delay, std::string fault);
  void set_fault(std::string fault);
  Clock::time_point next_timer() const;

  template <typename Change>
  void change_status(Change change) {
    const std::lock_guard lock(signal_.mutex);
    change(status_);
  }

  const UplinkOptions options_;
  const rpc::Endpoint endpoint_;
  BatchSource& source_;
  Backoff backoff_;
  mutable Signal signal_;
  UplinkStatus status_;  // guarded by signal_.mutex

  Clock::time_point next_attempt_{};
  std::uint64_t unsendable_ = 0;  // first sequence of a batch that did not fit; 0: none
  bool source_empty_ = false;     // has been asked since poll() was called
  std::uint64_t alert_change_ = 0;  // of the last alert

  // Of the present stream:
  std::unique_ptr<Session> session_;
  std::optional<wire::StreamEncoder> encoder_;
  Clock::time_point welcome_deadline_{};
  Clock::time_point welcomed_at_{};
  bool welcomed_ = false;
  bool progressed_ = false;   // something new is committed
  std::string own_fault_;     // why we gave it up; empty: we did not
  std::uint32_t max_content_bytes_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::deque<std::uint64_t> under_way_;  // last sequences
};

void Uplink::Impl::poll(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  source_empty_ = false;
  while (true) {
    const bool acknowledged = step();
    std::unique_lock lock(signal_.mutex);
    if (acknowledged || signal_.woken || Clock::now() >= deadline) {
      signal_.woken = false;
      return;
    }
    signal_.changed.wait_until(lock, std::min(deadline, next_timer()),
                               [this] { return signal_.news || signal_.woken; });
  }
}

void Uplink::Impl::wake() {
  const std::lock_guard lock(signal_.mutex);
  signal_.woken = true;
  signal_.changed.notify_all();
}

UplinkStatus Uplink::Impl::status() const {
  const std::lock_guard lock(signal_.mutex);
  return status_;
}

Clock::time_point Uplink::Impl::next_timer() const {
  if (!session_) return next_attempt_;
  return welcomed_ || !own_fault_.empty() ? Clock::time_point::max() : welcome_deadline_;
}

/// One thing at a time. True: an acknowledgement came.
bool Uplink::Impl::step() {
  if (!session_) {
    if (Clock::now() >= next_attempt_) connect();
    return false;
  }
  auto news = session_->take_news();
  if (news.welcome) take_welcome(*news.welcome);
  const bool acknowledged = news.acknowledged && take_acknowledgement(*news.acknowledged);
  for (auto& alert : news.alerts) take_alert(alert);
  if (news.ended) {
    take_end(*news.ended);
  } else if (!own_fault_.empty()) {
    return acknowledged;  // its end is to come
  } else if (!welcomed_) {
    if (Clock::now() >= welcome_deadline_) give_up("the collector does not answer");
  } else if (news.can_send && under_way_.size() < kMaxUnderWay && !source_empty_) {
    send_next();
  }
  return acknowledged;
}

void Uplink::Impl::connect() {
  auto connection = open_connection(options_, endpoint_);
  if (!connection) return pause(backoff_.next(), std::move(connection.error().message));
  encoder_.emplace();
  own_fault_.clear();
  under_way_.clear();
  welcomed_ = progressed_ = false;
  welcome_deadline_ = Clock::now() + kWelcomeTimeout;
  session_ = std::make_unique<Session>(std::move(*connection), make_hello(options_, source_, alert_change_), signal_);
}

void Uplink::Impl::take_welcome(const v1::Welcome& welcome) {
  // A newer collector goes down to our version; there is none below 1.
  if (welcome.protocol_version() == 0) return give_up("the collector does not name its protocol version");
  const auto resumed = source_.resume(welcome.acknowledged_sequence());
  if (!resumed) return give_up(resumed.error().message);
  if (!*resumed) {
    return give_up("the collector has more than the spool ever held: an older spool was put back, and a new epoch begins");
  }
  welcomed_ = true;
  welcomed_at_ = Clock::now();
  max_content_bytes_ = welcome.max_content_bytes();
  sent_ = welcome.acknowledged_sequence();
  progressed_ = sent_ > std::exchange(acknowledged_, sent_);
  change_status([this](UplinkStatus& status) {
    status.connected = true;
    status.fault.clear();
    ++status.connections;
    status.acknowledged_sequence = acknowledged_;
  });
  if (sent_ > 0) forget_until(sent_);
}

bool Uplink::Impl::take_acknowledgement(std::uint64_t sequence) {
  if (sequence <= acknowledged_) return false;
  if (sequence > sent_) {
    give_up("the collector acknowledged what was never sent");
    return false;
  }
  acknowledged_ = sequence;
  progressed_ = true;
  while (!under_way_.empty() && under_way_.front() <= sequence) under_way_.pop_front();
  change_status([sequence](UplinkStatus& status) { status.acknowledged_sequence = sequence; });
  forget_until(sequence);
  return true;
}

void Uplink::Impl::take_alert(v1::Alert& alert) {
  if (!options_.take_alert) return;
  alert_change_ = alert.change();  // the last, not the highest: of another store they may begin anew
  const bool taken = options_.take_alert(std::move(*alert.mutable_json()));
  change_status([taken](UplinkStatus& status) { ++(taken ? status.alerts : status.malformed_alerts); });
}

void Uplink::Impl::forget_until(std::uint64_t sequence) {
  const auto done = source_.acknowledge(sequence);
  // Held longer than it must be: the next acknowledgement covers it.
  set_fault(done ? "" : done.error().message);
}

void Uplink::Impl::send_next() {
  auto next = source_.next_after(sent_);
  if (!next || !*next) {
    source_empty_ = true;
    if (!next) set_fault(std::move(next.error().message));
    return;
  }
  if ((*next)->first_sequence == unsendable_) reduce_to_gap(**next);
  auto content = encoder_->encode((*next)->batch);
  if (!content || content->content_bytes > max_content_bytes_) {
    // What the encoder has noted down meanwhile the collector does not know.
    unsendable_ = (*next)->first_sequence;
    return give_up("batch " + std::to_string(unsendable_) + " cannot be sent: " +
                   (content ? "it is larger than the collector takes" : content.error().message));
  }
  sent_ = (*next)->last_sequence;
  under_way_.push_back(sent_);
  change_status([bytes = content->bytes.size()](UplinkStatus& status) {
    ++status.sent_batches;
    status.sent_bytes += bytes;
  });
  session_->send(make_message((*next)->first_sequence, sent_, std::move(*content)));
}

void Uplink::Impl::give_up(std::string fault) {
  own_fault_ = std::move(fault);
  session_->cancel();
}

void Uplink::Impl::take_end(const grpc::Status& status) {
  // A Welcome alone is no success: a collector whose disk is full gives one each time.
  if (progressed_ || (welcomed_ && Clock::now() - welcomed_at_ >= options_.max_backoff)) backoff_.reset();
  const bool ours = !own_fault_.empty();
  auto fault = ours ? std::move(own_fault_) : describe(status, session_->token());
  session_.reset();
  pause(!ours && needs_operator(status) ? backoff_.slowest() : backoff_.next(), std::move(fault));
}

void Uplink::Impl::pause(Clock::duration delay, std::string fault) {
  next_attempt_ = Clock::now() + delay;
  change_status([&fault](UplinkStatus& status) {
    status.connected = false;
    status.fault = std::move(fault);
  });
}

void Uplink::Impl::set_fault(std::string fault) {
  change_status([&fault](UplinkStatus& status) { status.fault = std::move(fault); });
}

base::Result<std::unique_ptr<Uplink>> Uplink::create(UplinkOptions options, BatchSource& source) {
  auto endpoint = check_options(options);
  if (!endpoint) return tl::unexpected(std::move(endpoint.error()));
  // For its faults only: everything is read again when it connects.
  if (auto trial = open_connection(options, *endpoint); !trial) return tl::unexpected(std::move(trial.error()));
  return std::unique_ptr<Uplink>(
      new Uplink(std::make_unique<Impl>(std::move(options), std::move(*endpoint), source)));
}

Uplink::Uplink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Uplink::~Uplink() = default;
void Uplink::poll(std::chrono::milliseconds timeout) { impl_->poll(timeout); }
void Uplink::wake() { impl_->wake(); }
UplinkStatus Uplink::status() const { return impl_->status(); }

}  // namespace iris::ship
