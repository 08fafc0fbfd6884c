// SPDX-License-Identifier: Apache-2.0
#include "agent/capture_loop.h"

#include <utility>

namespace iris::agent {
namespace {

class TracerCapture : public Capture {
 public:
  explicit TracerCapture(std::unique_ptr<pipeline::Tracer> tracer) : tracer_(std::move(tracer)) {}

  base::Result<void> run(flow::RecordSink& sink, std::function<void()> on_turn) override {
    tracer_->set_on_turn(std::move(on_turn));
    return tracer_->run(sink, std::nullopt);
  }
  void request_stop() override { tracer_->request_stop(); }
  pipeline::TracerStatus status() const override { return tracer_->status(); }
  std::vector<flow::ContainerRecord> containers() const override { return tracer_->containers(); }
  void set_devices(std::shared_ptr<const identity::DeviceIndex> devices) override { tracer_->set_devices(std::move(devices)); }

 private:
  std::unique_ptr<pipeline::Tracer> tracer_;
};

}  // namespace

std::unique_ptr<Capture> capture_with(std::unique_ptr<pipeline::Tracer> tracer) {
  return std::make_unique<TracerCapture>(std::move(tracer));
}

/// Where the tracer's records go: into the window's batch, and to who watches.
class CaptureLoop::Sink : public flow::RecordSink {
 public:
  explicit Sink(CaptureLoop& loop) : loop_(loop) {}

  void write(const flow::Record& record) override {
    const auto* ledger = std::get_if<flow::Ledger>(&record);
    if (loop_.identities_ != nullptr) {
      if (ledger != nullptr) add_identities(ledger->window_end_wall_ns);
      if (const auto* container = std::get_if<flow::ContainerRecord>(&record)) loop_.identities_->look_at(*container);
    }
    take(record);
    if (ledger != nullptr) count(*ledger);
  }

  void flush() override {
    if (loop_.watchers_ != nullptr) loop_.watchers_->flush();
    // What still comes behind the last window belongs into its batch.
    if (loop_.stopping_.load()) return;
    if (auto batch = loop_.builder_.take()) loop_.queue_.push(std::move(*batch));
  }

 private:
  void take(const flow::Record& record) {
    loop_.builder_.write(record);
    if (loop_.watchers_ != nullptr) loop_.watchers_->write(record);
  }

  /// In front of the ledger that ends the window.
  void add_identities(std::uint64_t wall_ns) {
    auto news = loop_.identities_->take(wall_ns);
    for (const auto& record : news.records) take(record);
    loop_.builder_.keep(std::move(news.keep));
  }

  void count(const flow::Ledger& ledger) {
    const std::lock_guard lock(loop_.mutex_);
    loop_.counts_.windows = loop_.builder_.windows();
    loop_.counts_.flows = loop_.builder_.flows();
    flow::Ledger& total = loop_.counts_.total;
    total.produced += ledger.produced;
    total.delivered += ledger.delivered;
    total.folded += ledger.folded;
    for (const auto& [reason, number] : ledger.dropped) total.dropped[reason] += number;
  }

  CaptureLoop& loop_;
};

CaptureLoop::CaptureLoop(std::unique_ptr<Capture> capture, BatchQueue& queue, flow::RecordSink* watchers,
                         IdentityHub* identities)
    : capture_(std::move(capture)), queue_(queue), watchers_(watchers), identities_(identities) {}

CaptureLoop::~CaptureLoop() { stop(); }

void CaptureLoop::start(std::function<void()> on_end) {
  on_end_ = std::move(on_end);
  last_turn_ = std::chrono::steady_clock::now();
  thread_ = std::thread([this] { run(); });
}

void CaptureLoop::stop() {
  stopping_ = true;
  if (!thread_.joinable()) return;
  capture_->request_stop();
  thread_.join();
}

void CaptureLoop::run() {
  Sink sink(*this);
  auto result = capture_->run(sink, [this] { turn(); });
  if (auto rest = builder_.finish()) queue_.push(std::move(*rest));
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    ended_ = true;
  }
  answered_.notify_all();
  if (on_end_) on_end_();
}

void CaptureLoop::turn() {
  last_turn_ = std::chrono::steady_clock::now();
  if (identities_ != nullptr) {
    if (auto index = identities_->new_index()) capture_->set_devices(std::move(index));
  }
  if (asked_.exchange(false)) answer();
}

void CaptureLoop::answer() {
  CaptureSnapshot snapshot{capture_->status(), capture_->containers()};
  {
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(snapshot);
    ++answers_;
  }
  answered_.notify_all();
}

base::Result<CaptureSnapshot> CaptureLoop::ask(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = answers_;
  asked_ = true;
  answered_.wait_for(lock, timeout, [&] { return ended_ || answers_ > before; });
  if (answers_ == before) return base::fail("the capture thread does not answer");
  return snapshot_;
}

CaptureCounts CaptureLoop::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

base::Result<void> CaptureLoop::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

}  // namespace iris::agent
