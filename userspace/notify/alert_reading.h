// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace iris::notify {

/// Who talked to whom, as in the evidence of an alert. Source is who opened it.
struct Conversation {
  bool outgoing = true;  // our workload is the source
  std::optional<base::IpAddress> source;
  std::optional<base::IpAddress> destination;
  std::uint64_t source_port = 0;  // 0: not known, as everywhere here
  std::uint64_t destination_port = 0;
  std::string protocol;
  std::string peer_name;  // a DNS name
  std::optional<std::uint64_t> source_bytes;
  std::optional<std::uint64_t> destination_bytes;
};

/// What is sent of an alert, out of its JSON. Texts are foreign; empty: not known.
struct AlertReading {
  std::string id;
  std::string alert_class;
  std::string rule;
  std::vector<std::string> rules;
  int severity = 3;                 // 1..5
  std::uint64_t first_wall_ns = 0;  // of the evidence
  std::uint64_t last_wall_ns = 0;   // of the last finding
  std::string gateway;
  std::string module;
  std::string image;
  std::string device;
  std::string subject;
  std::string summary;
  std::vector<std::string> attack_techniques;
  std::uint64_t count = 0;
  std::string status;
  std::optional<Conversation> conversation;  // the first one of the evidence
  std::string process;                       // of ours, out of the first evidence that names one
  std::uint64_t pid = 0;
};

/// Whatever is missing or of another type than the contract says counts as not known.
/// Kind::usage: no JSON object, or larger than kMaxAlertBytes.
base::Result<AlertReading> read_alert(std::string_view json);

inline constexpr std::size_t kMaxAlertBytes = 4u << 20;

}  // namespace iris::notify
