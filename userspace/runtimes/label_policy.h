// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "enrich/runtime_client.h"

namespace iris::runtimes {

/// What of a container's text is kept. Bounds: a name or image 256 bytes; of the
/// labels at most 32, those of IoT Edge first and then in the order of their
/// names, each name up to 128 bytes and each value up to 256. A label beyond is
/// left out whole, because long values are documents, and those hold secrets.
/// Labels that hold an environment or create options are always left out.
inline constexpr std::size_t kMaxText = 256;
inline constexpr std::size_t kMaxLabels = 32;
inline constexpr std::size_t kMaxLabelName = 128;
inline constexpr std::size_t kMaxLabelValue = 256;
inline constexpr std::size_t kMaxAddresses = 32;
inline constexpr std::size_t kMaxPorts = 64;
inline constexpr std::size_t kMaxId = 128;

std::map<std::string, std::string> keep_labels(const std::map<std::string, std::string>& labels);

/// `text` without control characters, cut to `max_bytes` at a character's edge.
std::string clean_text(std::string_view text, std::size_t max_bytes = kMaxText);

/// Ids of runtimes are letters, digits, '.', '_' and '-'.
bool is_container_id(std::string_view id);

/// Takes IOTEDGE_MODULEID and IOTEDGE_DEVICEID from one "NAME=value" of an
/// environment, which holds secrets: nothing else is looked at or kept.
void take_environment(std::string_view variable, enrich::ContainerInfo& info);

/// Docker's rule: only a container with IoT Edge's owner label is a module. It
/// is named by its environment, else by its own name; any other loses what its
/// environment claimed.
void apply_owner_label(enrich::ContainerInfo& info);

}  // namespace iris::runtimes
