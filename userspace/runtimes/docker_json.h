// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "enrich/runtime_client.h"

/// The answers of the Docker Engine API, as far as we need them. Pure: any
/// bytes give a value or none. Fields we do not need, among them the
/// environment but for two names, are dropped while reading.
namespace iris::runtimes {

/// Answer of GET /containers/ID/json.
std::optional<enrich::ContainerInfo> parse_docker_inspect(std::string_view json);

struct DockerListEntry {
  enrich::ContainerInfo info;  // without pid, addresses and environment
  bool running = false;
};
/// Answer of GET /containers/json. Entries that make no sense are left out.
std::optional<std::vector<DockerListEntry>> parse_docker_list(std::string_view json);

struct DockerEvent {
  enum class Kind { none, created, changed, died, destroyed };
  Kind kind = Kind::none;      // none: of no interest
  enrich::ContainerInfo info;  // id; for a container also name, image and labels
};
/// One line of GET /events.
std::optional<DockerEvent> parse_docker_event(std::string_view line);

/// {"message": ...} of an error, cleaned; empty when it is not one.
std::string parse_docker_error(std::string_view json);

struct ApiVersion {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const ApiVersion&) const = default;
};
std::optional<ApiVersion> parse_api_version(std::string_view text);

}  // namespace iris::runtimes
