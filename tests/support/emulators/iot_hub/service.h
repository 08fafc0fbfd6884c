// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "emulators/http/faults.h"
#include "emulators/http/message.h"
#include "emulators/iot_hub/answers.h"
#include "emulators/iot_hub/continuation.h"
#include "emulators/iot_hub/documents.h"
#include "emulators/iot_hub/query.h"
#include "emulators/iot_hub/sas.h"
#include "emulators/iot_hub/throttle.h"

namespace iris::iot_hub_emulator {

using emulator::Fault;
using emulator::FaultScript;

struct ServiceOptions {
  std::string host_name = "iris-hub.azure-devices.net";
  Policies policies{};
  Rates rates{};                                  // of Throttle; default: none
  bool retry_after = true;                        // with an answer 429 of the throttle
  ErrorStyle error_style = ErrorStyle::text;
  /// Whether a query that does not name moduleId sees $edgeAgent and $edgeHub: not documented.
  bool lists_system_modules = true;
  std::size_t largest_page = 1'000;               // of a query, whatever the client asks for
  unsigned configurations_need = kRegistryRead;   // not documented for keys
  bool any_host = false;                          // otherwise another Host header gets 404 IotHubNotFound
  std::function<std::int64_t()> now_unix_s{};     // default: the clock
};

/// One request as it was seen, for tests to look at. No token in it.
struct SeenRequest {
  std::string method;
  std::string target;
  int status = 0;
  std::string refused;      // why the token was not accepted
  std::string page_size;    // x-ms-max-item-count
  bool continued = false;   // with x-ms-continuation
  std::string query;        // of POST /devices/query, its body
  std::string fault;        // "" or "scripted"
};

/// The service behind the emulator's door: requests in, answers out. Thread-safe.
class Service {
 public:
  Service(ServiceOptions options, Hub hub);

  emulator::Response answer(const emulator::Request& request);

  /// Changes what the hub holds; queries see it at once unless they are held.
  void change(const std::function<void(Hub&)>& change);
  /// While held, queries see the hub as it was then: they may lag, single twins do not.
  void hold_queries(bool hold);
  void set_rates(Rates rates) { throttle_.set(rates); }
  FaultScript& faults() { return faults_; }
  /// The last 10,000.
  std::vector<SeenRequest> seen() const;

 private:
  using Response = emulator::Response;
  using Request = emulator::Request;

  std::int64_t now_unix_s() const;
  Response dispatch(const Request& request, SeenRequest& seen, const Fault* fault);
  Response scripted(const Fault& fault) const;
  Response checked(const Request& request, SeenRequest& seen, const Fault* fault);
  bool permitted(const Request& request, unsigned needed, SeenRequest& seen) const;
  Response route(const Request& request, const Fault* fault);
  Response query(const Request& request, const Fault* fault);
  Response page(const Query& query, const std::string& body, const std::string& position, std::size_t size, bool empty) const;
  Response twin(const Request& request) const;
  Response registry(const Request& request) const;
  Response statistics(const Request& request) const;
  Response configurations(const Request& request) const;
  Response error(int status, const char* name, const std::string& message) const;
  std::shared_ptr<const Hub> hub() const;
  std::shared_ptr<const Hub> query_view() const;

  const ServiceOptions options_;
  const Continuations continuations_;
  Throttle throttle_;
  FaultScript faults_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Hub> hub_;
  std::shared_ptr<const Hub> held_;  // what queries see meanwhile; may be null
  std::deque<SeenRequest> seen_;
};

}  // namespace iris::iot_hub_emulator
