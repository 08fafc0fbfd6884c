// SPDX-License-Identifier: Apache-2.0
#include "local/grpc_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>

#include "iris/v1/agent.grpc.pb.h"
#include "local/messages.h"

namespace iris::local {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxMessage = 32 << 20;
constexpr milliseconds kAnswer{5'000};
constexpr milliseconds kSelfTest{30'000};
constexpr milliseconds kLookAround{100};  // a signal handler cannot wake gRPC

std::shared_ptr<grpc::Channel> make_channel(const std::string& socket_path) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessage);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel("unix:" + socket_path, grpc::InsecureChannelCredentials(), arguments);
}

tl::unexpected<base::Error> to_error(const grpc::Status& status) {
  using Kind = base::Error::Kind;
  const Kind kind = status.error_code() == grpc::StatusCode::PERMISSION_DENIED ? Kind::permission
                    : status.error_code() == grpc::StatusCode::UNIMPLEMENTED   ? Kind::unsupported
                                                                               : Kind::failed;
  return base::fail("irisd: " + status.error_message(), kind);
}

std::chrono::system_clock::time_point in(milliseconds time) { return std::chrono::system_clock::now() + time; }

std::uint64_t wall_ns(std::chrono::system_clock::time_point time) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

template <typename Kind>
base::Result<std::vector<Kind>> all_of(const v1::Records& reply) {
  wire::RecordDecoder decoder;
  auto records = read_messages(reply.messages(), decoder);
  if (!records) return tl::unexpected(std::move(records.error()));
  std::vector<Kind> kept;
  for (auto& record : *records) {
    if (auto* one = std::get_if<Kind>(&record)) kept.push_back(std::move(*one));
  }
  return kept;
}

class GrpcClient final : public Client {
 public:
  explicit GrpcClient(const std::string& socket_path) : stub_(v1::Agent::NewStub(make_channel(socket_path))) {}

  ~GrpcClient() override {
    grpc::Status ignored;  // written while the queue is emptied
    if (reader_ && !ended_) {
      context_.TryCancel();
      reader_->Finish(&ignored, this);
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  base::Result<AgentStatus> status() override {
    grpc::ClientContext context;
    context.set_deadline(in(kAnswer));
    v1::AgentStatus reply;
    if (const auto done = stub_->Status(&context, {}, &reply); !done.ok()) return to_error(done);
    return from_message(reply);
  }

  base::Result<std::vector<flow::ContainerRecord>> containers() override {
    grpc::ClientContext context;
    context.set_deadline(in(kAnswer));
    v1::Records reply;
    if (const auto done = stub_->Containers(&context, {}, &reply); !done.ok()) return to_error(done);
    return all_of<flow::ContainerRecord>(reply);
  }

  base::Result<std::vector<flow::DeviceRecord>> devices() override {
    grpc::ClientContext context;
    context.set_deadline(in(kAnswer));
    v1::Records reply;
    if (const auto done = stub_->Devices(&context, {}, &reply); !done.ok()) return to_error(done);
    return all_of<flow::DeviceRecord>(reply);
  }

  base::Result<std::vector<std::string>> alerts() override {
    grpc::ClientContext context;
    context.set_deadline(in(kAnswer));
    v1::AlertList reply;
    const auto done = stub_->Alerts(&context, {}, &reply);
    if (done.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      return base::fail("the irisd that runs is older than this program and knows no alerts: restart it");
    }
    if (!done.ok()) return to_error(done);
    return std::vector<std::string>(reply.json().begin(), reply.json().end());
  }

  base::Result<std::vector<pipeline::SelfTestStep>> self_test() override {
    grpc::ClientContext context;
    context.set_deadline(in(kSelfTest));
    v1::SelfTestResult reply;
    if (const auto done = stub_->SelfTest(&context, {}, &reply); !done.ok()) return to_error(done);
    std::vector<pipeline::SelfTestStep> steps;
    for (const auto& step : reply.steps()) steps.push_back(from_message(step));
    return steps;
  }

  base::Result<void> start_watch(const WatchSelection& selection) override {
    v1::WatchRequest request;
    request.set_flows(selection.flows);
    request.set_exits(selection.exits);
    request.set_execs(selection.execs);
    request.set_dns(selection.dns);
    request.set_containers(selection.containers);
    request.set_identities(selection.identities);
    to_window_end_ = selection.flows;
    reader_ = stub_->AsyncWatch(&context_, request, &queue_, this);
    const auto deadline = in(kAnswer);
    if (auto begun = wait_for_sign(deadline); !begun) return begun;
    read();
    if (auto begun = wait_for_sign(deadline); !begun) return begun;
    read();
    return {};
  }

  base::Result<void> run_watch(flow::RecordSink& sink, const WatchEnd& end) override {
    const auto until = end.duration ? in(*end.duration) : std::chrono::system_clock::time_point::max();
    std::uint64_t windows = 0;
    while (!stop_.load()) {
      const auto now = std::chrono::system_clock::now();
      if (now >= until && !to_window_end_) return {};
      void* tag = nullptr;
      bool ok = false;
      const auto deadline = now >= until ? now + kLookAround : std::min(until, now + kLookAround);
      if (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::TIMEOUT) continue;
      if (!ok) return why_ended();
      auto records = read_messages(incoming_.messages(), decoder_);
      if (!records) return tl::unexpected(std::move(records.error()));
      read();
      for (const auto& record : *records) {
        sink.write(record);
        const auto* ledger = std::get_if<flow::Ledger>(&record);
        if (ledger == nullptr) continue;
        sink.flush();
        ++windows;
        const bool covered = end.duration && to_window_end_ && ledger->window_end_wall_ns >= wall_ns(until);
        if (covered || (end.windows != 0 && windows >= end.windows)) return {};
      }
      sink.flush();
    }
    return {};
  }

  void request_stop() override { stop_.store(true); }

 private:
  void read() {
    incoming_.Clear();
    reader_->Read(&incoming_, this);
  }

  base::Result<void> wait_for_sign(std::chrono::system_clock::time_point deadline) {
    void* tag = nullptr;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::TIMEOUT) return base::fail("irisd does not answer");
    if (!ok) return why_ended();
    return {};
  }

  /// After an operation that did not succeed: none is under way.
  tl::unexpected<base::Error> why_ended() {
    grpc::Status status;
    ended_ = true;
    reader_->Finish(&status, this);
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    if (status.ok()) return base::fail("irisd ended the watch");
    return to_error(status);
  }

  std::unique_ptr<v1::Agent::Stub> stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReader<v1::Records>> reader_;
  v1::Records incoming_;
  wire::RecordDecoder decoder_;
  bool to_window_end_ = false;
  bool ended_ = false;
  std::atomic<bool> stop_{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");
};

}  // namespace

std::unique_ptr<Client> make_client(const std::string& socket_path) { return std::make_unique<GrpcClient>(socket_path); }

}  // namespace iris::local
