// SPDX-License-Identifier: Apache-2.0
#include "local/server.h"

#include <grp.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>

#include "iris/v1/agent.grpc.pb.h"
#include "local/messages.h"
#include "local/watch_hub.h"
#include "local/watch_stream.h"

namespace iris::local {
namespace {

constexpr std::chrono::milliseconds kStopWithin{500};
constexpr std::size_t kMaxBufferBytes = 8U << 20;  // gRPC's own, for all connections
constexpr int kMaxThreads = 12;

grpc::Status to_status(const base::Error& error) {
  using Kind = base::Error::Kind;
  const auto code = error.kind == Kind::permission    ? grpc::StatusCode::PERMISSION_DENIED
                    : error.kind == Kind::unsupported ? grpc::StatusCode::UNIMPLEMENTED
                                                      : grpc::StatusCode::INTERNAL;
  return {code, error.message};
}

template <typename Kind>
grpc::Status answer(const base::Result<std::vector<Kind>>& records, v1::Records& reply) {
  if (!records) return to_status(records.error());
  wire::RecordEncoder encoder;
  for (const auto& one : *records) append_messages(*reply.mutable_messages(), encoder, one);
  reply.set_complete(true);
  return grpc::Status::OK;
}

class Service final : public v1::Agent::WithCallbackMethod_Watch<v1::Agent::Service> {
 public:
  Service(Backend& backend, const ServerOptions& options)
      : backend_(backend), max_waiting_bytes_(options.max_waiting_bytes),
        hub_(options.max_watchers, options.max_waiting_records) {}

  WatchHub& hub() { return hub_; }

  grpc::ServerWriteReactor<v1::Records>* Watch(grpc::CallbackServerContext*, const v1::WatchRequest* request) override {
    return new WatchStream(hub_, *request, max_waiting_bytes_);
  }

  grpc::Status Status(grpc::ServerContext*, const v1::StatusRequest*, v1::AgentStatus* reply) override {
    const auto status = backend_.status();
    if (!status) return to_status(status.error());
    *reply = to_message(*status);
    return grpc::Status::OK;
  }

  grpc::Status Containers(grpc::ServerContext*, const v1::ContainersRequest*, v1::Records* reply) override {
    return answer(backend_.containers(), *reply);
  }

  grpc::Status Devices(grpc::ServerContext*, const v1::DevicesRequest*, v1::Records* reply) override {
    return answer(backend_.devices(), *reply);
  }

  grpc::Status Alerts(grpc::ServerContext*, const v1::AlertsRequest*, v1::AlertList* reply) override {
    auto alerts = backend_.alerts();
    if (!alerts) return to_status(alerts.error());
    for (auto& json : *alerts) reply->add_json(std::move(json));
    return grpc::Status::OK;
  }

  grpc::Status SelfTest(grpc::ServerContext*, const v1::SelfTestRequest*, v1::SelfTestResult* reply) override {
    const std::unique_lock lock(self_test_mutex_, std::try_to_lock);
    if (!lock) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "a self-test is under way already"};
    const auto steps = backend_.self_test();
    if (!steps) return to_status(steps.error());
    for (const auto& step : *steps) add_step(*reply->add_steps(), step);
    return grpc::Status::OK;
  }

 private:
  Backend& backend_;
  const std::size_t max_waiting_bytes_;
  WatchHub hub_;
  std::mutex self_test_mutex_;
};

base::Result<void> make_room(const std::string& socket) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(socket).parent_path(), error);
  if (error) return base::fail_errno("cannot create the directory of " + socket, error.value());
  struct stat there {};
  if (lstat(socket.c_str(), &there) != 0) return {};
  if (!S_ISSOCK(there.st_mode)) return base::fail(socket + " is there and is no socket");
  if (unlink(socket.c_str()) != 0) return base::fail_errno("cannot replace " + socket, errno);
  return {};
}

base::Result<void> open_to_group(const std::string& socket, const std::string& group) {
  if (const auto* entry = group.empty() ? nullptr : getgrnam(group.c_str()); entry != nullptr) {
    if (chown(socket.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0) {
      return base::fail_errno("cannot give " + socket + " to group " + group, errno);
    }
  }
  if (chmod(socket.c_str(), 0660) != 0) return base::fail_errno("cannot set the mode of " + socket, errno);
  return {};
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, Backend& backend) : socket_(options.socket), service_(backend, options) {}

  base::Result<void> start(const std::string& group) {
    if (auto room = make_room(socket_); !room) return room;
    grpc::ResourceQuota quota("irisd");
    quota.Resize(kMaxBufferBytes).SetMaxThreads(kMaxThreads);
    grpc::ServerBuilder builder;
    builder.SetResourceQuota(quota);
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    builder.SetMaxReceiveMessageSize(64 * 1024);
    builder.AddListeningPort("unix:" + socket_, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    const mode_t before = umask(0177);  // nobody gets in before the group is set
    server_ = builder.BuildAndStart();
    umask(before);
    if (!server_) return base::fail("cannot listen on " + socket_);
    return open_to_group(socket_, group);
  }

  void stop() {
    if (!server_) return;
    service_.hub().stop();
    server_->Shutdown(std::chrono::system_clock::now() + kStopWithin);
    server_.reset();
    unlink(socket_.c_str());
  }

  WatchHub& hub() { return service_.hub(); }

 private:
  std::string socket_;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

base::Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Backend& backend) {
  auto impl = std::make_unique<Impl>(options, backend);
  if (auto started = impl->start(options.group); !started) return tl::unexpected(std::move(started.error()));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }

void Server::write(const flow::Record& record) { impl_->hub().write(record); }
void Server::flush() { impl_->hub().flush(); }
ServerStatus Server::status() const { return impl_->hub().status(); }
void Server::stop() { impl_->stop(); }

}  // namespace iris::local
