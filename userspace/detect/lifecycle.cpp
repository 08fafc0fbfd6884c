// SPDX-License-Identifier: Apache-2.0
#include "detect/lifecycle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace iris::detect {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr int kSigKill = 9;
constexpr int kSigTerm = 15;

constexpr auto kStoppers =
    std::to_array<std::string_view>({"dockerd", "containerd", "containerd-shim", "containerd-shim-runc-v2",
                                     "containerd-shim-", "runc", "crun", "conmon", "podman", "crio", "systemd",
                                     "kubelet", "edgeAgent", "Microsoft.Azure", "aziot-edged", "tini", "dumb-init"});

/// How many of `times` are not older than `span_s` before `now_ns`.
template <std::size_t N>
std::uint32_t recent(const std::array<std::uint64_t, N>& times, std::uint64_t now_ns, std::uint64_t span_s) {
  return static_cast<std::uint32_t>(std::count_if(times.begin(), times.end(), [&](std::uint64_t time) {
    return time != 0 && time <= now_ns && now_ns - time <= span_s * kSecond;
  }));
}

std::string killer_text(const flow::ExitRecord& exit) {
  if (!exit.killed_by) return "by an unknown sender";
  std::string text = fmt::format("by {}[{}]", exit.killed_by->process, exit.killed_by->pid);
  if (exit.killed_by->owner) text += " of " + exit.killed_by->owner->name;
  return text;
}

}  // namespace

bool is_planned_stop(const flow::ExitRecord& exit) {
  if (exit.oom_killed) return false;
  if (exit.exit_class == flow::ExitClass::clean) return true;
  if (exit.signal != kSigKill && exit.signal != kSigTerm) {
    // A main process that was told to stop may say so by its code: 128 + signal.
    return exit.exit_code == 128 + kSigTerm && exit.exit_class == flow::ExitClass::error;
  }
  if (!exit.killed_by) return exit.signal == kSigTerm;
  const auto& killer = *exit.killed_by;
  if (killer.owner && (killer.owner->module_id == "edgeAgent" || killer.owner->name == "edgeAgent")) return true;
  // Its own child or init ends it: the workload's own affair.
  if (killer.owner && exit.owner && killer.owner->cgroup_id == exit.owner->cgroup_id && exit.signal == kSigTerm)
    return true;
  if (killer.owner && killer.owner->kind == flow::OwnerKind::container) return false;
  return std::any_of(kStoppers.begin(), kStoppers.end(),
                     [&](std::string_view name) { return killer.process.starts_with(name); });
}

void detect_exit(const flow::ExitRecord& exit, Entity& entity, const Thresholds& limits, Findings& out) {
  const bool planned = is_planned_stop(exit);
  if (exit.main_process && !planned) entity.ends_ns[entity.ends++ % entity.ends_ns.size()] = exit.wall_ns;
  Finding finding;
  finding.alert_class = AlertClass::crash;
  const std::string what = exit.executable.empty() ? exit.process : exit.executable;
  const std::string place = exit.main_process ? fmt::format("{} is down: its main process {}", entity.subject, what)
                                              : fmt::format("{} in {}", what, entity.subject);
  if (exit.oom_killed || exit.exit_class == flow::ExitClass::oom) {
    finding.rule = "crash";
    finding.severity = exit.main_process ? Severity::high : Severity::medium;
    finding.summary = place + " was ended by the kernel for want of memory";
    out.push_back(finding);
  } else if (exit.exit_class == flow::ExitClass::crash) {
    finding.rule = "crash";
    finding.severity = exit.main_process ? Severity::high : Severity::medium;
    finding.summary = fmt::format("{} crashed with {}", place, flow::signal_name(exit.signal));
    if (exit.stack && !exit.stack->empty() && !exit.stack->front().symbol.empty())
      finding.summary += " in " + exit.stack->front().symbol;
    out.push_back(finding);
  } else if (exit.exit_class == flow::ExitClass::killed && exit.main_process && !planned) {
    finding.rule = "ungraceful_shutdown";
    finding.severity = Severity::high;
    finding.summary = fmt::format("{} was killed with {} {}", place, flow::signal_name(exit.signal), killer_text(exit));
    if (exit.killed_by) finding.peer = exit.killed_by->process;
    out.push_back(finding);
  }
  const auto ends = recent(entity.ends_ns, exit.wall_ns, limits.restarts_s);
  if (exit.main_process && !planned && ends >= limits.restarts) {
    finding = Finding{};
    finding.alert_class = AlertClass::crash;
    finding.rule = "restart_exhaustion";
    finding.severity = Severity::high;
    finding.expected = Expected{fmt::format("ends of the main process within {} s", limits.restarts_s), 0,
                                static_cast<double>(limits.restarts - 1), "times"};
    finding.observed = ends;
    finding.summary = fmt::format("{} ended {} times within {} s: its restarts will soon be used up", entity.subject,
                                  ends, limits.restarts_s);
    out.push_back(finding);
  }
}

void detect_process(std::string_view executable, std::string_view process, Entity& entity, const RiskyList& risky,
                    Findings& out) {
  const std::string_view name = executable.empty() ? process : executable;
  if (name.empty()) return;
  Finding finding;
  finding.alert_class = AlertClass::anomalous_process;
  if (const auto* hit = risky.match_process(name)) {
    finding.rule = "blacklisted_process";
    finding.severity = hit->severity;
    finding.summary = fmt::format("{} runs {} ({})", entity.subject, name, hit->reason);
    out.push_back(finding);
  } else if (entity.owner && entity.owner->kind != flow::OwnerKind::host && entity.profile->unusual_process(name)) {
    finding.rule = "anomalous_process";
    finding.severity = Severity::medium;
    finding.expected =
        Expected{"different programs run", 0, static_cast<double>(entity.profile->processes().size()), "programs"};
    finding.observed = static_cast<double>(entity.profile->processes().size() + 1);
    finding.summary = fmt::format("{} runs {}, which it never did before ({} programs are known)", entity.subject, name,
                                  entity.profile->processes().size());
    out.push_back(finding);
  }
}

void detect_unauthorized(const flow::SecurityRecord& record, Entity& entity, const Thresholds& limits, Findings& out) {
  using flow::SecurityReason;
  // A token runs out every hour; throttling is a matter of quota.
  if (record.reason == SecurityReason::token_expired || record.reason == SecurityReason::throttled ||
      record.reason == SecurityReason::exhausted)
    return;
  entity.refused_ns[entity.refused++ % entity.refused_ns.size()] = record.wall_ns;
  const auto refused = recent(entity.refused_ns, record.wall_ns, limits.unauthorized_burst_s);
  Finding finding;
  finding.rule = "unauthorized_device";
  finding.alert_class = AlertClass::unauthorized_access;
  const bool trivial =
      record.reason == SecurityReason::connection_refused || record.reason == SecurityReason::registration_conflict;
  finding.severity = static_cast<Severity>(std::clamp<int>(record.severity, trivial ? 2 : 3, 5));
  if (refused >= limits.unauthorized_burst) finding.severity = std::max(finding.severity, Severity::high);
  finding.peer = record.remote_address;
  finding.expected = Expected{"refused attempts", 0, 0, "attempts"};
  finding.observed = refused;
  const std::string who = record.device_id.empty()
                              ? "an unnamed device"
                              : record.device_id + (record.module_id.empty() ? "" : "/" + record.module_id);
  finding.summary = fmt::format("{} was refused by the IoT Hub: {} ({}{})", who, flow::to_string(record.reason),
                                record.operation, record.code.empty() ? "" : ", code " + record.code);
  out.push_back(finding);
}

void detect_agent_killed(const flow::ExitRecord& exit, const std::string& gateway, Findings& out) {
  if (exit.process != "irisd" || is_planned_stop(exit) || exit.exit_class == flow::ExitClass::error) return;
  Finding finding;
  finding.rule = "agent_killed";
  finding.alert_class = AlertClass::agent_tampering;
  finding.severity = Severity::high;
  finding.summary =
      fmt::format("irisd on {} was ended with {} {}", gateway, flow::signal_name(exit.signal), killer_text(exit));
  if (exit.killed_by) finding.peer = exit.killed_by->process;
  out.push_back(finding);
}

Finding agent_silent(const std::string& gateway, std::uint64_t silent_s, const Thresholds& limits) {
  Finding finding;
  finding.rule = "agent_silent";
  finding.alert_class = AlertClass::agent_tampering;
  finding.severity = Severity::medium;
  finding.expected = Expected{"time without a record", 0, static_cast<double>(limits.silence_s), "s"};
  finding.observed = static_cast<double>(silent_s);
  finding.summary =
      fmt::format("nothing is known of {} for {} s: its agent did not run, or what it saw was lost", gateway, silent_s);
  return finding;
}

}  // namespace iris::detect
