// SPDX-License-Identifier: Apache-2.0
#include "runtimes/label_policy.h"

#include <algorithm>

namespace iris::runtimes {
namespace {

constexpr std::string_view kEdgePrefix = "net.azure-devices.edge.";
constexpr std::string_view kOwnerLabel = "net.azure-devices.edge.owner";
constexpr std::string_view kOwnerValue = "Microsoft.Azure.Devices.Edge.Agent";

bool may_hold_secrets(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  std::erase_if(lower, [](char c) { return c == '-' || c == '_'; });
  return lower.ends_with("createoptions") || lower.ends_with(".env") || lower.ends_with("/env") ||
         lower.find("secret") != std::string::npos || lower.find("password") != std::string::npos ||
         lower.find("lastappliedconfiguration") != std::string::npos;
}

}  // namespace

std::map<std::string, std::string> keep_labels(const std::map<std::string, std::string>& labels) {
  std::map<std::string, std::string> kept;
  for (const bool edge : {true, false}) {
    for (const auto& [name, value] : labels) {
      if (kept.size() >= kMaxLabels) return kept;
      if (name.starts_with(kEdgePrefix) != edge || name.empty() || name.size() > kMaxLabelName ||
          value.size() > kMaxLabelValue || may_hold_secrets(name)) {
        continue;
      }
      kept.emplace(clean_text(name), clean_text(value));
    }
  }
  return kept;
}

std::string clean_text(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    std::size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    if (byte < 0x20 || byte == 0x7F) {
      out[i] = '?';
    } else if (byte == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0 &&
               static_cast<unsigned char>(out[i + 1]) >= 0x80) {
      out[i] = out[i + 1] = '?';  // U+0080 to U+009F: terminals obey them as well
    }
  }
  return out;
}

bool is_container_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
  });
}

void take_environment(std::string_view variable, enrich::ContainerInfo& info) {
  constexpr std::string_view kModule = "IOTEDGE_MODULEID=";
  constexpr std::string_view kDevice = "IOTEDGE_DEVICEID=";
  if (variable.starts_with(kModule)) {
    info.module_id = clean_text(variable.substr(kModule.size()));
  } else if (variable.starts_with(kDevice)) {
    info.device_id = clean_text(variable.substr(kDevice.size()));
  }
}

void apply_owner_label(enrich::ContainerInfo& info) {
  const auto label = info.labels.find(std::string(kOwnerLabel));
  if (label == info.labels.end() || label->second != kOwnerValue) {
    info.module_id.clear();
    info.device_id.clear();
    return;
  }
  if (!info.module_id.empty()) return;
  const bool system = info.name == "edgeAgent" || info.name == "edgeHub";
  info.module_id = system ? "$" + info.name : info.name;
}

}  // namespace iris::runtimes
