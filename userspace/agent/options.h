// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>

#include "agent/config_reader.h"

namespace iris::agent {

struct Options {
  std::string config_path = kConfigPath;
  bool config_named = false;  // on the command line: the file must exist
  bool check_config = false;
  bool foreground = false;    // log to stderr as text even where it is the journal
  bool no_ship = false;
};

/// The command line ends here: help, version, or a usage error.
struct EarlyEnd {
  int exit_code = 0;
  std::string out;
  std::string err;
};

std::variant<Options, EarlyEnd> parse_options(int argc, const char* const* argv);

/// As read_config(), with what the command line decides put on top.
ConfigReading read_config(const Options& options, const Environment& environment);

}  // namespace iris::agent
