// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "emulators/http/faults.h"
#include "emulators/http/message.h"

namespace iris::edgex_emulator {

/// Versions of the REST interface of core-metadata: 2018 to 2020, 2021 to 2022, 2023 on.
enum class Api { v1, v2, v3 };
std::optional<Api> api_from(const std::string& text);

struct ServiceOptions {
  Api api = Api::v3;
  std::vector<std::string> tokens{};   // accepted behind "Bearer "; without any, all may read
  std::size_t max_result_count = 0;    // 0: 1024, of v1 100
  bool total_count = true;             // contracts 2.0 did not say it
};

struct SeenRequest {
  std::string method;
  std::string target;
  int status = 0;
  bool authorized = false;
};

using Devices = std::vector<nlohmann::json>;

/// {"devices":[..]}: passed on as they are, so each API's documents are the test's to write.
base::Result<Devices> devices_from(const nlohmann::json& document);
/// Modbus devices in the shape of that API.
Devices many_devices(std::size_t count, Api api);

/// core-metadata behind the emulator's door. Thread-safe.
class Service {
 public:
  Service(ServiceOptions options, Devices devices) : options_(std::move(options)), devices_(std::move(devices)) {}

  emulator::Response answer(const emulator::Request& request);

  void set_devices(Devices devices);
  emulator::FaultScript& faults() { return faults_; }
  /// The last 10,000.
  std::vector<SeenRequest> seen() const;

 private:
  using Request = emulator::Request;
  using Response = emulator::Response;

  Response real_answer(const Request& request, SeenRequest& seen) const;
  Response v1(const Request& request) const;
  Response ping(const Request& request) const;
  Response all(const Request& request) const;
  Response by_name(const std::string& name) const;
  Response error(int status, const std::string& message) const;
  bool authorized(const Request& request) const;
  std::size_t max_result_count() const;
  Devices devices() const;

  const ServiceOptions options_;
  emulator::FaultScript faults_;
  mutable std::mutex mutex_;
  Devices devices_;
  std::deque<SeenRequest> seen_;
};

}  // namespace iris::edgex_emulator
