// SPDX-License-Identifier: Apache-2.0
#include "collector/committer.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "collector/ingest_stream.h"

namespace iris::collector {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr std::size_t kMaxGroupBatches = 1024;
constexpr std::size_t kMaxGroupBytes = 8U << 20;     // in memory
constexpr std::size_t kMaxWaitingBytes = 16U << 20;  // the same
constexpr std::chrono::seconds kSweepInterval{1};
constexpr std::size_t kBriefedAtOnce = 16;  // gateways, between two commits
constexpr std::size_t kMostAlertsToBrief = 50;
constexpr std::uint64_t kBriefedNs = 24ULL * 3600 * 1'000'000'000;
constexpr std::size_t kMostChangesASweep = 256;
/// The store has no position of this name, and so gives the last change there is.
constexpr const char* kNoSink = "gateways";

/// The gateway as its Hello has it; none: the store knows.
std::optional<store::Gateway> described(const IngestStream& stream) {
  const auto& hello = stream.hello();
  auto gateway = stream.gateway();
  if (gateway.agent_version == hello.agent_version() && gateway.host_name == hello.host_name() &&
      gateway.kernel_release == hello.kernel_release()) {
    return std::nullopt;
  }
  gateway.agent_version = hello.agent_version();
  gateway.host_name = hello.host_name();
  gateway.kernel_release = hello.kernel_release();
  return gateway;
}

Status unavailable(const char* why) { return {StatusCode::UNAVAILABLE, why}; }

}  // namespace

Committer::Committer(const IngestOptions& options, store::Store& store, IngestServer::WallClock clock,
                     IngestCounters& counters)
    : options_(options), store_(store), clock_(std::move(clock)), counters_(counters) {
  thread_ = std::thread([this] { run(); });
}

Committer::~Committer() { stop(Clock::now()); }

void Committer::open(StreamPtr stream) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      opened_.push_back(std::move(stream));
      changed_.notify_one();
      return;
    }
  }
  stream->end(unavailable("the collector is stopping"));
}

void Committer::greet(StreamPtr stream) {
  const std::lock_guard lock(mutex_);
  greetings_.push_back({std::move(stream), put_count_});
  changed_.notify_one();
}

bool Committer::put(StreamPtr stream, store::IngestBatch batch, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  ++put_count_;
  ++waiting_count_;
  waiting_bytes_ += bytes;
  batches_.push_back({stream, std::move(batch), bytes});
  changed_.notify_one();
  if (!too_much_waits()) return true;
  paused_.push_back(std::move(stream));
  return false;
}

bool Committer::too_much_waits() const {
  return waiting_count_ >= options_.max_waiting_batches || waiting_bytes_ >= kMaxWaitingBytes;
}

std::uint64_t Committer::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_count_;
}

void Committer::stop(Clock::time_point deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) stop_deadline_ = deadline;
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Committer::run() {
  while (true) {
    Work work = wait_for_work();
    const auto count = work.batches.size();
    if (count > 0) commit(std::move(work.batches));
    release(count, work.bytes);
    for (const auto& stream : work.opened) admit(stream);
    if (!work.greetings.empty()) greet_now(work.greetings);
    brief_some();
    if (Clock::now() >= next_sweep_) sweep();
    if (work.last) break;
  }
  end_all();
}

bool Committer::something_to_do() const {
  return stopping_ || !opened_.empty() || !batches_.empty() || !greetings_.empty();
}

Committer::Work Committer::wait_for_work() {
  std::unique_lock lock(mutex_);
  if (unbriefed_.empty()) changed_.wait_until(lock, next_sweep_, [this] { return something_to_do(); });
  if (!batches_.empty()) gather(lock);
  Work work;
  work.opened.swap(opened_);
  take_batches(work);
  while (!greetings_.empty() && greetings_.front().after <= taken_count_) {
    work.greetings.push_back(std::move(greetings_.front()));
    greetings_.pop_front();
  }
  work.last = stopping_ && (batches_.empty() || Clock::now() >= stop_deadline_);
  return work;
}

/// One transaction for many gateways: the disk's flush is the cost, not the rows.
void Committer::gather(std::unique_lock<std::mutex>& lock) {
  changed_.wait_for(lock, options_.commit_interval, [this] {
    return stopping_ || !opened_.empty() || batches_.size() >= kMaxGroupBatches || too_much_waits();
  });
}

void Committer::take_batches(Work& work) {
  while (!batches_.empty() && work.batches.size() < kMaxGroupBatches && work.bytes < kMaxGroupBytes) {
    work.bytes += batches_.front().bytes;
    work.batches.push_back(std::move(batches_.front()));
    batches_.pop_front();
    ++taken_count_;
  }
}

/// Room again: lets as many streams read as there is room for one batch each.
void Committer::release(std::size_t count, std::size_t bytes) {
  std::vector<StreamPtr> resumed;
  {
    const std::lock_guard lock(mutex_);
    waiting_count_ -= count;
    waiting_bytes_ -= bytes;
    while (!paused_.empty() && !too_much_waits() && waiting_count_ + resumed.size() < options_.max_waiting_batches) {
      resumed.push_back(std::move(paused_.front()));
      paused_.pop_front();
    }
  }
  for (const auto& stream : resumed) stream->resume();
}

void Committer::admit(const StreamPtr& stream) {
  const auto gateway = find_gateway(store_, stream->credential());
  if (!gateway) {
    counters_.set_fault(gateway.error().message);
    return stream->end(unavailable("the store is not available"));
  }
  if (!*gateway) {
    ++counters_.refused_streams;
    return stream->end(Status(StatusCode::UNAUTHENTICATED, "unknown or revoked"));
  }
  auto& newest = newest_[(*gateway)->id];
  if (const auto older = newest.lock()) {
    ++counters_.refused_streams;
    older->end(Status(StatusCode::ABORTED, "a newer stream of this gateway came"));
  }
  newest = stream;
  streams_.push_back(stream);
  stream->admit(**gateway);
}

void Committer::greet_now(const std::vector<Greeting>& greetings) {
  std::vector<store::Gateway> changed;  // ten thousand that come back at once are not as many writes
  for (const auto& [stream, after] : greetings) {
    if (auto gateway = described(*stream)) changed.push_back(std::move(*gateway));
  }
  if (!changed.empty()) {
    if (const auto done = store_.describe_gateways(changed); !done) counters_.set_fault(done.error().message);
  }
  for (const auto& [stream, after] : greetings) {
    if (const auto position = store_.position(stream->gateway().id, stream->epoch())) {
      stream->welcome(*position);
      unbriefed_.push_back(stream);
    } else {
      counters_.set_fault(position.error().message);
      stream->end(unavailable("the store is not available"));
    }
  }
}

/// A few at a time, so that ten thousand that come back at once do not hold up commits.
void Committer::brief_some() {
  for (std::size_t count = 0; count < kBriefedAtOnce && !unbriefed_.empty(); ++count) {
    const auto stream = unbriefed_.front().lock();
    unbriefed_.pop_front();
    if (!stream) continue;
    if (const auto done = brief(*stream); !done) {
      counters_.set_fault(done.error().message);
      stream->brief({});  // at least what comes from now on
    }
  }
}

base::Result<void> Committer::brief(IngestStream& stream) {
  const auto last = store_.sink_position(kNoSink);
  if (!last) return tl::unexpected(last.error());
  if (!told_change_) told_change_ = *last;  // what comes from here on is told as a change
  // Of a store that was put back, or made anew, it knows more than there is: it gets all.
  const auto known = stream.hello().alert_change() > *last ? 0 : stream.hello().alert_change();
  store::AlertQuery query;
  query.gateway_id = stream.gateway().id;
  const auto now = clock_();
  query.start_wall_ns = now - std::min(now, kBriefedNs);
  query.limit = kMostAlertsToBrief;
  std::vector<store::StoredAlert> alerts;
  auto done = store_.alerts(query, [&](const store::StoredAlert& alert) {
    if (alert.change > known) alerts.push_back(alert);
  });
  if (!done) return done;
  std::sort(alerts.begin(), alerts.end(), [](const auto& a, const auto& b) { return a.change < b.change; });
  stream.brief(alerts);
  return {};
}

void Committer::commit(std::vector<Waiting> group) {
  // Behind a batch that was not committed nothing of its stream may be.
  std::erase_if(group, [](const Waiting& waiting) { return waiting.stream->failed(); });
  std::vector<store::IngestBatch> batches;
  batches.reserve(group.size());
  for (auto& waiting : group) batches.push_back(std::move(waiting.batch));
  if (batches.empty()) return;

  const auto results = store_.commit(batches, clock_());
  if (!results || results->size() != batches.size()) {
    counters_.set_fault(results ? "the store gave too few results" : results.error().message);
    for (const auto& waiting : group) waiting.stream->fail(unavailable("the store is not available"));
    return;
  }
  counters_.set_fault("");
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].batch = std::move(batches[i]);
    answer(group[i], (*results)[i]);
  }
}

void Committer::answer(const Waiting& waiting, store::CommitResult result) {
  const auto& batch = waiting.batch.batch;
  switch (result) {
    case store::CommitResult::committed:
      ++counters_.batches;
      counters_.flows += static_cast<std::uint64_t>(
          std::count_if(batch.records.begin(), batch.records.end(), [](const flow::Record& record) {
            return std::holds_alternative<flow::FlowRecord>(record);
          }));
      break;
    case store::CommitResult::duplicate:
      ++counters_.duplicates;
      break;
    case store::CommitResult::overlap:
      return waiting.stream->fail(Status(StatusCode::FAILED_PRECONDITION, "part of the batch is there already"));
  }
  waiting.stream->acknowledge(waiting.batch.last_sequence);
}

void Committer::sweep() {
  const auto now = Clock::now();
  next_sweep_ = now + kSweepInterval;
  std::erase_if(streams_, [](const auto& stream) { return stream.expired(); });
  std::erase_if(newest_, [](const auto& entry) { return entry.second.expired(); });
  for (const auto& weak : streams_) {
    if (const auto stream = weak.lock()) stream->check_times(now);
  }
  if (!streams_.empty()) end_revoked();
  if (const auto done = tell_changes(); !done) counters_.set_fault(done.error().message);
}

base::Result<void> Committer::tell_changes() {
  if (!told_change_) {
    const auto last = store_.sink_position(kNoSink);
    if (!last) return tl::unexpected(last.error());
    told_change_ = *last;
  }
  const auto changes = store_.alert_changes(*told_change_, kMostChangesASweep);
  if (!changes) return tl::unexpected(changes.error());
  for (const auto& alert : *changes) {
    told_change_ = alert.change;
    const auto newest = newest_.find(alert.gateway_id);
    const auto stream = newest == newest_.end() ? nullptr : newest->second.lock();
    if (stream) stream->tell(alert);
  }
  return {};
}

void Committer::end_revoked() {
  const auto gateways = store_.gateways();
  if (!gateways) return counters_.set_fault(gateways.error().message);
  std::unordered_set<std::int64_t> good;
  for (const auto& gateway : *gateways) {
    if (!gateway.revoked) good.insert(gateway.id);
  }
  for (const auto& [id, weak] : newest_) {
    const auto stream = weak.lock();
    if (!stream || good.contains(id) || stream->failed()) continue;
    ++counters_.refused_streams;
    stream->fail(Status(StatusCode::UNAUTHENTICATED, "revoked"));
  }
}

void Committer::end_all() {
  std::vector<StreamPtr> never_admitted;
  std::deque<Greeting> never_greeted;
  std::deque<Waiting> never_committed;
  std::deque<StreamPtr> paused;
  {
    const std::lock_guard lock(mutex_);
    never_admitted.swap(opened_);
    never_greeted.swap(greetings_);
    never_committed.swap(batches_);
    paused.swap(paused_);
  }
  const auto stopping = unavailable("the collector is stopping");
  for (const auto& stream : never_admitted) stream->end(stopping);
  for (const auto& weak : streams_) {
    if (const auto stream = weak.lock()) stream->end(stopping);
  }
}

}  // namespace iris::collector
