// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "iris/v1/collector.grpc.pb.h"
#include "ship/connection.h"

namespace iris::ship {

/// Between gRPC's threads and the thread of poll().
struct Signal {
  std::mutex mutex;
  std::condition_variable changed;
  bool news = false;   // take_news() has something
  bool woken = false;  // by wake()

  void tell() {  // with the mutex held
    news = true;
    changed.notify_all();
  }
};

/// One stream to the collector. Collects what gRPC's threads report until the
/// thread of poll(), which makes all calls, takes it.
class Session final : public grpc::ClientBidiReactor<v1::AgentMessage, v1::CollectorMessage> {
 public:
  struct News {
    std::optional<v1::Welcome> welcome;
    std::optional<std::uint64_t> acknowledged;
    std::deque<v1::Alert> alerts;  // bounded: the last ones
    bool can_send = false;
    std::optional<grpc::Status> ended;
  };

  /// Starts the call and sends `hello`. `signal` outlives the session.
  Session(Connection connection, v1::AgentMessage hello, Signal& signal);
  /// Cancels, and waits until gRPC has let go.
  ~Session() override;

  News take_news();
  /// Only when can_send. The message is kept until it has left.
  void send(v1::AgentMessage message);
  /// The end comes as news.
  void cancel();
  const std::string& token() const { return connection_.token; }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;
  // With the mutex held:
  bool take_message();
  void keep_alert();
  void write();
  void let_go();

  Connection connection_;
  std::unique_ptr<v1::Collector::Stub> stub_;
  grpc::ClientContext context_;
  Signal& signal_;
  v1::AgentMessage outgoing_;
  v1::CollectorMessage incoming_;
  // Guarded by signal_.mutex:
  News news_;
  std::size_t alert_bytes_ = 0;  // in news_
  bool welcomed_ = false;
  bool violated_ = false;  // the collector did what the protocol does not know
  bool held_ = true;       // gRPC waits for us before OnDone
  bool done_ = false;
};

}  // namespace iris::ship
