// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <algorithm>
#include <map>

#include "pipeline/self_test_child.h"
#include "pipeline/tracer.h"

namespace iris::pipeline {
namespace {

constexpr std::chrono::milliseconds kPatience{3000};
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

/// Ticks off what has been seen; an act counts for the address families it needs.
class Checklist : public flow::RecordSink {
 public:
  Checklist(std::uint64_t cgroup_id, std::uint32_t pid, bool with_v6)
      : cgroup_id_(cgroup_id), pid_(pid), with_v6_(with_v6) {}

  void set_on_complete(std::function<void()> on_complete) { on_complete_ = std::move(on_complete); }

  void write(const flow::Record& record) override {
    bool ours = false;
    if (const auto* event = std::get_if<flow::SocketEvent>(&record)) ours = take(*event);
    if (const auto* exit = std::get_if<flow::ExitRecord>(&record)) ours = take(*exit);
    if (!ours) return;
    const auto all = steps({});
    if (on_complete_ && std::all_of(all.begin(), all.end(), [](const auto& step) { return step.passed; })) {
      on_complete_();
    }
  }

  /// `complaint`: what the child could not do itself.
  std::vector<SelfTestStep> steps(const std::string& complaint) const {
    std::vector<SelfTestStep> all;
    for (const char* name : {"connect", "accept", "udp", "refused"}) all.push_back(socket_step(name, complaint));
    SelfTestStep crash{"crash", crash_.seen, {}};
    if (!crash.passed) crash.detail = missing("the exit of a process by SIGSEGV", crash_, {});
    all.push_back(std::move(crash));
    return all;
  }

 private:
  struct Sight {
    bool seen = false;
    std::string wrong;  // the record came, but said something else
  };

  bool take(const flow::SocketEvent& event) {
    using Type = flow::SocketEventType;
    const char* name = nullptr;
    if (event.protocol == kTcp && event.type == Type::connect) name = "connect";
    if (event.protocol == kTcp && event.type == Type::accept) name = "accept";
    if (event.protocol == kUdp && event.type == Type::udp) name = "udp";
    if (event.protocol == kTcp && event.type == Type::failed) name = "refused";
    // Others are at work on this host too: ours is known by its pid, or by its owner.
    if (name == nullptr || (event.pid != pid_ && event.owner->cgroup_id != cgroup_id_)) return false;
    Sight& sight = (event.peer_address.is_v4() ? v4_ : v6_)[name];
    if (event.owner->cgroup_id != cgroup_id_) {
      sight.wrong = "its owner was " + described(*event.owner);
    } else if (event.type == Type::failed && event.reason != flow::FailureReason::refused) {
      sight.wrong = std::string("its reason was ") + (event.reason ? to_string(*event.reason) : "missing");
    } else {
      sight.seen = true;
    }
    return true;
  }

  bool take(const flow::ExitRecord& exit) {
    // Known by its owner in a PID namespace below the kernel's, where its number is another.
    if (exit.pid != pid_ && exit.owner->cgroup_id != cgroup_id_) return false;
    if (exit.owner->cgroup_id != cgroup_id_) {
      crash_.wrong = "its owner was " + described(*exit.owner);
    } else if (exit.exit_class != flow::ExitClass::crash || exit.signal != SIGSEGV) {
      crash_.wrong = std::string("its class was ") + to_string(exit.exit_class) +
                     (exit.signal != 0 ? " by " + flow::signal_name(exit.signal) : std::string());
    } else {
      crash_.seen = true;
    }
    return true;
  }

  static std::string described(const flow::Owner& owner) {
    return (owner.name.empty() ? "unknown" : owner.name) + " (cgroup " + std::to_string(owner.cgroup_id) + ")";
  }

  static std::string missing(const std::string& what, const Sight& sight, const std::string& complaint) {
    std::string detail = sight.wrong.empty() ? "no record of " + what : "wrong record of " + what + ": " + sight.wrong;
    if (!complaint.empty()) detail += " (" + complaint + ")";
    return detail;
  }

  SelfTestStep socket_step(const std::string& name, const std::string& complaint) const {
    const auto sight = [&name](const std::map<std::string, Sight>& family) {
      const auto found = family.find(name);
      return found == family.end() ? Sight{} : found->second;
    };
    SelfTestStep step{name, sight(v4_).seen && (!with_v6_ || sight(v6_).seen), {}};
    if (step.passed) {
      step.detail = with_v6_ ? "IPv4 and IPv6" : "IPv4 (no IPv6 here)";
      return step;
    }
    if (!sight(v4_).seen) step.detail = missing(name + " over IPv4", sight(v4_), complaint);
    if (with_v6_ && !sight(v6_).seen) {
      if (!step.detail.empty()) step.detail += "; ";
      step.detail += missing(name + " over IPv6", sight(v6_), complaint);
    }
    return step;
  }

  std::uint64_t cgroup_id_;
  std::uint32_t pid_;
  bool with_v6_;
  std::map<std::string, Sight> v4_;
  std::map<std::string, Sight> v6_;
  Sight crash_;
  std::function<void()> on_complete_;
};

}  // namespace

base::Result<std::vector<SelfTestStep>> run_self_test(const TracerOptions& options) {
  TracerOptions own = options;
  own.flows = false;
  own.socket_events = true;
  own.exits = true;
  own.execs = own.dns = own.containers = own.symbolize = false;
  own.owners.use_docker = own.owners.use_containerd = false;  // the owner is a cgroup, no container
  own.window = kPatience;

  const bool with_v6 = has_v6_loopback();
  auto child = ScratchChild::fork(with_v6);  // before the tracer has threads
  if (!child) return tl::unexpected(std::move(child.error()));
  auto tracer = Tracer::open(own);
  if (!tracer) return tl::unexpected(std::move(tracer.error()));
  auto cgroup = ScratchCgroup::create((*tracer)->status().cgroup_root);
  if (!cgroup) return tl::unexpected(std::move(cgroup.error()));
  // Declared last, so that the child is gone before its cgroup is removed.
  const ScratchChild inmate(std::move(*child));
  if (auto moved = cgroup->move_in(inmate.pid()); !moved) return tl::unexpected(std::move(moved.error()));

  Checklist checklist(cgroup->id(), static_cast<std::uint32_t>(inmate.pid()), with_v6);
  checklist.set_on_complete([&tracer] { (*tracer)->request_stop(); });
  inmate.start();
  if (auto done = (*tracer)->run(checklist, kPatience); !done) return tl::unexpected(std::move(done.error()));
  return checklist.steps(inmate.complaint());
}

}  // namespace iris::pipeline
