// SPDX-License-Identifier: Apache-2.0
#include "agent/repeated_answers.h"

#include <algorithm>
#include <vector>

namespace iris::agent {
namespace {

/// Servers turn the addresses round from one answer to the next.
std::string text_of(const flow::DnsRecord& answer) {
  std::vector<std::string> addresses;
  addresses.reserve(answer.addresses.size());
  for (const auto& address : answer.addresses) addresses.push_back(address.to_string());
  std::sort(addresses.begin(), addresses.end());
  std::string text = std::to_string(answer.owner ? answer.owner->cgroup_id : 0) + ' ' +
                     std::to_string(answer.response_code) + ' ' + answer.question_name;
  for (const auto& address : addresses) text += ' ' + address;
  return text;
}

}  // namespace

bool RepeatedAnswers::repeats(const flow::DnsRecord& answer) {
  std::string text = text_of(answer);
  const auto found = told_.find(text);
  if (found == told_.end()) {
    if (told_.size() >= kMaxKnown) told_.clear();
    told_.emplace(std::move(text), answer.wall_ns);
    return false;
  }
  const auto lasts = static_cast<std::uint64_t>(kNewsAgainAfter.count());
  // Told later than now: the clock has been set back.
  if (found->second <= answer.wall_ns && answer.wall_ns - found->second < lasts) return true;
  found->second = answer.wall_ns;
  return false;
}

}  // namespace iris::agent
