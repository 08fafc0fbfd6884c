// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/service.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kSeenRequests = 10'000;
constexpr std::array kApiVersions{"2018-06-30", "2019-10-01", "2020-03-13", "2020-09-30", "2021-04-12", "2024-03-31"};

std::int64_t clock_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// By its Date a client can tell that its own clock is wrong.
std::string http_date(std::int64_t unix_s) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

std::string host_of(const emulator::Request& request) {
  auto host = request.header("host");
  return host.substr(0, host.find(':'));
}

/// What the request is for; nothing for an unknown one.
struct Purpose {
  Operation operation;
  unsigned needs;
};

std::optional<Purpose> purpose_of(const emulator::Request& request, unsigned configurations_need) {
  const auto& path = request.path;
  const bool reads = request.method == "GET";
  if (path.size() == 2 && path[0] == "devices" && path[1] == "query") {
    if (request.method != "POST") return std::nullopt;
    return Purpose{Operation::query, kServiceConnect};
  }
  if (path[0] == "twins" && reads) return Purpose{Operation::twin_read, kServiceConnect};
  if (path[0] == "devices") return Purpose{Operation::registry, reads ? kRegistryRead : kRegistryWrite};
  if (path[0] == "statistics" && reads) {
    return Purpose{Operation::registry, path.size() > 1 && path[1] == "service" ? kServiceConnect : kRegistryRead};
  }
  if (path[0] == "configurations") return Purpose{Operation::configuration, reads ? configurations_need : kRegistryWrite};
  return std::nullopt;
}

}  // namespace

Service::Service(ServiceOptions options, Hub hub)
    : options_(std::move(options)), throttle_(options_.rates), hub_(std::make_shared<const Hub>(std::move(hub))) {}

std::int64_t Service::now_unix_s() const { return options_.now_unix_s ? options_.now_unix_s() : clock_unix_s(); }

emulator::Response Service::answer(const Request& request) {
  SeenRequest seen;
  seen.method = request.method;
  seen.target = request.target;
  seen.page_size = request.header("x-ms-max-item-count");
  seen.continued = request.has_header("x-ms-continuation");
  if (request.path.size() == 2 && request.path[1] == "query") seen.query = request.body;
  const auto fault = faults_.next(request);
  if (fault) seen.fault = "scripted";
  auto response = dispatch(request, seen, fault ? &*fault : nullptr);
  seen.status = response.status;
  response.headers.emplace_back("Date", http_date(now_unix_s()));
  const std::lock_guard lock(mutex_);
  if (seen_.size() == kSeenRequests) seen_.pop_front();
  seen_.push_back(std::move(seen));
  return response;
}

emulator::Response Service::dispatch(const Request& request, SeenRequest& seen, const Fault* fault) {
  using Kind = Fault::Kind;
  if (fault != nullptr && fault->kind == Kind::answer) return scripted(*fault);
  auto response = checked(request, seen, fault);
  if (fault == nullptr) return response;
  if (fault->kind == Kind::wire) response.wire = fault->wire;
  if (fault->kind == Kind::empty_body) response.body.clear();
  if (fault->kind == Kind::change_twin) {
    change([fault](Hub& hub) { hub.patch_twin(fault->device_id, fault->module_id, fault->patch); });
  }
  return response;
}

emulator::Response Service::scripted(const Fault& fault) const {
  Response response;
  if (!fault.error.empty()) {
    response = error(fault.status, fault.error.c_str(), "as the test asked");
  } else {
    response.content_type = fault.body ? "text/html" : "";
  }
  response.status = fault.status;
  if (fault.body) response.body = *fault.body;
  if (fault.content_type) response.content_type = *fault.content_type;
  if (fault.retry_after) response.headers.emplace_back("Retry-After", *fault.retry_after);
  return response;
}

/// The checks in the order of the real service, as far as it is known.
emulator::Response Service::checked(const Request& request, SeenRequest& seen, const Fault* fault) {
  if (!options_.any_host && host_of(request) != options_.host_name) {
    return error(404, "IotHubNotFound", "no hub of this name");
  }
  const auto purpose = purpose_of(request, options_.configurations_need);
  if (!permitted(request, purpose ? purpose->needs : 0, seen)) {
    return error(401, "IotHubUnauthorizedAccess", "Unauthorized");
  }
  const auto version = request.query.find("api-version");
  if (version == request.query.end() ||
      std::find(kApiVersions.begin(), kApiVersions.end(), version->second) == kApiVersions.end()) {
    return error(400, "InvalidProtocolVersion", "api-version is missing or not supported");
  }
  if (!purpose) return error(404, "ResourceNotFound", "no such resource");
  if (const auto wait = throttle_.refused(purpose->operation, std::chrono::steady_clock::now())) {
    auto response = error(429, "ThrottlingException", "too many requests");
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait).count();
    if (options_.retry_after) response.headers.emplace_back("Retry-After", std::to_string(seconds));
    return response;
  }
  return route(request, fault);
}

bool Service::permitted(const Request& request, unsigned needed, SeenRequest& seen) const {
  std::string resource = options_.host_name;
  for (const auto& segment : request.path) resource += "/" + segment;
  const auto permissions = verify_token(request.header("authorization"), resource, options_.policies, now_unix_s());
  if (!permissions) {
    seen.refused = permissions.error().message;
  } else if ((*permissions & needed) != needed) {
    seen.refused = "a policy without the permission";
  }
  return seen.refused.empty();
}

emulator::Response Service::route(const Request& request, const Fault* fault) {
  const auto& path = request.path;
  if (request.method == "POST" && path[0] == "devices" && path.size() == 2 && path[1] == "query") return query(request, fault);
  // The product only reads, and so the emulator does not write.
  if (request.method != "GET") return error(405, "OperationNotAllowedInCurrentState", "the emulator does not write");
  if (path[0] == "twins") return twin(request);
  if (path[0] == "devices") return registry(request);
  if (path[0] == "statistics") return statistics(request);
  return configurations(request);
}

void Service::change(const std::function<void(Hub&)>& change) {
  const std::lock_guard lock(mutex_);
  auto changed = std::make_shared<Hub>(*hub_);
  change(*changed);
  hub_ = std::move(changed);
}

void Service::hold_queries(bool hold) {
  const std::lock_guard lock(mutex_);
  held_ = hold ? hub_ : nullptr;
}

std::vector<SeenRequest> Service::seen() const {
  const std::lock_guard lock(mutex_);
  return {seen_.begin(), seen_.end()};
}

std::shared_ptr<const Hub> Service::hub() const {
  const std::lock_guard lock(mutex_);
  return hub_;
}

std::shared_ptr<const Hub> Service::query_view() const {
  const std::lock_guard lock(mutex_);
  return held_ ? held_ : hub_;
}

emulator::Response Service::error(int status, const char* name, const std::string& message) const {
  return error_answer(status, name, message, options_.error_style);
}

}  // namespace iris::iot_hub_emulator
