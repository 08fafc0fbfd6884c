// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/answers.h"

#include <map>

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

constexpr const char* kTracking = "0d5e1b2ac3f44e6f9a7b8c9d0e1f2a3b-G:4-TimeStamp:01/02/2030 03:04:05";

int number_of(int status, const std::string& name) {
  static const std::map<std::string, int> kNumbers{{"ArgumentInvalid", 400004}, {"IotHubUnauthorizedAccess", 401002},
                                                   {"DeviceNotFound", 404001},  {"ModuleNotFound", 404010},
                                                   {"ThrottlingException", 429001}, {"IotHubQuotaExceeded", 403002},
                                                   {"ServerError", 500001}};
  const auto found = kNumbers.find(name);
  return found == kNumbers.end() ? status * 1'000 : found->second;
}

std::string text_of(const json& body) { return body.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

emulator::Response json_answer(const json& body) {
  emulator::Response response;
  response.body = text_of(body);
  return response;
}

emulator::Response error_answer(int status, const std::string& name, const std::string& message, ErrorStyle style) {
  emulator::Response response;
  response.status = status;
  response.headers.emplace_back("iothub-errorcode", name);
  json body;
  if (style == ErrorStyle::text) {
    body["Message"] = "ErrorCode:" + name + ";" + message;
    body["ExceptionMessage"] = std::string("Tracking ID:") + kTracking;
  } else {
    body["Message"] = text_of({{"errorCode", number_of(status, name)}, {"trackingId", kTracking}, {"message", message},
                               {"timestampUtc", "2030-01-02T03:04:05Z"}});
    body["ExceptionMessage"] = "";
  }
  response.body = text_of(body);
  return response;
}

}  // namespace iris::iot_hub_emulator
