// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "emulators/http/server.h"
#include "emulators/iot_hub/service.h"

namespace iris::iot_hub_emulator {

struct Options {
  std::string host = "127.0.0.1";
  int port = 0;                    // 0: any free one
  emulator::Certificate certificate;  // without: made, for the hub's name, localhost and the loopback addresses
  ServiceOptions service;          // without policies: the five that a hub has, with made-up keys
};

/// IoT Hub's service REST interface over HTTPS, as far as a reader needs it: facts and
/// their sources in the comments of the parts. Thread-safe.
class Emulator {
 public:
  static base::Result<std::unique_ptr<Emulator>> start(Options options, Hub hub = {});
  ~Emulator();

  int port() const { return server_->port(); }
  const std::string& host_name() const { return host_name_; }
  /// What a client has to trust; empty when the certificate was given.
  const std::string& ca_pem() const { return ca_pem_; }
  /// HostName=..;SharedAccessKeyName=POLICY;SharedAccessKey=..; empty for an unknown policy.
  std::string connection_string(const std::string& policy) const;
  /// Documents, faults, throttles, and the requests that were seen.
  Service& service() { return *service_; }
  /// Cuts all connections; the port is free then.
  void stop() { server_->stop(); }

 private:
  Emulator() = default;

  std::string host_name_;
  std::string ca_pem_;
  Policies policies_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<emulator::Server> server_;  // the last, so that it ends first
};

/// The five built-in policies, each with a made-up key.
Policies made_up_policies();

}  // namespace iris::iot_hub_emulator
