// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <variant>

#include "collector_program/config.h"

namespace iris::collector {

/// Of `profile export`.
struct PolicyRequest {
  std::string name;      // of the profile, see profiles_named()
  std::string format;    // policy::parse_format()
  std::string gateway;   // empty: all
  std::string mud_url;   // empty: one that leads nowhere
  bool dry_run = false;  // say what it would have done, in place of the document
  bool enforce = false;
  bool force = false;  // although the profile does not carry it
};

struct Options {
  enum class Command { serve, gateway_add, gateway_list, gateway_revoke, replay, alerts, alert_show, alert_set, alert_export, profiles, profile_export };
  Command command = Command::serve;
  std::string config_path;  // empty: IRIS_COLLECTOR_CONFIG, or kConfigPath if it is there
  Flags flags;
  std::string gateway;      // of add and revoke
  std::string file;         // of replay and alert export; "-": standard input or output
  std::map<std::string, std::string> parameters;  // of alerts and profiles, as in the REST interface
  std::string alert;        // id
  store::AlertState alert_state = store::AlertState::open;
  PolicyRequest policy;
  bool json = false;
};

/// Help, version or a complaint: nothing more to do.
struct EarlyEnd {
  int exit_code = 0;
  std::string out;
  std::string err;
};

std::variant<Options, EarlyEnd> parse_options(int argc, const char* const* argv);

}  // namespace iris::collector
