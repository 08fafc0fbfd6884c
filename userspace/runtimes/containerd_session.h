// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "proto/containers.grpc.pb.h"
#include "proto/events.grpc.pb.h"
#include "proto/namespaces.grpc.pb.h"
#include "proto/tasks.grpc.pb.h"
#include "proto/version.grpc.pb.h"

namespace iris::runtimes {

/// Lets stop() cancel whatever call is under way.
class CallRegistry {
 public:
  void add(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    calls_.insert(context);
    if (stopped_) context->TryCancel();
  }
  void remove(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    calls_.erase(context);
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (auto* call : calls_) call->TryCancel();
  }

 private:
  std::mutex mutex_;
  std::set<grpc::ClientContext*> calls_;
  bool stopped_ = false;
};

/// The context of one call: deadline, namespace, registered while it lives.
class Call {
 public:
  Call(CallRegistry& registry, const std::string& runtime_namespace, std::chrono::milliseconds timeout)
      : registry_(registry) {
    if (!runtime_namespace.empty()) context_.AddMetadata("containerd-namespace", runtime_namespace);
    if (timeout.count() > 0) context_.set_deadline(std::chrono::system_clock::now() + timeout);
    registry_.add(&context_);
  }
  ~Call() { registry_.remove(&context_); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext* operator*() { return &context_; }

 private:
  CallRegistry& registry_;
  grpc::ClientContext context_;
};

/// One channel, with the event stream of all namespaces.
class ContainerdSession {
 public:
  explicit ContainerdSession(const std::string& socket_path, CallRegistry& calls);
  ~ContainerdSession();

  enum class Wait { event, timeout, ended };
  void subscribe();
  /// The next event of the stream; moved into `envelope`.
  Wait next(std::chrono::milliseconds timeout, containerd::services::events::v1::Envelope& envelope);
  grpc::Status stream_status();

  containerd::services::version::v1::Version::Stub version;
  containerd::services::namespaces::v1::Namespaces::Stub namespaces;
  containerd::services::containers::v1::Containers::Stub containers;
  containerd::services::tasks::v1::Tasks::Stub tasks;

 private:
  explicit ContainerdSession(const std::shared_ptr<grpc::Channel>& channel, CallRegistry& calls);

  using Envelope = containerd::services::events::v1::Envelope;
  containerd::services::events::v1::Events::Stub events_;
  CallRegistry& calls_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<Call> stream_call_;
  std::unique_ptr<grpc::ClientAsyncReader<Envelope>> stream_;
  Envelope incoming_;
  bool reading_ = false;  // an operation of the stream is in the queue
  bool started_ = false;
};

}  // namespace iris::runtimes
