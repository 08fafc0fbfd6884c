// SPDX-License-Identifier: Apache-2.0
#include "emulators/edgex/service.h"

#include <algorithm>
#include <charconv>

namespace iris::edgex_emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kSeenRequests = 10'000;
constexpr std::size_t kV1Limit = 100;
constexpr std::size_t kMaxResultCount = 1'024;
constexpr long kDefaultLimit = 20;

const char* name_of(Api api) { return api == Api::v1 ? "v1" : (api == Api::v2 ? "v2" : "v3"); }

emulator::Response json_answer(const json& body, int status = 200) {
  emulator::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

/// As Go's http.Error() does it.
emulator::Response text_answer(int status, const std::string& text) {
  emulator::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = text;
  return response;
}

/// Nothing when it is there and no number.
std::optional<long> number_of(const emulator::Request& request, const char* name, long otherwise) {
  const auto found = request.query.find(name);
  if (found == request.query.end() || found->second.empty()) return otherwise;
  const auto& text = found->second;
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::vector<std::string> labels_of(const emulator::Request& request) {
  std::vector<std::string> labels;
  const auto found = request.query.find("labels");
  std::string_view rest = found == request.query.end() ? std::string_view{} : std::string_view(found->second);
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    if (end > 0) labels.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return labels;
}

bool has_labels(const json& device, const std::vector<std::string>& labels) {
  const auto own = device.find("labels");
  return std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
    return own != device.end() && own->is_array() && std::find(own->begin(), own->end(), json(label)) != own->end();
  });
}

bool has_name(const json& device, const std::string& name) { return device.contains("name") && device["name"] == name; }

}  // namespace

std::optional<Api> api_from(const std::string& text) {
  if (text == "v1") return Api::v1;
  if (text == "v2") return Api::v2;
  if (text == "v3") return Api::v3;
  return std::nullopt;
}

base::Result<Devices> devices_from(const json& document) {
  if (!document.is_object()) return base::fail("the documents are no object");
  const auto found = document.find("devices");
  if (found == document.end()) return Devices{};
  if (!found->is_array()) return base::fail("devices is no array");
  for (const auto& device : *found) {
    if (!device.is_object()) return base::fail("one of devices is no object");
  }
  return Devices(found->begin(), found->end());
}

void Service::set_devices(Devices devices) {
  const std::lock_guard lock(mutex_);
  devices_ = std::move(devices);
}

std::vector<SeenRequest> Service::seen() const {
  const std::lock_guard lock(mutex_);
  return {seen_.begin(), seen_.end()};
}

Devices Service::devices() const {
  const std::lock_guard lock(mutex_);
  return devices_;
}

std::size_t Service::max_result_count() const {
  if (options_.max_result_count > 0) return options_.max_result_count;
  return options_.api == Api::v1 ? kV1Limit : kMaxResultCount;
}

emulator::Response Service::answer(const Request& request) {
  using Kind = emulator::Fault::Kind;
  SeenRequest seen{request.method, request.target, 0, false};
  const auto fault = faults_.next(request);
  auto response = real_answer(request, seen);
  if (fault && fault->kind == Kind::answer) {
    response = text_answer(fault->status, fault->body.value_or(fault->error));
    if (fault->content_type) response.content_type = *fault->content_type;
    if (fault->retry_after) response.headers.emplace_back("Retry-After", *fault->retry_after);
  } else if (fault && fault->kind == Kind::wire) {
    response.wire = fault->wire;
  } else if (fault) {
    response.body.clear();
  }
  if (const auto id = request.header("x-correlation-id"); !id.empty()) response.headers.emplace_back("X-Correlation-ID", id);
  seen.status = response.status;
  const std::lock_guard lock(mutex_);
  if (seen_.size() == kSeenRequests) seen_.pop_front();
  seen_.push_back(std::move(seen));
  return response;
}

bool Service::authorized(const Request& request) const {
  const auto given = request.header("authorization");
  return options_.tokens.empty() || std::any_of(options_.tokens.begin(), options_.tokens.end(), [&given](const auto& token) {
    return given == "Bearer " + token;
  });
}

emulator::Response Service::real_answer(const Request& request, SeenRequest& seen) const {
  const auto& path = request.path;
  if (path.size() < 3 || path[0] != "api" || path[1] != name_of(options_.api)) return text_answer(404, "404 page not found");
  if (request.method != "GET") return text_answer(405, "Method Not Allowed");
  // In EdgeX, too, health is not a secret.
  if (path.size() == 3 && path[2] == "ping") return ping(request);
  seen.authorized = authorized(request);
  if (!seen.authorized) return text_answer(401, "Unauthorized");
  if (options_.api == Api::v1) return v1(request);
  if (path.size() == 4 && path[2] == "device" && path[3] == "all") return all(request);
  if (path.size() == 5 && path[2] == "device" && path[3] == "name") return by_name(path[4]);
  return text_answer(404, "404 page not found");
}

emulator::Response Service::ping(const Request&) const {
  if (options_.api == Api::v1) return text_answer(200, "pong");
  json body = {{"apiVersion", name_of(options_.api)}, {"timestamp", "Wed, 02 Jan 2030 03:04:05 UTC"}};
  if (options_.api == Api::v3) body["serviceName"] = "core-metadata";
  return json_answer(body);
}

emulator::Response Service::v1(const Request& request) const {
  const auto& path = request.path;
  const auto devices = this->devices();
  if (path.size() == 3 && path[2] == "device") {
    // No pages then: what is too much is not given at all.
    if (devices.size() > max_result_count()) return text_answer(413, "Max limit exceeded");
    return json_answer(json(devices));
  }
  if (path.size() == 5 && path[2] == "device" && path[3] == "name") {
    const auto found = std::find_if(devices.begin(), devices.end(), [&](const json& one) { return has_name(one, path[4]); });
    return found == devices.end() ? text_answer(404, "Item not found") : json_answer(*found);
  }
  return text_answer(404, "404 page not found");
}

emulator::Response Service::all(const Request& request) const {
  const auto most = static_cast<long>(max_result_count());
  const auto offset = number_of(request, "offset", 0);
  auto limit = number_of(request, "limit", std::min(kDefaultLimit, most));
  if (!offset || *offset < 0) return error(400, "querystring offset's value is out of min 0 ~ max 2147483647 range");
  if (!limit || *limit < -1 || *limit > most) {
    return error(400, "querystring limit's value is out of min -1 ~ max " + std::to_string(most) + " range");
  }
  if (*limit == -1) limit = most;

  const auto labels = labels_of(request);
  auto matching = devices();
  std::erase_if(matching, [&labels](const json& device) { return !has_labels(device, labels); });
  const auto begin = static_cast<std::size_t>(*offset);
  if (!matching.empty() && begin > matching.size()) {
    return error(416, "query objects bounds out of range. length:" + std::to_string(matching.size()));
  }
  json page = json::array();
  for (auto i = begin; i < matching.size() && page.size() < static_cast<std::size_t>(*limit); ++i) page.push_back(matching[i]);
  json body = {{"apiVersion", name_of(options_.api)}, {"statusCode", 200}, {"devices", std::move(page)}};
  if (options_.total_count) body["totalCount"] = matching.size();
  return json_answer(body);
}

emulator::Response Service::by_name(const std::string& name) const {
  for (const auto& device : devices()) {
    if (has_name(device, name)) {
      return json_answer({{"apiVersion", name_of(options_.api)}, {"statusCode", 200}, {"device", device}});
    }
  }
  return error(404, "fail to query device by name " + name);
}

emulator::Response Service::error(int status, const std::string& message) const {
  return json_answer({{"apiVersion", name_of(options_.api)}, {"message", message}, {"statusCode", status}}, status);
}

}  // namespace iris::edgex_emulator
