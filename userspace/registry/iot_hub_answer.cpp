// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_answer.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace iris::registry {
namespace {

using Json = nlohmann::json;
using Kind = IotHubAnswer::Kind;

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxErrorBodyBytes = 16u << 10;
constexpr std::chrono::seconds kMaxRetryAfter = std::chrono::hours(1);

std::string name_in(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  const auto end = std::find_if_not(text.begin(), text.end(), fits);
  return std::string(text.substr(0, std::min<std::size_t>(static_cast<std::size_t>(end - text.begin()), kMaxNameBytes)));
}

std::string text_member(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number_integer() ? std::to_string(found->get<std::int64_t>()) : std::string();
}

Kind kind_of(long status, const std::string& name) {
  if (status == 200) return Kind::ok;
  if (status == 401) return Kind::unauthorized;
  if (status == 403) return name == "IotHubQuotaExceeded" || name == "403002" ? Kind::quota : Kind::forbidden;
  if (status == 404) return Kind::not_found;
  if (status == 429) return Kind::throttled;
  if (status == 408 || status >= 500) return Kind::busy;
  return Kind::refused;
}

std::string explain(const IotHubAnswer& answer, const std::string& host) {
  const std::string named = answer.error_name.empty() ? "" : ", " + answer.error_name;
  const std::string status = " (" + std::to_string(answer.response.status) + named + ")";
  switch (answer.kind) {
    case Kind::ok:
    case Kind::stopped:
      return "";
    case Kind::no_answer:
    case Kind::too_large:
      return host + ": " + answer.response.error;
    case Kind::throttled:
      return host + " throttles: something uses up the hub's rate of requests" + status;
    case Kind::busy:
      return host + " cannot answer now" + status;
    case Kind::broken:
      return host + " answers with something else than IoT Hub does: is a proxy in between?";
    case Kind::unauthorized:
      return host + " refuses the access" + status;
    case Kind::forbidden:
      return host + " forbids it" + status;
    case Kind::quota:
      return host + " has used up its quota of messages until 00:00 UTC" + status;
    case Kind::not_found:
      return host + " does not know it" + status;
    case Kind::refused:
      if (answer.response.status >= 300 && answer.response.status < 400) {
        return host + " answers with a redirection, which IoT Hub never does: is a proxy or portal in between?" + status;
      }
      return host + " does not take the request" + status;
  }
  return "";
}

}  // namespace

std::string error_name(const HttpResponse& response) {
  if (const auto header = response.header("iothub-errorcode")) return name_in(*header);
  if (response.body.size() > kMaxErrorBodyBytes) return "";
  const auto body = Json::parse(response.body, nullptr, false);
  const auto message = text_member(body, "Message");
  constexpr std::string_view kPrefix = "ErrorCode:";
  if (message.starts_with(kPrefix)) return name_in(std::string_view(message).substr(kPrefix.size()));
  const auto inner = Json::parse(message, nullptr, false);
  return name_in(text_member(inner, "errorCode"));
}

std::optional<std::chrono::seconds> parse_retry_after(const std::string& text, std::int64_t now_seconds) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return kMaxRetryAfter;
  if (error != std::errc() || end != text.data() + text.size()) {
    const auto date = parse_http_date(text);
    if (!date) return std::nullopt;
    seconds = *date - now_seconds;
  }
  return std::clamp(std::chrono::seconds(seconds), std::chrono::seconds(0), kMaxRetryAfter);
}

IotHubAnswer judge(HttpResponse response, const std::string& host, std::int64_t hub_seconds) {
  IotHubAnswer answer;
  answer.response = std::move(response);
  if (answer.response.failure == HttpFailure::stopped) {
    answer.kind = Kind::stopped;
  } else if (answer.response.failure == HttpFailure::too_large) {
    answer.kind = Kind::too_large;
  } else if (answer.response.failure == HttpFailure::refused_by_us) {
    answer.kind = Kind::refused;
    answer.detail = answer.response.error;
    return answer;
  } else if (answer.response.answered()) {
    const long status = answer.response.status;
    if (status != 200) answer.error_name = error_name(answer.response);
    answer.kind = kind_of(status, answer.error_name);
    if (const auto wait = answer.response.header("retry-after"); wait && answer.retry()) {
      answer.retry_after = parse_retry_after(*wait, hub_seconds);
    }
  }
  answer.detail = explain(answer, host);
  return answer;
}

}  // namespace iris::registry
