// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "analysis/judge_status.h"
#include "analysis/risky_file.h"
#include "base/result.h"
#include "detect/judge.h"
#include "store/store.h"

namespace iris::analysis {

struct JudgeOptions {
  std::string risky_list;  // a file beside the list that ships; empty: none
  std::chrono::milliseconds idle{500};
  std::chrono::milliseconds first_checkpoint{std::chrono::seconds(15)};  // then twice as long each time, up to
  std::chrono::milliseconds checkpoint_every{std::chrono::minutes(10)};
  detect::Thresholds limits = fleet();

  /// Ten workloads each of ten thousand gateways.
  static detect::Thresholds fleet() {
    detect::Thresholds limits;
    limits.entities = 100'000;
    return limits;
  }
};

/// The thread behind the commit: judges what the store has taken in, in the order of
/// commits, and puts alerts and profiles into the store. Nothing is judged twice or
/// left out over a crash: inputs go when a checkpoint has what they taught, and an
/// alert found again has the same id.
class JudgeLoop {
 public:
  using WallClock = std::function<std::uint64_t()>;

  /// Goes on from the last checkpoint. `store` outlives it.
  static base::Result<std::unique_ptr<JudgeLoop>> start(store::Store& store, JudgeOptions options, WallClock clock);
  /// Keeps what was learned, if the store lets it.
  ~JudgeLoop();

  void request_stop() { thread_.request_stop(); }
  JudgeStatus status() const;

 private:
  JudgeLoop(store::Store& store, JudgeOptions options, WallClock clock);
  base::Result<void> load();
  void run(const std::stop_token& stop);
  /// True: there is more.
  base::Result<bool> step();
  void judge(const store::JudgeInput& input);
  base::Result<void> tell_alerts();
  base::Result<void> checkpoint();
  base::Result<void> name_silent_gateways();
  void read_risky_list();
  void count_profiles();
  const std::string* gateway_name(std::int64_t id);
  std::int64_t gateway_id(const std::string& name);
  void unreadable(const std::string& why);
  void note(const base::Result<bool>& done);

  store::Store& store_;
  const JudgeOptions options_;
  const WallClock clock_;
  const std::uint64_t started_wall_ns_;

  // Of the thread:
  detect::Judge judge_;
  RiskyFile risky_file_;
  std::uint64_t number_ = 0;       // last input judged
  std::uint64_t kept_number_ = 0;  // that a checkpoint has
  std::vector<detect::Alert> untold_;
  std::map<std::int64_t, std::string> names_;
  std::map<std::int64_t, std::uint64_t> silent_since_;  // gateway: its last commit, when that was named
  std::chrono::milliseconds pause_;  // between checkpoints
  std::chrono::steady_clock::time_point next_checkpoint_;
  std::chrono::steady_clock::time_point next_look_{};

  mutable std::mutex mutex_;  // below: guarded by it
  std::condition_variable_any wake_;
  JudgeStatus status_;

  std::jthread thread_;
};

}  // namespace iris::analysis
