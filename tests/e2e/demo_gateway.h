// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "trace/child.h"
#include "trace/net_namespace.h"

namespace iris::test {

/// The demo gateway (tests/support/gateway): modules in containers of a private engine, and
/// what is around it. It ends with the object, and also when this process is killed.
class DemoGateway {
 public:
  static constexpr const char* kDeviceId = "iris-demo-gateway";

  DemoGateway();
  ~DemoGateway();
  DemoGateway(const DemoGateway&) = delete;
  DemoGateway& operator=(const DemoGateway&) = delete;

  std::string docker_socket() const { return directory_ + "/engine/docker.sock"; }
  /// The gateway's own network namespace, where its modules' ports are published.
  int net_namespace() const { return net_namespace_.get(); }

  /// Until the gateway's neighbour table has it.
  void wait_for_neighbour(const std::string& address) const;
  /// Another machine on the factory's link, at an address of its own, that publishes
  /// through edgeHub as `device_id`.
  void add_factory_device(const std::string& address, const std::string& device_id);

 private:
  std::string directory_;
  base::UniqueFd alive_;  // closed with this process, which tells the guardian
  pid_t guardian_ = -1;
  std::string name_;      // of the namespace
  base::UniqueFd net_namespace_;
  NetNamespace device_net_;
  std::unique_ptr<Child> device_;
};

}  // namespace iris::test
