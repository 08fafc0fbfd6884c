// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "enrich/owner_resolver.h"
#include "enrich/runtime_client.h"

namespace iris::enrich {

/// File of the run-time module: $IRIS_RUNTIMES_MODULE, else beside the program,
/// else in ../lib/iris from there. Empty when none of them exists.
std::string find_runtime_module();

/// Makes a client out of the module, which is loaded by the first call and
/// stays: gRPC costs more memory than all the rest, so a process
/// that meets no runtime never has them. A RuntimeClientFactory.
base::Result<std::unique_ptr<RuntimeClient>> make_client_from_module(const std::string& runtime,
                                                                     const std::string& endpoint);

/// Looks every few seconds whether the socket of a runtime is there, and then
/// makes and starts its client, once. All on a thread of its own, since
/// loading the module takes longer than an event loop may stand still.
class RuntimeWatcher {
 public:
  struct Target {
    std::string runtime;
    std::string endpoint;
    RuntimeListener* listener = nullptr;
  };

  RuntimeWatcher(std::vector<Target> targets, RuntimeClientFactory factory);
  ~RuntimeWatcher();

  void start();
  /// Stops the clients too.
  void stop();

 private:
  void watch();
  /// True when the target needs no more looking at.
  bool try_target(const Target& target);

  std::vector<Target> targets_;
  RuntimeClientFactory factory_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<RuntimeClient>> clients_;
  std::thread thread_;
};

}  // namespace iris::enrich
