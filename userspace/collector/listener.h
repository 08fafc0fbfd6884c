// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "base/result.h"
#include "collector/ingest_server.h"

namespace iris::collector {

struct Listener {
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

/// Checks the certificates, binds, and serves `service`, which outlives the server.
base::Result<Listener> listen(const IngestOptions& options, grpc::Service& service);

}  // namespace iris::collector
