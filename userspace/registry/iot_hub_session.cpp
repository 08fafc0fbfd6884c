// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_session.h"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "registry/sas_token.h"

namespace iris::registry {
namespace {

constexpr const char* kApiVersion = "2021-04-12";
constexpr std::int64_t kTokenSeconds = 3600;
constexpr std::int64_t kRenewSeconds = 1800;  // before its end
constexpr std::int64_t kMaxSkewSeconds = 300;

/// A random UUID (version 4), by which the service finds a request in its own logs.
std::string request_id() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  const std::uint64_t a = random();
  const std::uint64_t b = random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff,
                     ((b >> 48) & 0x3fff) | 0x8000, b & 0xffffffffffff);
}

}  // namespace

IotHubSession::IotHubSession(HttpsOptions https, IotHubConnection connection, Pace& pace)
    : https_(std::move(https)), connection_(std::move(connection)), pace_(pace) {}

void IotHubSession::set_connection(IotHubConnection connection) {
  connection_ = std::move(connection);
  token_ = {};
  accepted_ = false;
}

IotHubAnswer IotHubSession::query(const std::string& text, unsigned page_size, const std::string& continuation) {
  HttpRequest request;
  request.post = true;
  request.body = nlohmann::json{{"query", text}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  request.headers = {{"Content-Type", "application/json; charset=utf-8"},
                     {"x-ms-max-item-count", std::to_string(page_size)}};
  if (!continuation.empty()) request.headers.emplace_back("x-ms-continuation", continuation);
  return send(std::move(request), "/devices/query", true);
}

IotHubAnswer IotHubSession::send(HttpRequest request, const std::string& path, bool renew) {
  request.url = "https://" + connection_.host_name + path + (path.find('?') == std::string::npos ? "?" : "&") +
                "api-version=" + kApiVersion;
  request.headers.emplace_back("Accept", "application/json");
  request.headers.emplace_back("Request-Id", request_id());
  auto answer = attempt(request);
  if (answer.kind == IotHubAnswer::Kind::unauthorized && renew) {
    token_ = {};  // it may have been signed with a wrong clock, which the answer has corrected
    answer = attempt(request);
  }
  return answer;
}

IotHubAnswer IotHubSession::attempt(HttpRequest& request) {
  request.authorization = token();
  ++requests_;
  auto response = https_.perform(request);
  watch_clock(response);
  auto answer = judge(std::move(response), connection_.host_name, hub_seconds());
  if (answer.kind == IotHubAnswer::Kind::throttled) ++throttled_;
  if (answer.kind == IotHubAnswer::Kind::ok || answer.kind == IotHubAnswer::Kind::not_found) accepted_ = true;
  return answer;
}

const Secret& IotHubSession::token() {
  const auto now = hub_seconds();
  // The second: the clock went back since.
  if (token_.empty() || token_expiry_ - now < kRenewSeconds || token_expiry_ - now > kTokenSeconds + kMaxSkewSeconds) {
    token_expiry_ = now + kTokenSeconds;
    token_ = make_sas_token(connection_.host_name, connection_.policy, connection_.key, token_expiry_);
  }
  return token_;
}

void IotHubSession::watch_clock(const HttpResponse& response) {
  const auto date = response.header("date");
  if (!date) return;
  if (const auto seconds = parse_http_date(*date)) skew_seconds_ = *seconds - own_seconds();
}

std::int64_t IotHubSession::own_seconds() const { return static_cast<std::int64_t>(pace_.wall_ns() / 1'000'000'000); }

std::chrono::seconds IotHubSession::clock_behind() const {
  return std::chrono::seconds(std::abs(skew_seconds_) > kMaxSkewSeconds ? skew_seconds_ : 0);
}

std::int64_t IotHubSession::hub_seconds() const { return own_seconds() + clock_behind().count(); }

}  // namespace iris::registry
