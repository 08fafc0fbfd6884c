// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "enrich/runtime_client.h"

namespace iris::runtimes {

/// Follows containerd, all its namespaces, by gRPC on a unix socket. The event
/// of a container's creation is handed on at once, and its labels and spec are
/// asked for right after, before its task is started as a rule. Bounds: a
/// message 16 MiB (the server's own), 16,384 containers.
class ContainerdClient final : public enrich::RuntimeClient {
 public:
  explicit ContainerdClient(std::string socket_path);
  ~ContainerdClient() override;

  void start(enrich::RuntimeListener& listener) override;
  void stop() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::runtimes
