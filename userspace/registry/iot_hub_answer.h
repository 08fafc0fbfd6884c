// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "registry/https_client.h"

namespace iris::registry {

/// What an answer of IoT Hub's service API means for the one who asked.
struct IotHubAnswer {
  enum class Kind : std::uint8_t {
    ok,
    stopped,
    no_answer,     // transport; try again
    throttled,     // 429; try again
    busy,          // 408, 5xx; try again
    broken,        // 200 with a body that is not what was asked for; try again
    unauthorized,  // 401, with a new token too
    forbidden,     // 403
    quota,         // 403 IotHubQuotaExceeded: until 00:00 UTC
    not_found,     // 404
    refused,       // other 4xx and what is unexpected: asking again gives the same
    too_large,     // ask for less
  };
  Kind kind = Kind::no_answer;
  HttpResponse response;
  std::string error_name;  // "DeviceNotFound"; empty when not told
  std::string detail;      // what is wrong, in plain words; empty when ok
  std::optional<std::chrono::seconds> retry_after;

  bool ok() const { return kind == Kind::ok; }
  bool retry() const {
    return kind == Kind::no_answer || kind == Kind::throttled || kind == Kind::busy || kind == Kind::broken;
  }
};

/// `host` for the words; `hub_seconds`: Unix time by the hub's clock, for a Retry-After that is
/// a date.
IotHubAnswer judge(HttpResponse response, const std::string& host, std::int64_t hub_seconds);

/// The name of an error: the header iothub-errorcode, else what the body says in either of its
/// two spellings ("ErrorCode:DeviceNotFound;..", or JSON in Message); bounded, letters and digits.
std::string error_name(const HttpResponse& response);

/// Seconds, or an HTTP date; at most an hour, so that a mistake in it cannot stop us for good.
std::optional<std::chrono::seconds> parse_retry_after(const std::string& text, std::int64_t now_seconds);

}  // namespace iris::registry
