// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_fault.h"

#include <algorithm>

namespace iris::registry {
namespace {

using Kind = Fault::Kind;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string said(std::string_view condition, std::string_view description) {
  std::string text(harmless(condition));
  const std::string more = harmless(description);
  if (!more.empty()) text += (text.empty() ? "" : ": ") + more;
  return text.empty() ? "no reason given" : text;
}

std::string where(const FaultPlace& place) {
  std::string text = "event hub \"" + std::string(place.hub) + "\"";
  if (!place.partition.empty()) text += ", partition " + std::string(place.partition);
  return text;
}

std::string group(const FaultPlace& place) { return "consumer group \"" + std::string(place.consumer_group) + "\""; }

Fault unauthorized(const FaultPlace& place) {
  // The service's own text is left out: it is the same for a dozen causes.
  return {Kind::unauthorized, "refused by the service for " + where(place) + ": check that the key of policy \"" +
                                  std::string(place.policy) +
                                  "\" is right and current, that the policy has the Listen right, and that this host's "
                                  "clock and address are allowed"};
}

Fault not_found(const FaultPlace& place) {
  return {Kind::not_found,
          "there is no " + where(place) + " with " + group(place) + ": check the names (EntityPath, consumer group)"};
}

Fault transport_fault(std::string_view condition, std::string_view description, const FaultPlace& place) {
  if (condition == "amqp:unauthorized-access") {
    // SASL's word. Proton gives the same when the library of the mechanism is missing.
    if (contains(description, "No worthy mechs") ||
        contains(description, "mechanism") || contains(description, "mech=none")) {
      return {Kind::unauthorized, "no common way to authenticate: the server offers no SASL PLAIN, or the package "
                                  "libsasl2-modules is not installed"};
    }
    return unauthorized(place);
  }
  if (contains(description, "certificate")) {
    return {Kind::untrusted, "the server's certificate is not accepted (" + harmless(description) +
                                 "): check the host name, the CA file and this host's clock"};
  }
  if (contains(description, "idle-timeout") || contains(description, "idle timeout")) {
    return {Kind::silent, "no sign of life from the service within the idle time-out; connecting anew"};
  }
  if (contains(description, "unexpected eof") || contains(description, "connection aborted") || condition.empty()) {
    return {Kind::unreachable, "the connection broke; connecting anew"};
  }
  if (contains(description, "wrong version") || contains(description, "packet length")) {
    return {Kind::untrusted, "the server does not speak TLS: is this the AMQP port, 5671?"};
  }
  if (contains(description, "SSL")) {
    return {Kind::untrusted, "no trusted TLS connection (" + harmless(description) +
                                 "): check the CA file, the host name and this host's clock"};
  }
  return {Kind::protocol, "the server does not speak AMQP 1.0 as expected (" + said(condition, description) + ")"};
}

}  // namespace

bool Fault::is_lasting() const {
  return kind == Kind::untrusted || kind == Kind::unauthorized || kind == Kind::not_found || kind == Kind::stolen ||
         kind == Kind::too_many_readers;
}

Fault classify(FaultScope scope, std::string_view condition, std::string_view description, const FaultPlace& place) {
  if (scope == FaultScope::transport) return transport_fault(condition, description, place);
  if (condition == "amqp:unauthorized-access" || condition == "com.microsoft:auth-failed") return unauthorized(place);
  const bool no_such_partition = condition == "com.microsoft:argument-out-of-range" &&
                                 contains(description, "specified partition is invalid");
  if (condition == "amqp:not-found" || condition == "com.microsoft:entity-not-found" || no_such_partition) {
    return not_found(place);
  }
  if (condition == "amqp:link:stolen") {
    return {Kind::stolen, where(place) + ": another reader has taken it for itself (it reads with an epoch): give this "
                              "gateway a consumer group of its own instead of " + group(place)};
  }
  if (condition == "amqp:resource-limit-exceeded") {
    return {Kind::too_many_readers, where(place) + ": more than five readers on " + group(place) +
                                        ", or a quota is used up: give this gateway a consumer group of its own (" +
                                        said({}, description) + ")"};
  }
  if (condition == "com.microsoft:server-busy" || condition == "com.microsoft:timeout") {
    return {Kind::busy, where(place) + ": the service is busy; pausing (more throughput units would help)"};
  }
  if (condition == "amqp:link:detach-forced" || condition == "amqp:connection:forced") {
    return {Kind::forced, where(place) + ": closed by the service (idle or maintenance); going on from the last offset"};
  }
  if (condition == "com.microsoft:argument-error" || condition == "com.microsoft:argument-out-of-range") {
    return {Kind::bad_position, where(place) + ": the service does not take the position to read from (" +
                                    said(condition, description) + ")"};
  }
  return {Kind::protocol, where(place) + ": " + said(condition, description)};
}

Fault classify_status(int status, std::string_view condition, std::string_view description, const FaultPlace& place) {
  if (!condition.empty()) return classify(FaultScope::link, condition, description, place);
  if (status == 401 || status == 403) return unauthorized(place);
  if (status == 404) return not_found(place);
  if (status == 429 || status == 503 || status == 504) return classify(FaultScope::link, "com.microsoft:server-busy", {}, place);
  return {Kind::protocol, where(place) + ": status " + std::to_string(status) + ", " + said({}, description)};
}

std::string harmless(std::string_view text) {
  constexpr std::size_t kMost = 160;
  for (const std::string_view secret : {"SharedAccess", "sig=", "Bearer "}) {
    text = text.substr(0, text.find(secret));
  }
  std::string out;
  for (const char c : text.substr(0, kMost)) out += c >= ' ' && c < '\x7f' ? c : ' ';
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace iris::registry
