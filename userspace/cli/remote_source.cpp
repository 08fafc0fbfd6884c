// SPDX-License-Identifier: Apache-2.0
#include "cli/remote_source.h"

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/unique_fd.h"
#include "cli/commands.h"
#include "local/client.h"

namespace iris::cli {
namespace {

constexpr const char* kModuleName = "libiris-local.so";

/// As the run-time module of the container clients is found: named, beside the program, in ../lib/iris.
std::string find_module() {
  if (const char* named = secure_getenv("IRIS_LOCAL_MODULE"); named != nullptr && *named != '\0') return named;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto directory = program.parent_path();
  for (const auto& candidate : {directory / kModuleName, directory / "../lib/iris" / kModuleName}) {
    if (std::filesystem::exists(candidate, error)) return candidate.string();
  }
  return {};
}

base::Result<std::shared_ptr<local::Client>> make_client(const std::string& socket) {
  const std::string path = find_module();
  if (path.empty()) return base::fail(std::string(kModuleName) + " is not installed beside the program");
  // Never closed: gRPC's threads do not end before the process does.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    const char* reason = dlerror();
    return base::fail("cannot load " + path + ": " + (reason != nullptr ? reason : "unknown error"));
  }
  const auto make = reinterpret_cast<local::MakeClient>(dlsym(module, local::kMakeClientSymbol));
  if (make == nullptr) return base::fail(path + " is of another version");
  return std::shared_ptr<local::Client>(make(socket.c_str()));
}

/// errno of a connection to the socket; 0: somebody listens, and we may.
int try_to_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  const base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

/// The daemon as a source of records. What fails is told by run(), which is called first.
class RemoteSource : public TraceSource {
 public:
  RemoteSource(std::shared_ptr<local::Client> client, const Options& options, bool one_window)
      : client_(std::move(client)), command_(options.command), one_window_(one_window),
        wants_identities_(options.selection.identities) {}

  base::Result<void> start(const pipeline::TracerOptions& wanted) {
    if (command_ == Command::containers || command_ == Command::devices || command_ == Command::alerts ||
        command_ == Command::status) {
      return {};
    }
    wants_containers_ = wanted.containers;
    return client_->start_watch(
        {wanted.flows, wanted.exits, wanted.execs, wanted.dns, wanted.containers, wants_identities_});
  }

  base::Result<void> run(flow::RecordSink& sink, std::optional<std::chrono::milliseconds> duration) override {
    if (command_ == Command::containers) return fetch(client_->containers(), containers_);
    if (command_ == Command::devices) return fetch(client_->devices(), devices_);
    if (command_ == Command::status) return fetch_status();
    if (command_ == Command::alerts) {
      if (auto found = fetch(client_->alerts(), alerts_); !found) return found;
      (void)fetch_status();  // alerts say something without it
      return {};
    }
    if (wants_containers_) {  // those that were there before, as a tracer of our own would find them
      if (auto found = fetch(client_->containers(), containers_); !found) return found;
      for (const auto& one : containers_) sink.write(one);
    }
    if (wants_identities_) {
      if (auto found = fetch(client_->devices(), devices_); !found) return found;
      for (const auto& one : devices_) sink.write(one);
    }
    local::WatchEnd end;
    if (one_window_) {
      end.windows = 1;
    } else {
      end.duration = duration;
    }
    return client_->run_watch(sink, end);
  }

  void request_stop() override { client_->request_stop(); }
  pipeline::TracerStatus status() const override { return status_.tracer; }
  std::vector<flow::ContainerRecord> containers() const override { return containers_; }
  std::vector<flow::DeviceRecord> devices() const override { return devices_; }
  std::vector<std::string> alerts() const override { return alerts_; }
  const local::AgentStatus* agent() const override { return has_status_ ? &status_ : nullptr; }

 private:
  template <typename T>
  static base::Result<void> fetch(base::Result<T> got, T& into) {
    if (!got) return tl::unexpected(std::move(got.error()));
    into = std::move(*got);
    return {};
  }

  base::Result<void> fetch_status() {
    auto done = fetch(client_->status(), status_);
    has_status_ = done.has_value();
    return done;
  }

  std::shared_ptr<local::Client> client_;
  Command command_;
  bool one_window_;
  bool wants_identities_;
  bool wants_containers_ = false;
  local::AgentStatus status_;
  bool has_status_ = false;
  std::vector<std::string> alerts_;
  std::vector<flow::ContainerRecord> containers_;
  std::vector<flow::DeviceRecord> devices_;
};

/// What irisd does not do for a client; empty: it can give what is asked for.
std::string beyond_irisd(const Options& options) {
  const bool streams = options.command == Command::events || options.command == Command::record;
  if (streams && options.tracer.socket_events) return "irisd does not collect the single events of sockets";
  if (!options.own_option.empty()) return "irisd has its own setting for " + options.own_option;
  return {};
}

}  // namespace

base::Result<Backend> remote_backend(const Options& options, bool one_window) {
  auto made = make_client(options.socket);
  if (!made) return tl::unexpected(std::move(made.error()));
  const auto client = *made;
  if (options.window_given) {
    const auto status = client->status();
    if (!status) return tl::unexpected(status.error());
    if (status->window != options.tracer.window) {
      return base::fail("irisd has windows of " + std::to_string(status->window.count()) + " ms");
    }
  }
  Backend backend;
  backend.open = [client, options, one_window](const pipeline::TracerOptions& wanted) -> base::Result<std::unique_ptr<TraceSource>> {
    auto source = std::make_unique<RemoteSource>(client, options, one_window);
    if (auto started = source->start(wanted); !started) return tl::unexpected(std::move(started.error()));
    return source;
  };
  backend.self_test = [client](const pipeline::TracerOptions&) { return client->self_test(); };
  return backend;
}

base::Result<Backend> choose_backend(const Options& options, bool one_window) {
  if (options.command == Command::devices || options.command == Command::alerts) {
    if (const int error = try_to_connect(options.socket); error != 0) {
      const std::string who = options.command == Command::devices ? "only irisd gathers identities" : "only irisd is told of alerts";
      return base::fail_errno(who + ", and there is none at " + options.socket, error,
                              error == EACCES ? base::Error::Kind::permission : base::Error::Kind::failed);
    }
    return remote_backend(options, one_window);
  }
  if (options.standalone || options.command == Command::replay) return live_backend();
  if (const int error = try_to_connect(options.socket); error != 0) {
    if (options.socket_named) {
      return base::fail_errno("no irisd at " + options.socket, error,
                              error == EACCES ? base::Error::Kind::permission : base::Error::Kind::failed);
    }
    return live_backend();
  }
  std::string why = beyond_irisd(options);
  if (why.empty()) {
    auto remote = remote_backend(options, one_window);
    if (remote) return remote;
    why = remote.error().message;
  }
  complain(why + ": loading programs of its own");
  return live_backend();
}

}  // namespace iris::cli
