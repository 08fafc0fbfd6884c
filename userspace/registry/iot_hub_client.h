// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "identity/registry_client.h"
#include "registry/pace.h"
#include "registry/readers.h"
#include "registry/secret.h"

namespace iris::registry {

struct IotHubOptions {
  Secret connection_string;  // of a shared access policy; "service" is enough
  /// Read again whenever the hub refuses the access and at reload(), so that a rotated key needs no restart;
  /// empty: none. Without connection_string it is read at once.
  std::string connection_string_file;
  std::string device_id;  // of this gateway; empty: set_gateway_id() comes later
  std::string address;    // "host:port" to dial instead of HostName and 443
  std::string ca_file;    // PEM, in place of the system's authorities
  std::string proxy;      // "http://proxy:3128"; the environment's is not used
  std::string cache_file; // what the hub said last; empty: none
  std::string user_agent = "iris";

  std::chrono::milliseconds twin_interval{300'000};   // the twins of the gateway, $edgeAgent, $edgeHub: some 20 KB each time
  std::chrono::milliseconds sweep_interval{300'000};  // the queries
  std::chrono::milliseconds long_wait{300'000};       // when only an operator can repair it
  std::chrono::milliseconds first_backoff{1'000};
  std::chrono::milliseconds last_backoff{60'000};
  std::chrono::milliseconds cache_interval{300'000};  // the file is written at most that often
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds total_timeout{60'000};
  unsigned queries_per_minute = 10;  // pages; a hub has 20 a unit for all its users
  unsigned page_size = 1000;         // goes down by itself when pages are too large
  std::size_t max_body_bytes = 2u << 20;
  std::size_t max_devices = 10'000;
  std::size_t max_modules = 200;
  std::size_t max_evidence_bytes = 4u << 20;
};

/// Follows one gateway's part of an IoT Hub through its service API: the twins of the gateway,
/// of $edgeAgent and $edgeHub each few minutes, and those of modules and children by queries within the
/// hub's throttles. Registry name "iot_hub". In its status, `skipped` is how many documents of the
/// present state could not be used or are beyond the limits.
class IotHubClient : public identity::RegistryClient {
 public:
  /// Fails for a connection string that cannot work, in clear words. `pace` must outlive the client.
  static base::Result<std::unique_ptr<IotHubClient>> create(IotHubOptions options, Readers readers,
                                                            Pace& pace = system_pace());
  ~IotHubClient() override;

  void start(identity::RegistryListener& listener) override;
  void stop() override;

  // From any thread; take effect at once:

  /// The gateway's device id, when it becomes known (IOTEDGE_DEVICEID of a module).
  void set_gateway_id(const std::string& device_id) override;
  /// Reads connection_string_file again and uses what stands there, if it is another string that can work.
  void reload() override;
  /// Another key, policy or hub.
  base::Result<void> set_connection_string(const Secret& text);

 private:
  class Impl;
  explicit IotHubClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::registry
