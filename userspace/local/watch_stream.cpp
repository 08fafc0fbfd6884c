// SPDX-License-Identifier: Apache-2.0
#include "local/watch_stream.h"

#include <utility>

#include "local/messages.h"

namespace iris::local {
namespace {

/// What ledgers may take beyond the limit; a client that reads none of them for so
/// long is not there any more.
constexpr std::size_t kLedgerReserve = 64 * 1024;

}  // namespace

WatchStream::WatchStream(WatchHub& hub, const v1::WatchRequest& wanted, std::size_t max_waiting_bytes)
    : hub_(hub), wanted_(wanted), max_waiting_bytes_(max_waiting_bytes) {
  const std::lock_guard lock(mutex_);
  if (!hub_.add(this)) {
    finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many programs watch already"});
    return;
  }
  writing_ = true;
  StartWrite(&current_);  // empty: the watch has begun
}

bool WatchStream::wants(const flow::Record& record) const {
  return (wanted_.flows() && std::holds_alternative<flow::FlowRecord>(record)) ||
         (wanted_.exits() && std::holds_alternative<flow::ExitRecord>(record)) ||
         (wanted_.execs() && std::holds_alternative<flow::ExecRecord>(record)) ||
         (wanted_.dns() && std::holds_alternative<flow::DnsRecord>(record)) ||
         (wanted_.containers() && std::holds_alternative<flow::ContainerRecord>(record)) ||
         (wanted_.identities() &&
          (std::holds_alternative<flow::DeviceRecord>(record) || std::holds_alternative<flow::SecurityRecord>(record)));
}

void WatchStream::take(const Records& records, std::uint64_t lost) {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  lost_ += lost;
  for (const auto& record : records) encode(record);
  write_some();
}

void WatchStream::encode(const flow::Record& record) {
  if (const auto* ledger = std::get_if<flow::Ledger>(&record)) {
    if (waiting_.size() > max_waiting_bytes_ + kLedgerReserve) {
      finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "reads too slowly"});
      return;
    }
    flow::Ledger told = *ledger;
    if (lost_ > 0) {
      told.dropped["slow_reader"] += lost_;
      told.produced += std::exchange(lost_, 0);
    }
    append_messages(waiting_, encoder_, told);
    return;
  }
  if (!wants(record)) return;
  if (waiting_.size() >= max_waiting_bytes_) {
    ++lost_;
    hub_.count_lost(1);
    return;
  }
  append_messages(waiting_, encoder_, record);
}

void WatchStream::write_some() {
  if (writing_ || finished_ || waiting_.empty()) return;
  current_.set_messages(std::exchange(waiting_, {}));
  current_.set_complete(true);
  writing_ = true;
  StartWrite(&current_);
}

void WatchStream::finish(const grpc::Status& status) {
  if (!std::exchange(finished_, true)) Finish(status);
}

void WatchStream::end() {
  const std::lock_guard lock(mutex_);
  finish({grpc::StatusCode::UNAVAILABLE, "irisd ends"});
}

void WatchStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) {
    finish(grpc::Status::CANCELLED);
    return;
  }
  write_some();
}

void WatchStream::OnCancel() {
  const std::lock_guard lock(mutex_);
  finish(grpc::Status::CANCELLED);
}

void WatchStream::OnDone() {
  hub_.remove(this);
  delete this;
}

}  // namespace iris::local
