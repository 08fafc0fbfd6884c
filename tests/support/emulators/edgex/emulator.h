// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "emulators/edgex/service.h"
#include "emulators/http/server.h"

namespace iris::edgex_emulator {

struct Options {
  emulator::ServerOptions server;  // plain HTTP unless there is a certificate
  ServiceOptions service;
};

/// The part of EdgeX core-metadata that reads devices. Thread-safe.
class Emulator {
 public:
  static base::Result<std::unique_ptr<Emulator>> start(Options options, Devices devices = {});

  int port() const { return server_->port(); }
  /// Devices, faults, and the requests that were seen.
  Service& service() { return *service_; }
  /// Cuts all connections; the port is free then.
  void stop() { server_->stop(); }

 private:
  Emulator() = default;

  std::unique_ptr<Service> service_;
  std::unique_ptr<emulator::Server> server_;  // the last, so that it ends first
};

}  // namespace iris::edgex_emulator
