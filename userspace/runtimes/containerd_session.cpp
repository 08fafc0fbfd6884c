// SPDX-License-Identifier: Apache-2.0
#include "runtimes/containerd_session.h"

namespace iris::runtimes {
namespace {

constexpr int kMaxMessage = 16 << 20;

std::shared_ptr<grpc::Channel> make_channel(const std::string& socket_path) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessage);
  // A channel of its own each time: the pauses between attempts are ours to choose.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel("unix:" + socket_path, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

ContainerdSession::ContainerdSession(const std::string& socket_path, CallRegistry& calls)
    : ContainerdSession(make_channel(socket_path), calls) {}

ContainerdSession::ContainerdSession(const std::shared_ptr<grpc::Channel>& channel, CallRegistry& calls)
    : version(channel), namespaces(channel), containers(channel), tasks(channel), events_(channel), calls_(calls) {}

ContainerdSession::~ContainerdSession() {
  if (stream_call_) (**stream_call_)->TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

void ContainerdSession::subscribe() {
  containerd::services::events::v1::SubscribeRequest request;
  request.add_filters("topic~=\"^/(containers|tasks|namespaces)/\"");
  stream_call_ = std::make_unique<Call>(calls_, "", std::chrono::milliseconds(0));
  stream_ = events_.AsyncSubscribe(**stream_call_, request, &queue_, this);
  reading_ = true;
}

ContainerdSession::Wait ContainerdSession::next(std::chrono::milliseconds timeout, Envelope& envelope) {
  const auto deadline = std::chrono::system_clock::now() + timeout;
  while (true) {
    if (!reading_) {
      stream_->Read(&incoming_, this);
      reading_ = true;
    }
    void* tag = nullptr;
    bool ok = false;
    const auto what = queue_.AsyncNext(&tag, &ok, deadline);
    if (what == grpc::CompletionQueue::TIMEOUT) return Wait::timeout;
    reading_ = false;
    if (what == grpc::CompletionQueue::SHUTDOWN || !ok) return Wait::ended;
    if (!started_) {  // the answer to the call itself
      started_ = true;
      continue;
    }
    envelope = std::move(incoming_);
    incoming_ = Envelope();
    return Wait::event;
  }
}

grpc::Status ContainerdSession::stream_status() {
  grpc::Status status;
  (**stream_call_)->TryCancel();
  stream_->Finish(&status, this);
  void* tag = nullptr;
  bool ok = false;
  queue_.Next(&tag, &ok);
  return status;
}

}  // namespace iris::runtimes
