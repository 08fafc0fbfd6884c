// SPDX-License-Identifier: Apache-2.0
#include "detect/entity.h"

#include <fmt/format.h>

#include <algorithm>

#include "profile/sketch.h"

namespace iris::detect {

Suspect& Entity::suspect(std::uint64_t key, std::uint64_t now_ns, std::uint32_t most) {
  for (auto& known : suspects)
    if (known.key == key) return known;
  Suspect made;
  made.key = key;
  made.first_ns = now_ns;
  if (suspects.size() < most) return suspects.emplace_back(made);
  // Those that tried least go first: a scan must not push out a beacon.
  auto& least = *std::min_element(suspects.begin(), suspects.end(), [](const Suspect& a, const Suspect& b) {
    return std::make_tuple(a.windows, a.last_ns, a.key) < std::make_tuple(b.windows, b.last_ns, b.key);
  });
  return least = made;
}

Fans& Entity::use_fans(std::uint64_t now_ns) {
  fans_ns = now_ns;
  if (!fans) fans = std::make_unique<Fans>();
  return *fans;
}

const HourSum& Entity::add_to_hour(const profile::Observation& seen, bool teach) {
  const std::uint64_t service = profile::service_key(seen);
  const auto hour = static_cast<std::uint32_t>(seen.end_ns / 3'600'000'000'000);
  auto sum = std::find_if(hours.begin(), hours.end(), [&](const HourSum& known) { return known.service == service; });
  if (sum == hours.end()) {
    if (hours.size() < profile::ServiceTable::kCapacity)
      sum = hours.insert(hours.end(), HourSum{service, hour, 0, 0});
    else
      *(sum = std::min_element(hours.begin(), hours.end(), [](const HourSum& a, const HourSum& b) {
          return a.hour < b.hour;
        })) = HourSum{service, hour, 0, 0};
  }
  if (sum->hour != hour) {
    profile->learn_hour(service, sum->out, sum->in);
    *sum = HourSum{service, hour, 0, 0};
  }
  if (teach) {
    sum->out += seen.bytes_out;
    sum->in += seen.bytes_in;
  }
  return *sum;
}

std::string Moment::peer_text() const {
  std::string text = seen.address ? seen.address->to_string() : seen.peer.label;
  if (!record.peer_names.empty())
    text += fmt::format(" ({})", record.peer_names.front());
  else if (seen.peer.kind == profile::PeerKind::module || seen.peer.kind == profile::PeerKind::device)
    text += fmt::format(" ({})", seen.peer.label);
  return text;
}

std::string Moment::service_text() const {
  const auto protocol = flow::protocol_name(seen.protocol);
  return seen.port != 0 ? fmt::format("{}/{}", protocol, seen.port) : protocol;
}

Severity severity_of(double score, const Thresholds& limits) {
  if (score >= limits.high_score) return Severity::high;
  return score >= limits.medium_score ? Severity::medium : Severity::low;
}

Suspect& note_suspect(const Moment& moment) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kMinute = 60 * kSecond;
  const auto& seen = moment.seen;
  const std::uint64_t address = seen.address ? base::IpAddressHash{}(*seen.address) : seen.peer.hash;
  const std::uint64_t key = profile::mix(address ^ profile::service_key(seen)) ^ seen.port;
  auto& suspect = moment.entity.suspect(key, seen.start_ns, moment.limits.suspects);
  if (seen.attempts > 0 && suspect.last_ns != 0 && moment.now_ns > suspect.last_ns)
    suspect.interval.add(static_cast<double>(moment.now_ns - suspect.last_ns) / kSecond);
  if (suspect.last_ns != moment.now_ns) ++suspect.windows;
  suspect.last_ns = moment.now_ns;
  suspect.attempts += seen.attempts;
  suspect.answered += seen.answered;
  suspect.failures += seen.failures;
  suspect.bytes_out += seen.bytes_out;
  suspect.bytes_in += seen.bytes_in;
  if (moment.now_ns >= suspect.hour_ns + 60 * kMinute) {
    suspect.hour_ns = moment.now_ns;
    suspect.hour_out = suspect.hour_in = 0;
  }
  suspect.hour_out += seen.bytes_out;
  suspect.hour_in += seen.bytes_in;
  if (moment.now_ns >= suspect.minute_ns + kMinute) {
    suspect.minute_ns = moment.now_ns;
    suspect.minute_attempts = 0;
  }
  suspect.minute_attempts += seen.attempts;
  return suspect;
}

}  // namespace iris::detect
