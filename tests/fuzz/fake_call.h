// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/stubs/logging.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>

namespace iris::fuzz {

/// protobuf's words on bytes that are no message would be most of what a run prints.
inline const auto no_protobuf_log = google::protobuf::SetLogHandler(nullptr);

/// What a stream of ours asks of gRPC, in order, from whatever thread; the target
/// does it in gRPC's stead. A stream that asks for nothing more and has not
/// finished either hangs.
class Wishes {
 public:
  enum class Wish { read, write, finish };

  void put(Wish wish) {
    const std::lock_guard lock(mutex_);
    wishes_.push_back(wish);
    changed_.notify_one();
  }
  Wish next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(5), [this] { return !wishes_.empty(); })) std::abort();
    const auto wish = wishes_.front();
    wishes_.pop_front();
    return wish;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Wish> wishes_;
};

/// The two halves that gRPC's interfaces for mocking have in common.
template <typename Base, typename Response>
class FakeCall : public Base {
 public:
  Wishes wishes;
  const Response* to_write = nullptr;  // until OnWriteDone

  void Finish(grpc::Status) override { wishes.put(Wishes::Wish::finish); }
  void SendInitialMetadata() override {}
  void Write(const Response* message, grpc::WriteOptions) override {
    to_write = message;
    wishes.put(Wishes::Wish::write);
  }
  void WriteAndFinish(const Response*, grpc::WriteOptions, grpc::Status) override { std::abort(); }

 private:
  grpc::internal::ServerReactor* reactor() override { std::abort(); }
  void CallOnDone() override { std::abort(); }
};

}  // namespace iris::fuzz
