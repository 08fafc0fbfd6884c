// SPDX-License-Identifier: Apache-2.0
#include "runtimes/containerd_client.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/backoff.h"
#include "enrich/cgroup_path.h"
#include "runtimes/containerd_session.h"
#include "runtimes/label_policy.h"
#include "runtimes/namespace_addresses.h"
#include "runtimes/oci_spec.h"

namespace iris::runtimes {
namespace {

using namespace std::chrono_literals;
namespace containers_v1 = containerd::services::containers::v1;
namespace events_v1 = containerd::services::events::v1;
namespace tasks_v1 = containerd::services::tasks::v1;
using enrich::ContainerInfo;

constexpr auto kCallTimeout = 5s;
constexpr auto kListTimeout = 30s;
constexpr auto kCheckEvery = 60s;
constexpr std::size_t kMaxKnown = 16'384;
constexpr std::size_t kMaxNamespaces = 256;

bool is_running(const tasks_v1::Process& task) {
  return task.status() == tasks_v1::RUNNING || task.status() == tasks_v1::PAUSED || task.status() == tasks_v1::PAUSING;
}

void apply(const containers_v1::Container& container, ContainerInfo& info) {
  info.image = clean_text(container.image());
  std::map<std::string, std::string> labels;
  for (const auto& [name, value] : container.labels()) labels.emplace(name, value);
  apply_containerd_labels(labels, info);
  const std::string bundle_root = std::move(info.root_path);  // learnt from the task's creation
  info.root_path.clear();
  if (container.spec().type_url().find("runtime-spec") != std::string::npos) {
    apply_oci_spec(container.spec().value(), info);
  }
  if (!info.root_path.starts_with('/')) info.root_path = bundle_root;
}

}  // namespace

class ContainerdClient::Impl {
 public:
  explicit Impl(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  void start(enrich::RuntimeListener& listener) {
    listener_ = &listener;
    thread_ = std::thread([this] { run(); });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    calls_.stop();
    stop_wanted_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Known {
    ContainerInfo info;
    std::uint64_t session = 0;
  };

  void run() {
    base::Backoff backoff(200ms, 30s);
    while (!stopping_) {
      was_connected_ = false;
      std::string reason = session();
      if (stopping_) return;
      if (was_connected_) {
        backoff.reset();
        ++reconnects_;
      }
      report(false, std::move(reason));
      std::unique_lock lock(mutex_);
      stop_wanted_.wait_for(lock, backoff.next(), [this] { return stopping_.load(); });
    }
  }

  /// One connection, from greeting to end. Gives the reason of its end.
  std::string session() {
    if (access(socket_path_.c_str(), W_OK) != 0) {
      if (errno == EACCES) return "permission denied: run as root";
      return "the socket is gone: the daemon is not running";
    }
    ++session_;
    ContainerdSession server(socket_path_, calls_);
    // The stream's request goes out first on the connection, and the lists after
    // it; what happens between is in the stream.
    server.subscribe();
    containerd::services::version::v1::VersionResponse version;
    {
      Call call(calls_, "", kCallTimeout);
      const auto status = server.version.Version(*call, {}, &version);
      if (!status.ok()) return explain(status);
    }
    if (std::string error = list_all(server); !error.empty()) return error;
    was_connected_ = true;
    report(true, "containerd " + clean_text(version.version(), 64));
    events_v1::Envelope envelope;
    while (!stopping_) {
      switch (server.next(kCheckEvery, envelope)) {
        case ContainerdSession::Wait::event:
          handle(server, envelope);
          break;
        case ContainerdSession::Wait::ended:
          return stopping_ ? std::string() : explain(server.stream_status());
        case ContainerdSession::Wait::timeout: {
          // A daemon that hangs keeps the stream open and silent.
          Call call(calls_, "", kCallTimeout);
          const auto status = server.version.Version(*call, {}, &version);
          if (!status.ok()) return explain(status);
        }
      }
    }
    return {};
  }

  static std::string explain(const grpc::Status& status) {
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) return "no answer in time: the daemon hangs";
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return "the socket's server is not containerd";
    const std::string message = clean_text(status.error_message());
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      return "the daemon does not answer" + (message.empty() ? "" : ": " + message);
    }
    return message.empty() ? "the connection was closed" : message;
  }

  std::string list_all(ContainerdSession& server) {
    containerd::services::namespaces::v1::ListNamespacesResponse names;
    {
      Call call(calls_, "", kCallTimeout);
      const auto status = server.namespaces.List(*call, {}, &names);
      if (!status.ok()) return explain(status);
    }
    std::size_t count = 0;
    for (const auto& item : names.namespaces()) {
      if (!is_container_id(item.name()) || ++count > kMaxNamespaces) continue;
      if (std::string error = list_namespace(server, item.name()); !error.empty()) return error;
    }
    std::erase_if(known_, [this](const auto& item) {
      const Known& known = item.second;
      if (known.session == session_) return false;
      listener_->on_removed(known.info.id, known.info.runtime_namespace);  // vanished while we were not connected
      return true;
    });
    return {};
  }

  std::string list_namespace(ContainerdSession& server, const std::string& ns) {
    std::unordered_map<std::string, std::uint32_t> pids;
    {
      Call call(calls_, ns, kListTimeout);
      tasks_v1::ListTasksResponse tasks;
      const auto status = server.tasks.List(*call, {}, &tasks);
      if (!status.ok()) return explain(status);
      for (const auto& task : tasks.tasks()) {
        if (is_running(task)) pids[task.id()] = task.pid();
      }
    }
    const auto take = [&](const containers_v1::Container& container) {
      const auto pid = pids.find(container.id());
      if (Known* known = know(ns, container.id())) {
        apply(container, known->info);
        set_pid(known->info, pid == pids.end() ? 0 : pid->second);
        listener_->on_container(known->info);
      }
    };
    {
      // One at a time, as each carries its whole spec.
      Call call(calls_, ns, kListTimeout);
      auto reader = server.containers.ListStream(*call, {});
      containers_v1::ListContainerMessage message;
      while (reader->Read(&message)) take(message.container());
      const auto status = reader->Finish();
      if (status.ok()) return {};
      if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED) return explain(status);
    }
    Call call(calls_, ns, kListTimeout);
    containers_v1::ListContainersResponse all;
    const auto status = server.containers.List(*call, {}, &all);
    if (!status.ok()) return explain(status);
    for (const auto& container : all.containers()) take(container);
    return {};
  }

  void handle(ContainerdSession& server, const events_v1::Envelope& envelope) {
    const std::string& ns = envelope.namespace_();
    const std::string& topic = envelope.topic();
    const std::string& bytes = envelope.event().value();
    if (!is_container_id(ns)) return;
    if (topic == "/containers/create") {
      events_v1::ContainerCreate event;
      if (!event.ParseFromString(bytes)) return;
      if (Known* known = know(ns, event.id())) {
        known->info.image = clean_text(event.image());
        if (known->info.name.empty() && !enrich::is_full_container_id(event.id())) known->info.name = event.id();
        listener_->on_container(known->info);
        fetch(server, *known);
      }
    } else if (topic == "/containers/update") {
      events_v1::ContainerUpdate event;
      if (!event.ParseFromString(bytes)) return;
      if (Known* known = know(ns, event.id())) fetch(server, *known);
    } else if (topic == "/containers/delete") {
      events_v1::ContainerDelete event;
      if (!event.ParseFromString(bytes) || !is_container_id(event.id())) return;
      known_.erase(ns + "/" + event.id());
      listener_->on_removed(event.id(), ns);
    } else if (topic == "/tasks/create") {
      events_v1::TaskCreate event;
      if (!event.ParseFromString(bytes)) return;
      if (Known* known = know(ns, event.container_id())) {
        if (known->info.root_path.empty() && !event.bundle().empty()) {
          known->info.root_path = clean_text(event.bundle(), 4096) + "/rootfs";
        }
        set_pid(known->info, event.pid());
        listener_->on_container(known->info);
      }
    } else if (topic == "/tasks/start") {
      events_v1::TaskStart event;
      if (!event.ParseFromString(bytes)) return;
      if (Known* known = know(ns, event.container_id())) {
        set_pid(known->info, event.pid());
        listener_->on_container(known->info);
      }
    } else if (topic == "/tasks/exit") {
      events_v1::TaskExit event;
      // The end of an exec'ed process is not the container's.
      if (event.ParseFromString(bytes) && event.id() == event.container_id()) stopped(ns, event.container_id());
    } else if (topic == "/tasks/delete") {
      events_v1::TaskDelete event;
      if (event.ParseFromString(bytes) && event.id().empty()) stopped(ns, event.container_id());
    }
  }

  void fetch(ContainerdSession& server, Known& known) {
    Call call(calls_, known.info.runtime_namespace, kCallTimeout);
    containers_v1::GetContainerRequest request;
    request.set_id(known.info.id);
    containers_v1::GetContainerResponse response;
    if (!server.containers.Get(*call, request, &response).ok()) return;  // gone again: ordinary
    apply(response.container(), known.info);
    listener_->on_container(known.info);
  }

  void stopped(const std::string& ns, const std::string& id) {
    const auto found = known_.find(ns + "/" + id);
    if (found == known_.end() || found->second.info.pid == 0) return;
    set_pid(found->second.info, 0);
    listener_->on_container(found->second.info);
  }

  /// Addresses go with the process: a container has those of its network
  /// namespace, and containerd itself knows of none.
  static void set_pid(ContainerInfo& info, std::uint32_t pid) {
    info.pid = pid;
    info.addresses = pid == 0 ? std::vector<base::IpAddress>() : namespace_addresses(pid);
  }

  Known* know(const std::string& ns, const std::string& id) {
    if (!is_container_id(id)) return nullptr;
    const std::string key = ns + "/" + id;
    auto found = known_.find(key);
    if (found == known_.end()) {
      if (known_.size() >= kMaxKnown) return nullptr;
      found = known_.try_emplace(key).first;
      found->second.info.id = id;
      found->second.info.runtime = "containerd";
      found->second.info.runtime_namespace = ns;
    }
    found->second.session = session_;
    return &found->second;
  }

  void report(bool connected, std::string detail) {
    if (connected == last_connected_ && detail == last_detail_) return;  // each trouble once
    last_connected_ = connected;
    last_detail_ = detail;
    enrich::RuntimeStatus status;
    status.runtime = "containerd";
    status.endpoint = socket_path_;
    status.connected = connected;
    status.detail = std::move(detail);
    status.reconnects = reconnects_;
    listener_->on_status(std::move(status));
  }

  const std::string socket_path_;
  enrich::RuntimeListener* listener_ = nullptr;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable stop_wanted_;
  CallRegistry calls_;
  // The thread's own:
  std::unordered_map<std::string, Known> known_;  // by "NAMESPACE/ID"
  std::uint64_t session_ = 0;
  std::uint64_t reconnects_ = 0;
  bool was_connected_ = false;
  std::string last_detail_;
  bool last_connected_ = false;
};

ContainerdClient::ContainerdClient(std::string socket_path) : impl_(std::make_unique<Impl>(std::move(socket_path))) {}
ContainerdClient::~ContainerdClient() { stop(); }
void ContainerdClient::start(enrich::RuntimeListener& listener) { impl_->start(listener); }
void ContainerdClient::stop() { impl_->stop(); }

}  // namespace iris::runtimes
