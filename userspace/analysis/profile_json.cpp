// SPDX-License-Identifier: Apache-2.0
#include "analysis/profile_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/rfc3339.h"

namespace iris::analysis {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(std::uint64_t wall_ns) { return wall_ns == 0 ? Json() : Json(base::format_rfc3339(wall_ns)); }
Json port_or_null(std::uint16_t port) { return port == 0 ? Json() : Json(port); }

const char* name_of(profile::Standing standing) {
  switch (standing) {
    case profile::Standing::candidate: return "candidate";
    case profile::Standing::learned: return "learned";
    case profile::Standing::quarantined: break;
  }
  return "quarantined";
}

const char* name_of(profile::Reach reach) {
  switch (reach) {
    case profile::Reach::near: return "near";
    case profile::Reach::site: return "site";
    case profile::Reach::external: break;
  }
  return "external";
}

const char* name_of(flow::Role role) { return role == flow::Role::originator ? "originator" : "responder"; }

Json period_of(const profile::Interval& interval) {
  constexpr std::uint32_t kEnough = 8;
  if (interval.count < kEnough) return {};
  return {{"seconds", interval.mean_s}, {"variation", interval.variation()}};
}

Json contacts_of(const profile::Profile& profile) {
  std::vector<const profile::Contact*> contacts;
  for (const auto& contact : profile.contacts().all()) contacts.push_back(&contact);
  std::sort(contacts.begin(), contacts.end(), [](const auto* a, const auto* b) {
    return std::make_tuple(b->visits, a->key) < std::make_tuple(a->visits, b->key);
  });
  Json list = Json::array();
  for (const auto* contact : contacts) {
    list.push_back({{"peer", contact->label},
                    {"kind", profile::to_string(contact->kind)},
                    {"role", name_of(contact->role)},
                    {"reach", name_of(contact->reach)},
                    {"protocol", flow::protocol_name(contact->protocol)},
                    {"port", port_or_null(contact->port)},
                    {"standing", name_of(contact->standing)},
                    {"windows", contact->visits},
                    {"hours", contact->hours},
                    {"attempts", contact->attempts},
                    {"failures", contact->failures},
                    {"bytes_out", contact->bytes_out},
                    {"bytes_in", contact->bytes_in},
                    {"period", period_of(contact->interval)},
                    {"first_seen", time_or_null(contact->first_ns)},
                    {"last_seen", time_or_null(contact->last_ns)}});
  }
  return list;
}

Json services_of(const profile::Profile& profile) {
  Json list = Json::array();
  for (const auto& service : profile.services().all()) {
    list.push_back({{"role", name_of(service.role)},
                    {"reach", name_of(service.reach)},
                    {"protocol", flow::protocol_name(service.protocol)},
                    {"port", port_or_null(service.port)},
                    {"windows", service.visits},
                    {"peers_learned", service.learned},
                    {"peers_about", std::llround(service.peers.estimate())},
                    {"hourly_bytes_out", {{"median", service.hourly_out.quantile(0.5)}, {"p99", service.hourly_out.quantile(0.99)}}},
                    {"rate_out", {{"fast", service.rate_out.fast}, {"slow", service.rate_out.slow}}}});
  }
  return list;
}

Json processes_of(const profile::Profile& profile) {
  Json list = Json::array();
  for (const auto& process : profile.processes())
    list.push_back({{"name", process.name}, {"seen", process.visits}, {"first_seen", time_or_null(process.first_ns)}});
  return list;
}

}  // namespace

std::string profile_summary(const std::string& key, const profile::Profile& profile) {
  const Json json{{"type", "profile"},
                  {"key", key},
                  {"maturity", profile::to_string(profile.maturity())},
                  {"novelty", profile.novelty()},
                  {"novelty_bound", profile.novelty_bound()},
                  {"confidence", profile.confidence()},
                  {"learning_since", time_or_null(profile.first_ns())},
                  {"last_seen", time_or_null(profile.last_ns())},
                  {"windows", profile.visits()},
                  {"bytes", profile.memory_bytes()},
                  {"contacts", contacts_of(profile)},
                  {"services", services_of(profile)},
                  {"processes", processes_of(profile)},
                  {"exits", profile.exits().by_class},
                  {"hours_of_week", profile.hours()}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace iris::analysis
