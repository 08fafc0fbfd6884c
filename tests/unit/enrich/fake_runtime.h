// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/unique_fd.h"
#include "enrich/owner_resolver.h"
#include "enrich/runtime_client.h"

namespace iris::test_support {

/// Clients that say what the test tells them to. Outlives the resolver.
class FakeRuntimes {
 public:
  enrich::RuntimeClientFactory factory() {
    return [this](const std::string& runtime, const std::string& endpoint) {
      return base::Result<std::unique_ptr<enrich::RuntimeClient>>(std::make_unique<Client>(*this, runtime, endpoint));
    };
  }

  /// The listener of a runtime, once the resolver has started its client.
  enrich::RuntimeListener& listener(const std::string& runtime) {
    std::unique_lock lock(mutex_);
    started_.wait(lock, [&] { return listeners_.contains(runtime); });
    return *listeners_[runtime];
  }
  bool has(const std::string& runtime) {
    const std::lock_guard lock(mutex_);
    return listeners_.contains(runtime);
  }

 private:
  class Client final : public enrich::RuntimeClient {
   public:
    Client(FakeRuntimes& fake, std::string runtime, std::string endpoint)
        : fake_(fake), runtime_(std::move(runtime)), endpoint_(std::move(endpoint)) {}
    void start(enrich::RuntimeListener& listener) override {
      const std::lock_guard lock(fake_.mutex_);
      fake_.listeners_[runtime_] = &listener;
      fake_.started_.notify_all();
    }
    void stop() override {}

   private:
    FakeRuntimes& fake_;
    std::string runtime_;
    std::string endpoint_;
  };

  std::mutex mutex_;
  std::condition_variable started_;
  std::map<std::string, enrich::RuntimeListener*> listeners_;
};

/// A unix socket in the file system that nobody serves.
class BoundSocket {
 public:
  explicit BoundSocket(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("bind " + path);
    }
  }

 private:
  base::UniqueFd fd_;
};

}  // namespace iris::test_support
