// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "notify/settings.h"
#include "store/store.h"

/// What iris-collector can be told, as plain values, and how they are read.
namespace iris::collector {

struct Config {
  std::string listen = "0.0.0.0:4319";   // gRPC, from the agents
  std::string http = "127.0.0.1:8319";   // REST, plain text
  std::string data_directory = "/var/lib/iris-collector";
  std::string store;             // "sqlite:PATH"; read_config() fills it in when empty
  std::string certificate_file;  // PEM; both empty and not insecure: made at first start
  std::string key_file;
  std::string client_ca_file;    // set: client certificates are accepted, too
  bool insecure = false;         // gRPC in plain text; unix sockets and loopback only
  store::Retention retention;
  std::string risky_list;        // peers that are a bad sign, beside the list that ships; empty: none
  notify::NotifySettings notify;  // where alerts go
  std::string log_level = "info";
};

/// What is wrong, and where: "FILE:12", "IRIS_COLLECTOR_LISTEN" or "--listen".
struct Fault {
  std::string where;
  std::string message;
};

struct ConfigReading {
  Config config;
  std::vector<Fault> faults;    // the program does nothing with any
  std::vector<Fault> warnings;  // variables that look like ours and are not
};

using Environment = std::map<std::string, std::string>;
/// The variables of this process that begin with IRIS_COLLECTOR_.
Environment collector_environment();

inline constexpr const char* kConfigPath = "/etc/iris/iris-collector.toml";

/// Name of a key, as "retention.raw_days", to its value as text.
using Flags = std::map<std::string, std::string>;

/// Defaults, then the file, then the environment, then the flags; goes on after a
/// fault, so that all are named. `must_exist`: its absence is a fault.
ConfigReading read_config(const std::string& path, bool must_exist, const Environment& environment, const Flags& flags);

}  // namespace iris::collector
