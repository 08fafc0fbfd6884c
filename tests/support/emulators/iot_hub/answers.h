// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "emulators/http/message.h"

namespace iris::iot_hub_emulator {

/// The two spellings of "Message" in error bodies.
enum class ErrorStyle { text, json };

emulator::Response json_answer(const nlohmann::json& body);
/// With the header iothub-errorcode.
emulator::Response error_answer(int status, const std::string& name, const std::string& message,
                                ErrorStyle style = ErrorStyle::text);

}  // namespace iris::iot_hub_emulator
