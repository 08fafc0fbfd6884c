// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "flow/filter.h"
#include "flow/records.h"
#include "pipeline/tracer.h"

namespace iris::cli {

enum class Command { flows, events, exits, containers, devices, alerts, status, selftest, record, replay };

/// Which records a command prints. Ledgers are printed always.
struct Selection {
  bool flows = false;
  bool exits = false;
  bool execs = false;
  bool dns = false;
  bool containers = false;
  bool identities = false;       // devices, and what the cloud reports of them
  std::bitset<7> socket_events;  // by flow::SocketEventType

  bool has(const flow::Record& record) const;
};

struct Options {
  Command command = Command::flows;
  pipeline::TracerOptions tracer;
  Selection selection;
  flow::Filter filter;
  bool json = false;
  bool wide = false;
  bool follow = false;
  bool once = false;
  std::optional<std::chrono::milliseconds> duration;  // --for
  int min_severity = 1;                               // of alerts, 1 to 5
  std::optional<std::size_t> top;                     // rows of a table of flows; 0: all
  std::string socket = "/run/iris/irisd.sock";        // of irisd
  bool socket_named = false;                          // by option or variable: somebody must listen there
  bool standalone = false;                            // do not ask irisd
  bool window_given = false;
  std::string own_option;                             // one given that a running irisd cannot follow; empty: none
  std::string file;                                   // "-": standard input or output
};

/// The command line ends here: help, version, or a usage error.
struct EarlyEnd {
  int exit_code = 0;
  std::string out;
  std::string err;
};

std::variant<Options, EarlyEnd> parse_options(int argc, const char* const* argv);

}  // namespace iris::cli
