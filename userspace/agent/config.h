// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "identity/translation_table.h"
#include "pipeline/tracer.h"
#include "ship/uplink.h"
#include "spool/spool.h"

/// What irisd can be told, as plain values. How they are read: config_reader.h.
namespace iris::agent {

struct LogConfig {
  std::string level = "info";   // trace, debug, info, warning, error, critical, off
  std::string format = "auto";  // auto: the journal when stderr is it, else text; text, json, journal

  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct CaptureConfig {
  std::uint32_t ring_bytes = 2U << 20;
  std::uint32_t max_flows = 12'288;
  std::uint32_t max_sockets = 20'480;
  std::string cgroup_root;         // empty: where cgroup2 is mounted
  std::string cgroup1_controller;  // empty: owners are named by cgroup2

  friend bool operator==(const CaptureConfig&, const CaptureConfig&) = default;
};

struct RuntimesConfig {
  std::string docker_socket = "/run/docker.sock";                          // empty: not asked
  std::string containerd_socket = "/run/containerd/containerd.sock";       // empty: not asked

  friend bool operator==(const RuntimesConfig&, const RuntimesConfig&) = default;
};

struct SpoolConfig {
  std::string directory = "/var/lib/iris";
  std::uint64_t max_bytes = 256ULL << 20;

  friend bool operator==(const SpoolConfig&, const SpoolConfig&) = default;
};

struct UplinkConfig {
  std::string target;  // empty: nothing is shipped
  bool insecure = false;
  std::string ca_file;
  std::string token_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;

  friend bool operator==(const UplinkConfig&, const UplinkConfig&) = default;
};

struct LocalConfig {
  std::string socket = "/run/iris/irisd.sock";  // empty: no local interface
  std::string group = "iris";                   // may use it, if the group exists

  friend bool operator==(const LocalConfig&, const LocalConfig&) = default;
};

/// Secrets are no part of it: connection strings come from files or from
/// AZURE_IOT_HUB_CONNECTION_STRING and AZURE_EVENT_HUB_CONNECTION_STRING.
struct IotHubConfig {
  std::string connection_string_file;
  std::string address;  // "host:port" to dial in place of the hub's name and 443
  std::string ca_file;
  std::string proxy;
  std::uint32_t queries_per_minute = 10;

  friend bool operator==(const IotHubConfig&, const IotHubConfig&) = default;
};

struct EventHubConfig {
  std::string connection_string_file;
  std::string hub;      // where the connection string is the namespace's
  std::string consumer_group = "$Default";
  std::string start = "latest";  // or earliest: where no position is kept yet
  std::string address;
  std::string ca_file;

  friend bool operator==(const EventHubConfig&, const EventHubConfig&) = default;
};

struct EdgexConfig {
  std::string url;      // empty: not asked
  std::string token_file;
  std::string ca_file;

  friend bool operator==(const EdgexConfig&, const EdgexConfig&) = default;
};

struct IdentityConfig {
  std::string device_id;   // of this gateway in IoT Hub; empty: as its modules say
  bool neighbours = true;  // hosts that nobody registered, from the neighbour table and leases
  std::map<std::string, std::string> mapping;           // as identity::MergeRules
  std::vector<identity::TranslationRow> translation;    // modules that translate protocols

  friend bool operator==(const IdentityConfig&, const IdentityConfig&) = default;
};

struct MetricsConfig {
  bool enabled = false;
  std::string listen = "127.0.0.1:9478";

  friend bool operator==(const MetricsConfig&, const MetricsConfig&) = default;
};

struct Config {
  std::chrono::milliseconds window{10'000};
  LogConfig log;
  CaptureConfig capture;
  RuntimesConfig runtimes;
  SpoolConfig spool;
  UplinkConfig uplink;
  LocalConfig local;
  MetricsConfig metrics;
  IotHubConfig iot_hub;
  EventHubConfig event_hub;
  EdgexConfig edgex;
  IdentityConfig identity;

  friend bool operator==(const Config&, const Config&) = default;
};

pipeline::TracerOptions tracer_options(const Config& config);
spool::SpoolOptions spool_options(const Config& config);
ship::UplinkOptions uplink_options(const Config& config);

}  // namespace iris::agent
