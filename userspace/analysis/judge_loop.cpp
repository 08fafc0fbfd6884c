// SPDX-License-Identifier: Apache-2.0
#include "analysis/judge_loop.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "analysis/alert_json.h"
#include "analysis/judge_input.h"
#include "analysis/packed_state.h"
#include "analysis/profile_json.h"

namespace iris::analysis {
namespace {

constexpr std::size_t kChunkBytes = 1U << 20;
constexpr std::uint64_t kMostUnkeptInputs = 100'000;
constexpr std::chrono::seconds kLookEvery{5};  // at the risky list and for silent gateways
constexpr std::uint64_t kSecond = 1'000'000'000;

store::AlertEntry entry_of(const detect::Alert& alert, std::int64_t gateway_id, std::vector<std::string> profiles) {
  store::AlertEntry entry;
  entry.id = alert.id;
  entry.gateway_id = gateway_id;
  entry.wall_ns = alert.wall_ns;
  entry.last_wall_ns = alert.last_wall_ns;
  entry.alert_class = detect::to_string(alert.alert_class);
  entry.severity = static_cast<int>(alert.severity);
  entry.count = alert.count;
  entry.device = alert.device;
  if (const auto& owner = alert.owner; owner != nullptr) {
    entry.owner = owner->module_id.empty() ? owner->name : owner->module_id;
    // A module's identity is one as well, with its tags and its configuration.
    if (entry.device.empty() && !owner->module_id.empty()) entry.device = owner->device_id + "/" + owner->module_id;
  } else if (alert.device.empty()) {
    entry.owner = alert.subject;
  }
  entry.profile = alert.profile;
  entry.contact = alert.contact;
  entry.body = alert_body(alert);
  entry.evidence = alert_evidence(alert);
  entry.profiles = std::move(profiles);
  return entry;
}

}  // namespace

base::Result<std::unique_ptr<JudgeLoop>> JudgeLoop::start(store::Store& store, JudgeOptions options, WallClock clock) {
  std::unique_ptr<JudgeLoop> loop(new JudgeLoop(store, std::move(options), std::move(clock)));
  if (auto done = loop->load(); !done) return base::with_context("what the judge had learned", std::move(done.error()));
  loop->thread_ = std::jthread([raw = loop.get()](const std::stop_token& stop) { raw->run(stop); });
  return loop;
}

JudgeLoop::JudgeLoop(store::Store& store, JudgeOptions options, WallClock clock)
    : store_(store), options_(std::move(options)), clock_(std::move(clock)), started_wall_ns_(clock_()),
      judge_(options_.limits), risky_file_(options_.risky_list), pause_(options_.first_checkpoint),
      next_checkpoint_(std::chrono::steady_clock::now() + pause_) {}

JudgeLoop::~JudgeLoop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

JudgeStatus JudgeLoop::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

base::Result<void> JudgeLoop::load() {
  std::size_t damaged = 0;
  const auto number = store_.judge_states([&](store::JudgeState&& kept) {
    // Learned anew is better than not judged at all.
    auto state = unpacked(kept);
    auto done = state ? judge_.load(*state) : base::Result<void>(tl::unexpected(state.error()));
    if (!done && damaged++ == 0) spdlog::error("{}: learning it anew", done.error().message);
  });
  if (!number) return tl::unexpected(number.error());
  number_ = kept_number_ = *number;
  return {};
}

void JudgeLoop::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto more = step();
    note(more);
    if (more && *more) continue;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, options_.idle, [] { return false; });
  }
  auto done = tell_alerts();
  if (done) done = checkpoint();
  if (!done) spdlog::error("keeping what the judge has learned: {}", done.error().message);
}

void JudgeLoop::note(const base::Result<bool>& done) {
  const std::string fault = done ? std::string() : done.error().message;
  const std::lock_guard lock(mutex_);
  if (!fault.empty() && fault != status_.fault) spdlog::error("judging: {}", fault);
  status_.fault = fault;
}

/// Walks over all profiles: not at each step.
void JudgeLoop::count_profiles() {
  const auto bytes = judge_.profile_bytes().first;
  const std::lock_guard lock(mutex_);
  status_.profiles = judge_.profile_count();
  status_.profile_bytes = bytes;
}

base::Result<bool> JudgeLoop::step() {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_look_) {
    next_look_ = now + kLookEvery;
    read_risky_list();
    count_profiles();
    if (auto done = name_silent_gateways(); !done) return tl::unexpected(done.error());
  }
  if (auto done = tell_alerts(); !done) return tl::unexpected(done.error());  // of a step that failed
  const auto inputs = store_.judge_inputs(number_, kChunkBytes);
  if (!inputs) return tl::unexpected(inputs.error());
  for (const auto& input : *inputs) {
    judge(input);
    number_ = input.number;
  }
  if (auto done = tell_alerts(); !done) return tl::unexpected(done.error());
  if (now >= next_checkpoint_ || number_ - kept_number_ >= kMostUnkeptInputs) {
    if (auto done = checkpoint(); !done) return tl::unexpected(done.error());
  }
  return !inputs->empty();
}

void JudgeLoop::judge(const store::JudgeInput& input) {
  const auto* gateway = gateway_name(input.gateway_id);
  if (gateway == nullptr) return unreadable("an input of a gateway that is not known");
  const auto end = judge_input(judge_, *gateway, input);
  if (!end) return unreadable(end.error().message);
  for (auto& alert : judge_.take_alerts()) {
    const auto known = std::find_if(untold_.begin(), untold_.end(), [&](const auto& one) { return one.id == alert.id; });
    if (known == untold_.end()) {
      untold_.push_back(std::move(alert));
    } else {
      *known = std::move(alert);
    }
  }
  const std::lock_guard lock(mutex_);
  ++status_.judged;
  status_.last_input_wall_ns = std::max(status_.last_input_wall_ns, *end);
}

void JudgeLoop::unreadable(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (++status_.unreadable == 1) spdlog::error("judging: {}: passed over, and what follows of the kind", why);
}

base::Result<void> JudgeLoop::tell_alerts() {
  if (untold_.empty()) return {};
  std::vector<store::AlertEntry> entries;
  for (const auto& alert : untold_)
    entries.push_back(entry_of(alert, gateway_id(alert.gateway), judge_.profiles_of(alert.gateway)));
  if (auto done = store_.put_alerts(entries, number_); !done) return done;
  const std::lock_guard lock(mutex_);
  status_.alerts += untold_.size();
  untold_.clear();
  return {};
}

base::Result<void> JudgeLoop::checkpoint() {
  pause_ = std::min(2 * pause_, options_.checkpoint_every);
  next_checkpoint_ = std::chrono::steady_clock::now() + pause_;
  if (number_ == kept_number_) return {};
  std::vector<store::JudgeState> kept;
  for (const auto& state : judge_.save_changed()) {
    auto made = packed(state);
    if (!made) return tl::unexpected(made.error());
    if (state.kind == detect::State::Kind::profile)
      if (const auto* profile = judge_.profile(state.key)) made->summary = profile_summary(state.key, *profile);
    kept.push_back(std::move(*made));
  }
  if (auto done = store_.checkpoint(kept, number_, clock_()); !done) {
    judge_.forget_saved();
    return done;
  }
  kept_number_ = number_;
  const std::lock_guard lock(mutex_);
  ++status_.checkpoints;
  return {};
}

/// By the collector's clock, as an input like the others, so that a restart judges it again.
base::Result<void> JudgeLoop::name_silent_gateways() {
  const auto gateways = store_.gateways();
  if (!gateways) return tl::unexpected(gateways.error());
  const auto now = clock_();
  const auto silence = options_.limits.silence_s * kSecond;
  for (const auto& gateway : *gateways) {
    names_[gateway.id] = gateway.name;
    if (gateway.revoked || gateway.last_seen_wall_ns == 0) continue;
    const auto since = std::max(gateway.last_seen_wall_ns, started_wall_ns_);
    if (now <= since + silence || silent_since_[gateway.id] == gateway.last_seen_wall_ns) continue;
    store::JudgeInput input;
    input.kind = store::JudgeInput::Kind::silence;
    input.gateway_id = gateway.id;
    input.body = std::to_string(now);
    if (auto done = store_.add_judge_input(input); !done) return done;
    silent_since_[gateway.id] = gateway.last_seen_wall_ns;
  }
  return {};
}

void JudgeLoop::read_risky_list() {
  auto list = risky_file_.read_if_changed();
  if (list && !*list) return;
  const std::lock_guard lock(mutex_);
  status_.risky_list_fault = list ? std::string() : list.error().message;
  if (!list) return spdlog::error("{}: going on with what was", list.error().message);
  judge_.set_risky_list((*list)->with(detect::RiskyList::builtin()));
  spdlog::info("risky list {} read", options_.risky_list);
}

const std::string* JudgeLoop::gateway_name(std::int64_t id) {
  auto found = names_.find(id);
  if (found == names_.end()) {
    if (const auto gateways = store_.gateways())
      for (const auto& gateway : *gateways) names_[gateway.id] = gateway.name;
    found = names_.find(id);
  }
  return found == names_.end() ? nullptr : &found->second;
}

std::int64_t JudgeLoop::gateway_id(const std::string& name) {
  const auto found = std::find_if(names_.begin(), names_.end(), [&](const auto& entry) { return entry.second == name; });
  return found == names_.end() ? 0 : found->first;
}

}  // namespace iris::analysis
