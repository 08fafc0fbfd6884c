// SPDX-License-Identifier: Apache-2.0
#include "enrich/runtime_module.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace iris::enrich {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(2);
constexpr const char* kModuleName = "libiris-runtimes.so";

RuntimeStatus status_of(const RuntimeWatcher::Target& target, std::string detail) {
  RuntimeStatus status;
  status.runtime = target.runtime;
  status.endpoint = target.endpoint;
  status.detail = std::move(detail);
  return status;
}

}  // namespace

std::string find_runtime_module() {
  // The environment of a program with more rights than its caller is not to be trusted.
  if (const char* named = secure_getenv("IRIS_RUNTIMES_MODULE"); named != nullptr && *named != '\0') return named;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto directory = program.parent_path();
  for (const auto& candidate : {directory / kModuleName, directory / "../lib/iris" / kModuleName}) {
    if (std::filesystem::exists(candidate, error)) return candidate.string();
  }
  return {};
}

base::Result<std::unique_ptr<RuntimeClient>> make_client_from_module(const std::string& runtime,
                                                                     const std::string& endpoint) {
  const std::string path = find_runtime_module();
  if (path.empty()) return base::fail(std::string(kModuleName) + " is not installed beside the program: ids only, no names");
  // Never closed: gRPC's threads do not end before the process does.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    const char* reason = dlerror();
    return base::fail("cannot load " + path + ": " + (reason != nullptr ? reason : "unknown error"));
  }
  const std::string symbol = "iris_make_" + runtime + "_client";
  using Make = RuntimeClient* (*)(const char*);
  const auto make = reinterpret_cast<Make>(dlsym(module, symbol.c_str()));
  if (make == nullptr) return base::fail(path + " does not offer " + symbol + ": it is of another version");
  std::unique_ptr<RuntimeClient> client(make(endpoint.c_str()));
  if (!client) return base::fail(path + " could not make a client for " + runtime);
  return client;
}

RuntimeWatcher::RuntimeWatcher(std::vector<Target> targets, RuntimeClientFactory factory)
    : targets_(std::move(targets)), factory_(std::move(factory)) {}

RuntimeWatcher::~RuntimeWatcher() { stop(); }

void RuntimeWatcher::start() {
  if (targets_.empty() || thread_.joinable()) return;
  thread_ = std::thread([this] { watch(); });
}

void RuntimeWatcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (auto& client : clients_) client->stop();
  clients_.clear();
}

void RuntimeWatcher::watch() {
  std::vector<Target> waiting = targets_;
  while (true) {
    std::erase_if(waiting, [this](const Target& target) { return try_target(target); });
    std::unique_lock lock(mutex_);
    if (waiting.empty() || wake_.wait_for(lock, kLookEvery, [this] { return stopping_; })) return;
  }
}

bool RuntimeWatcher::try_target(const Target& target) {
  struct stat status {};
  if (stat(target.endpoint.c_str(), &status) != 0) {
    if (errno != EACCES) return false;  // not there, or not yet
    target.listener->on_status(status_of(target, "no permission to reach the socket: run as root"));
    return false;
  }
  // Docker makes a directory of a missing socket that was to be mounted.
  if (!S_ISSOCK(status.st_mode)) {
    target.listener->on_status(status_of(target, "is not a socket"));
    return false;
  }
  auto client = factory_(target.runtime, target.endpoint);
  if (!client) {
    target.listener->on_status(status_of(target, client.error().message));
    return true;
  }
  (*client)->start(*target.listener);
  clients_.push_back(std::move(*client));
  return true;
}

}  // namespace iris::enrich
