// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
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

/// main() of an emulator: arguments read, signals held, run until stopped. 2 says wrong usage.
template <typename Arguments>
int run_program(const char* name, const char* what, int argc, char** argv, Arguments (*read)(CLI::App&, int, char**),
                base::Result<void> (*run)(const Arguments&)) {
  CLI::App app{what};
  Arguments arguments;
  try {
    arguments = read(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  hold_signals();
  const auto done = run(arguments);
  if (done) return 0;
  fmt::print(stderr, "{}: {}\n", name, done.error().message);
  return done.error().kind == base::Error::Kind::usage ? 2 : 1;
}

}  // namespace iris::emulator
