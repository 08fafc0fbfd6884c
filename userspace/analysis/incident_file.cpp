// SPDX-License-Identifier: Apache-2.0
#include "analysis/incident_file.h"

#include <algorithm>
#include <optional>

#include "analysis/judge_input.h"
#include "analysis/packed_state.h"
#include "detect/judge.h"
#include "iris/v1/incident.pb.h"

namespace iris::analysis {
namespace {

constexpr std::uint32_t kMostKind = 255;

}  // namespace

std::string write_incident(const Incident& incident) {
  v1::Incident message;
  message.set_alert_id(incident.alert_id);
  message.set_alert(incident.alert);
  message.set_program_version(incident.program_version);
  message.set_gateway(incident.stored.gateway);
  for (const auto& state : incident.stored.states) {
    auto& to = *message.add_states();
    to.set_kind(static_cast<std::uint32_t>(state.kind));
    to.set_key(state.key);
    to.set_body(state.body);
  }
  for (const auto& input : incident.stored.inputs) {
    auto& to = *message.add_inputs();
    to.set_kind(static_cast<std::uint32_t>(input.kind));
    to.set_body(input.body);
  }
  std::string bytes(kIncidentMagic);
  message.AppendToString(&bytes);
  return bytes;
}

base::Result<Incident> read_incident(std::string_view bytes) {
  v1::Incident message;
  if (!bytes.starts_with(kIncidentMagic)) return base::fail("not a file of an incident");
  bytes.remove_prefix(kIncidentMagic.size());
  if (bytes.size() > kMostIncidentBytes || !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return base::fail("the file is damaged, or cut short");
  Incident incident;
  incident.alert_id = message.alert_id();
  incident.alert = message.alert();
  incident.program_version = message.program_version();
  incident.stored.gateway = message.gateway();
  for (auto& state : *message.mutable_states()) {
    if (state.kind() > static_cast<std::uint32_t>(store::JudgeState::Kind::gateway))
      return base::fail("the file holds a state of a kind that is not known");
    incident.stored.states.push_back({static_cast<store::JudgeState::Kind>(state.kind()), state.key(),
                                      std::move(*state.mutable_body()), {}});
  }
  for (auto& input : *message.mutable_inputs()) {
    const auto kind = std::min(input.kind(), kMostKind);  // judge_input() refuses what it does not know
    incident.stored.inputs.push_back({incident.stored.inputs.size() + 1, static_cast<store::JudgeInput::Kind>(kind), 0,
                                      std::move(*input.mutable_body())});
  }
  return incident;
}

base::Result<detect::Alert> reproduce(const Incident& incident) {
  detect::Judge judge;
  for (const auto& kept : incident.stored.states) {
    const auto state = unpacked(kept);
    if (!state) return tl::unexpected(state.error());
    if (auto done = judge.load(*state); !done) return tl::unexpected(done.error());
  }
  static_cast<void>(judge.take_alerts());  // what was open before is not what is looked for
  std::optional<detect::Alert> found;
  for (const auto& input : incident.stored.inputs) {
    if (const auto done = judge_input(judge, incident.stored.gateway, input); !done) return tl::unexpected(done.error());
    for (auto& alert : judge.take_alerts())
      if (alert.id == incident.alert_id) found = std::move(alert);
  }
  if (!found) return base::fail("alert " + incident.alert_id + " did not come again");
  return std::move(*found);
}

}  // namespace iris::analysis
