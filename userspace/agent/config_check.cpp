// SPDX-License-Identifier: Apache-2.0
#include "agent/config_check.h"

#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/ip_address.h"
#include "rpc/endpoint.h"

namespace iris::agent {
namespace {

using Faults = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;

void check_target(const UplinkConfig& uplink, Faults& faults) {
  const auto endpoint = rpc::parse_endpoint(uplink.target);
  if (!endpoint) {
    faults.emplace_back("uplink.target", "uplink.target: " + endpoint.error().message);
  } else if (uplink.insecure && !endpoint->is_local()) {
    faults.emplace_back("uplink.insecure", "uplink.insecure is for a unix socket or a loopback address only, not for " +
                                               endpoint->host);
  }
}

void check_readable(const char* key, const std::string& path, Faults& faults) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return;
  faults.emplace_back(key, std::string(key) + " '" + path + "' cannot be read: " + std::strerror(errno));
}

void check_credentials(const UplinkConfig& uplink, Faults& faults) {
  if (uplink.certificate_file.empty() != uplink.key_file.empty()) {
    const char* given = uplink.certificate_file.empty() ? "uplink.key_file" : "uplink.certificate_file";
    const char* missing = uplink.certificate_file.empty() ? "uplink.certificate_file" : "uplink.key_file";
    faults.emplace_back(given, std::string(given) + " needs " + missing + " beside it");
  }
  if (uplink.token_file.empty() && uplink.certificate_file.empty()) {
    faults.emplace_back("uplink.target", "uplink.target needs uplink.token_file or uplink.certificate_file");
  }
  for (const auto& [key, path] : {std::pair{"uplink.ca_file", uplink.ca_file}, {"uplink.token_file", uplink.token_file},
                                  {"uplink.certificate_file", uplink.certificate_file}, {"uplink.key_file", uplink.key_file}}) {
    check_readable(key, path, faults);
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> check_config(const Config& config) {
  Faults faults;
  if (!config.uplink.target.empty()) {
    check_target(config.uplink, faults);
    check_credentials(config.uplink, faults);
  } else if (config.uplink != UplinkConfig{}) {
    faults.emplace_back("uplink.target", "uplink.target is missing, so the rest of [uplink] has no use");
  }
  if (config.local.socket.size() > kLongestSocketPath) {
    faults.emplace_back("local.socket", "local.socket is longer than the " + std::to_string(kLongestSocketPath) +
                                            " bytes that a socket's path may have");
  }
  for (const auto& [key, path] : {std::pair{"iot_hub.connection_string_file", config.iot_hub.connection_string_file},
                                  {"iot_hub.ca_file", config.iot_hub.ca_file},
                                  {"event_hub.connection_string_file", config.event_hub.connection_string_file},
                                  {"event_hub.ca_file", config.event_hub.ca_file},
                                  {"edgex.token_file", config.edgex.token_file}, {"edgex.ca_file", config.edgex.ca_file}}) {
    check_readable(key, path, faults);
  }
  const auto listen = rpc::parse_endpoint(config.metrics.listen);
  if (!listen || !base::IpAddress::parse(listen->host)) {
    faults.emplace_back("metrics.listen", "metrics.listen '" + config.metrics.listen + "' is not address:port");
  }
  return faults;
}

}  // namespace iris::agent
