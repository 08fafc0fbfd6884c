// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "agent/repeated_answers.h"
#include "flow/batch.h"

namespace iris::agent {

/// Gathers a window's records into a batch. A window that yielded nothing and lost
/// nothing waits for the next, but not for ever: the spool's last batch says until
/// when the agent was seen alive. Lives on the capture thread; no clock, no I/O.
class BatchBuilder {
 public:
  /// Single events of a window beyond this are dropped, for "batch_full" in the
  /// window's ledger: flow summaries are bounded by the kernel's map, identities by who
  /// gives them, exits and DNS answers are not.
  static constexpr std::size_t kMaxEvents = 16'384;

  explicit BatchBuilder(std::chrono::nanoseconds longest_idle = std::chrono::seconds(60)) : longest_idle_(longest_idle) {}

  /// Socket events are not taken; DNS answers that repeat within the hour are folded.
  void write(const flow::Record& record);
  /// For the spool to keep together with the batch, as Batch::keep.
  void keep(std::map<std::string, std::string> values);
  /// The batch, when a window has ended since the last one and something is in it.
  std::optional<flow::Batch> take();
  /// Whatever is there.
  std::optional<flow::Batch> finish();

  std::uint64_t windows() const { return windows_; }  // ended since the start
  std::uint64_t flows() const { return flows_; }

 private:
  void close_window(flow::Ledger ledger);
  flow::Batch give();

  std::chrono::nanoseconds longest_idle_;
  flow::Batch batch_;
  bool window_ended_ = false;
  bool worth_sending_ = false;
  std::size_t usual_ = 0;       // records of the batch before
  std::size_t events_ = 0;      // in the window in progress
  std::uint64_t left_out_ = 0;  // the same
  std::uint64_t repeated_ = 0;  // the same: DNS answers that were no news
  RepeatedAnswers answers_;
  std::uint64_t last_end_wall_ns_ = 0;
  std::uint64_t windows_ = 0;
  std::uint64_t flows_ = 0;
};

}  // namespace iris::agent
