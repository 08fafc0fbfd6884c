// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

/// What the emulators' programs have in common.
namespace iris::emulator {

/// "127.0.0.1:8443", "[::1]:0".
struct ListenAddress {
  std::string host;
  int port = 0;
};
base::Result<ListenAddress> parse_listen_address(const std::string& text);

base::Result<std::string> read_text_file(const std::string& path);
base::Result<nlohmann::json> read_json_file(const std::string& path);
base::Result<void> write_text_file(const std::string& path, const std::string& text);

/// Before any thread is started: SIGHUP, SIGINT and SIGTERM wait for run_until_stopped().
void hold_signals();
/// Prints `ready` as one line; calls `reload` at each SIGHUP, and prints {"reloaded":true} or
/// {"reloaded":false,"error":..} after it; returns at SIGINT or SIGTERM.
void run_until_stopped(const nlohmann::json& ready, const std::function<base::Result<void>()>& reload);

}  // namespace iris::emulator
