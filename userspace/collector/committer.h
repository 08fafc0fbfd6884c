// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "collector/ingest_counters.h"
#include "collector/ingest_server.h"
#include "store/store.h"

namespace iris::collector {

class IngestStream;

/// The one thread that talks to the store for all streams: it admits and greets
/// them, commits their batches in groups, in the order they came, acknowledges, and
/// ends the streams of gateways that were revoked.
class Committer {
 public:
  using Clock = std::chrono::steady_clock;
  using StreamPtr = std::shared_ptr<IngestStream>;

  Committer(const IngestOptions& options, store::Store& store, IngestServer::WallClock clock,
            IngestCounters& counters);
  ~Committer();

  // From gRPC's threads:
  /// To be admitted, if its credential is that of a gateway.
  void open(StreamPtr stream);
  /// To be welcomed, after all that was put before it.
  void greet(StreamPtr stream);
  /// Takes the batch, which takes `bytes` of memory. False: too much waits; the stream
  /// must not read until resume().
  bool put(StreamPtr stream, store::IngestBatch batch, std::size_t bytes);

  /// Batches come with what the judge is to read.
  bool judged() const { return options_.judged; }

  std::uint64_t waiting() const;
  /// Commits what waits, as far as there is time until `deadline`, and ends all streams.
  void stop(Clock::time_point deadline);

 private:
  struct Waiting {
    StreamPtr stream;
    store::IngestBatch batch;
    std::size_t bytes = 0;
  };
  struct Greeting {
    StreamPtr stream;
    std::uint64_t after = 0;  // batches taken before it may be answered
  };
  struct Work {
    std::vector<StreamPtr> opened;
    std::vector<Greeting> greetings;
    std::vector<Waiting> batches;
    std::size_t bytes = 0;
    bool last = false;
  };

  void run();
  Work wait_for_work();
  void gather(std::unique_lock<std::mutex>& lock);
  bool something_to_do() const;
  bool too_much_waits() const;
  void take_batches(Work& work);
  void admit(const StreamPtr& stream);
  void greet_now(const std::vector<Greeting>& greetings);
  void commit(std::vector<Waiting> group);
  void answer(const Waiting& waiting, store::CommitResult result);
  void release(std::size_t count, std::size_t bytes);
  void sweep();
  void end_revoked();
  void end_all();

  const IngestOptions options_;
  store::Store& store_;
  const IngestServer::WallClock clock_;
  IngestCounters& counters_;

  // Of the thread:
  std::vector<std::weak_ptr<IngestStream>> streams_;  // admitted
  std::unordered_map<std::int64_t, std::weak_ptr<IngestStream>> newest_;  // by gateway
  Clock::time_point next_sweep_{};

  mutable std::mutex mutex_;  // below: guarded by it
  std::condition_variable changed_;
  std::vector<StreamPtr> opened_;
  std::deque<Greeting> greetings_;
  std::deque<Waiting> batches_;
  std::deque<StreamPtr> paused_;
  std::size_t waiting_bytes_ = 0;  // queued, or being committed
  std::size_t waiting_count_ = 0;
  std::uint64_t put_count_ = 0;
  std::uint64_t taken_count_ = 0;
  bool stopping_ = false;
  Clock::time_point stop_deadline_{};

  std::thread thread_;
};

}  // namespace iris::collector
