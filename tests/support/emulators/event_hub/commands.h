// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <istream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"
#include "emulator.h"

/// What the program takes from a file or a socket: one JSON object a line.
///
///   {"partition":"0","body":TEXT-OR-JSON}        an event; also "sections":[..], "kind":"string_value",
///                                                "sequence", "offset", "enqueued_ms", "partition_key"
///   {"detach":{"condition":..,"description":..},"partition":".."}    all links, or those of a partition
///   {"refuse":{"condition":..},"count":n,"partition":".."}           the next attaches
///   {"close":{"condition":..}}  {"cut":true}  {"silent":true}  {"recreate":true}  {"steal":"0"}
///   {"seen":true}               what clients did
namespace iris::event_hub_emulator {

/// The answer: {"sequence":n}, {"ok":true}, {"error":".."} or what was seen.
nlohmann::json run_command(Emulator& emulator, const nlohmann::json& command);
/// Runs each line; the first that fails ends it.
base::Result<void> run_lines(Emulator& emulator, std::istream& lines);

/// Answers each line on a unix socket, one client at a time.
class CommandSocket {
 public:
  static base::Result<std::unique_ptr<CommandSocket>> open(Emulator& emulator, const std::string& path);
  ~CommandSocket();

 private:
  CommandSocket(Emulator& emulator, base::UniqueFd listener, std::string path);
  void run();
  void serve(int fd);
  bool readable(int fd) const;

  Emulator& emulator_;
  base::UniqueFd listener_;
  std::string path_;
  base::UniqueFd waker_;
  std::thread thread_;
};

}  // namespace iris::event_hub_emulator
