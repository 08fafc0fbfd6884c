// SPDX-License-Identifier: Apache-2.0
#include "ship/fault.h"

#include <algorithm>

namespace iris::ship {
namespace {

constexpr std::size_t kMaxFaultBytes = 512;

std::string without_secret(std::string text, const std::string& secret) {
  if (!secret.empty()) {
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "***");
    }
  }
  text.resize(std::min(text.size(), kMaxFaultBytes));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string meaning_of(grpc::StatusCode code, bool has_token) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "the collector ended the stream";
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return has_token ? "the collector refuses this gateway's token (revoked or unknown)"
                       : "the collector refuses this gateway's certificate (revoked or unknown)";
    case grpc::StatusCode::ABORTED:
      return "another stream with this gateway's credential took its place";
    case grpc::StatusCode::UNAVAILABLE:
      return "the collector cannot be reached or is not ready";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "the collector does not understand what was sent";
    default:
      return "the stream to the collector broke";
  }
}

}  // namespace

bool needs_operator(const grpc::Status& status) {
  const auto code = status.error_code();
  return code == grpc::StatusCode::UNAUTHENTICATED || code == grpc::StatusCode::PERMISSION_DENIED ||
         code == grpc::StatusCode::ABORTED;
}

std::string describe(const grpc::Status& status, const std::string& secret) {
  std::string text = meaning_of(status.error_code(), !secret.empty());
  if (!status.error_message().empty()) text += ": " + without_secret(status.error_message(), secret);
  return text;
}

}  // namespace iris::ship
