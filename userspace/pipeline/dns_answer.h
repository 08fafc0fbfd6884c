// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace iris::pipeline {

struct DnsAnswer {
  std::string question_name;  // without the closing dot; odd bytes escaped as \DDD
  std::uint8_t response_code = 0;
  std::vector<base::IpAddress> addresses;  // of the question's name, through CNAMEs
  std::uint32_t ttl_seconds = 0;           // the shortest of those
};

/// Reads the answer to a question. The bytes may be anything; an answer that
/// was cut off gives what is whole. None: no answer to exactly one question.
std::optional<DnsAnswer> parse_dns_answer(std::span<const std::uint8_t> message);

}  // namespace iris::pipeline
