// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "collector/gateway_login.h"
#include "collector/ingest_counters.h"
#include "iris/v1/collector.grpc.pb.h"
#include "wire/batch_codec.h"

namespace iris::collector {

class Committer;

/// One stream of one gateway: opened, admitted, greeted, then batches one way,
/// acknowledgements and the gateway's alerts the other. Nothing is read before it is admitted. gRPC's
/// threads call the reactions, the committer's thread all else; lives until gRPC
/// and the committer have both let go.
class IngestStream final : public grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage>,
                           public std::enable_shared_from_this<IngestStream> {
 public:
  using Clock = std::chrono::steady_clock;

  static std::shared_ptr<IngestStream> open(grpc::CallbackServerContext& context, Credential credential,
                                            Committer& committer, IngestCounters& counters);

  const Credential& credential() const { return credential_; }
  const store::Gateway& gateway() const { return gateway_; }  // once admitted
  std::uint64_t epoch() const { return epoch_; }              // once greeted
  const v1::Hello& hello() const { return hello_; }           // once greeted

  void admit(const store::Gateway& gateway);
  void welcome(std::uint64_t position);
  void acknowledge(std::uint64_t sequence);
  /// What its gateway is to know from before, in the order of changes: once, when it is welcomed.
  void brief(std::span<const store::StoredAlert> alerts);
  /// What is new since. Before brief() it is in what that will be given, and left out.
  void tell(const store::StoredAlert& alert);
  /// Goes on reading after the committer took a batch, but asked to pause.
  void resume();
  /// The first status given is the one that the gateway gets.
  void end(grpc::Status status);
  /// As end(); what waits of it must not be committed.
  void fail(grpc::Status status);
  bool failed() const;
  /// Ends a stream without Hello; cancels one that takes too long to end.
  void check_times(Clock::time_point now);

 private:
  IngestStream(grpc::CallbackServerContext& context, Credential credential, Committer& committer,
               IngestCounters& counters);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void take_hello();
  void take_batch();
  /// Order within the stream; anything but OK ends it.
  grpc::Status check_sequences(const v1::EncodedBatch& batch) const;
  // With the mutex held:
  void read();
  void pump();
  void end_locked(grpc::Status status);
  void tell_locked(const store::StoredAlert& alert);

  const Credential credential_;
  Committer& committer_;
  IngestCounters& counters_;
  const Clock::time_point opened_at_ = Clock::now();

  // Of whoever has the turn: the committer until it calls welcome(), then OnReadDone.
  store::Gateway gateway_;
  v1::Hello hello_;
  std::uint64_t epoch_ = 0;
  std::uint64_t last_sequence_ = 0;  // committed, or on the way to it
  std::optional<wire::StreamDecoder> decoder_;
  v1::AgentMessage incoming_;

  mutable std::mutex mutex_;  // below: guarded by it
  std::shared_ptr<IngestStream> self_;
  grpc::CallbackServerContext* context_;  // null: gRPC has let go
  v1::CollectorMessage outgoing_;
  std::optional<std::uint64_t> position_to_tell_;
  std::uint64_t to_acknowledge_ = 0;  // 0: nothing
  std::deque<v1::Alert> to_tell_;     // bounded: who does not read loses the oldest
  std::size_t to_tell_bytes_ = 0;
  std::uint64_t told_change_ = 0;     // the gateway has, or will get, what it is to know up to this
  bool briefed_ = false;
  std::optional<grpc::Status> end_;
  Clock::time_point ended_at_{};
  bool admitted_ = false;
  bool greeted_ = false;
  bool writing_ = false;
  bool finished_ = false;
  bool failed_ = false;
};

}  // namespace iris::collector
