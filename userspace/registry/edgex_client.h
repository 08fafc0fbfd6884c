// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "identity/registry_client.h"
#include "registry/pace.h"

namespace iris::registry {

struct EdgexOptions {
  /// "http://localhost", "https://gw1.site:8443/core-metadata". Without a port: 59881 for API v3 and v2, 48081
  /// for v1.
  std::string url = "http://localhost";
  std::string token_file;  // a JWT, read anew each time; empty: none
  std::string ca_file;     // PEM, in place of the system's authorities
  std::string proxy;       // the environment's is not used
  std::string user_agent = "iris";

  std::chrono::milliseconds interval{30'000};
  std::chrono::milliseconds first_backoff{1'000};
  std::chrono::milliseconds last_backoff{60'000};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds total_timeout{30'000};
  int page_size = 100;
  std::size_t max_body_bytes = 2u << 20;
  std::size_t max_devices = 10'000;
  std::size_t max_evidence_bytes = 4u << 20;
};

/// Follows the devices of EdgeX core-metadata by polling; finds out which version of its API
/// answers. Registry name "edgex". `skipped` of its status: devices of the present list that
/// could not be used or are beyond the limits.
class EdgexClient : public identity::RegistryClient {
 public:
  /// Fails for a URL that cannot work, and for a token that would leave the local network in plain text.
  /// `pace` must outlive the client.
  static base::Result<std::unique_ptr<EdgexClient>> create(EdgexOptions options, Pace& pace = system_pace());
  ~EdgexClient() override;

  void start(identity::RegistryListener& listener) override;
  void stop() override;

 private:
  class Impl;
  explicit EdgexClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::registry
