// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "detect/alert.h"
#include "detect/alert_book.h"
#include "detect/risky_list.h"
#include "detect/state.h"
#include "detect/thresholds.h"
#include "flow/batch.h"
#include "flow/device.h"
#include "profile/profile.h"

namespace iris::detect {

/// A profile with what the fleet knows of it.
struct Baseline {
  profile::Profile profile;
  std::vector<std::uint64_t> versions;  // hashes of image tags seen; bounded
  std::vector<std::uint64_t> gateways;  // hashes of gateways that run it; bounded
  /// Contacts that are new to it, and on which gateways they turned up; bounded.
  std::map<std::uint64_t, std::vector<std::uint64_t>> turned_up;
  std::uint64_t saved_ns = 0;  // Profile::last_ns() when it was last saved; what is never reached: changed since
};

/// Records in, alerts out: the one entry for collector, replay and harness. Records of
/// a gateway come in the order of event time; gateways may be mixed as the collector
/// commits them. No clock, no I/O, no threads: the same calls give the same alerts,
/// byte for byte. Memory is bounded by Thresholds::entities and the profiles.
class Judge {
 public:
  explicit Judge(Thresholds limits = {}, RiskyList risky = RiskyList::builtin());
  ~Judge();
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  /// A whole batch: its gaps, its records, its end.
  void add(const std::string& gateway, const flow::Batch& batch);
  void add(const std::string& gateway, const flow::Record& record);
  void add(const std::string& gateway, const flow::SecurityRecord& record);
  void add(const std::string& gateway, const flow::Gap& gap);
  /// Everything before `end_wall_ns` has been added. Also for windows without records:
  /// a gateway that says nothing at all for long is silent.
  void end_window(const std::string& gateway, std::uint64_t end_wall_ns);

  /// New and changed alerts, see AlertBook::take().
  std::vector<Alert> take_alerts();

  /// The alert is closed or acknowledged: what comes next is a new one.
  void close(const std::string& alert_id) { book_.close(alert_id); }
  /// An analyst's word: benign (also false positive) makes the contact normal.
  void verdict(const Alert& alert, bool benign);
  void set_risky_list(RiskyList risky) { risky_ = std::move(risky); }

  /// Profiles by key, in the order of keys; and one to start from.
  std::vector<std::pair<std::string, const profile::Profile*>> profiles() const;
  /// Null: there is none of this key.
  const profile::Profile* profile(const std::string& key) const;
  std::size_t profile_count() const { return baselines_.size(); }
  void set_profile(const std::string& key, profile::Profile profile);
  /// What has changed since the last call, to be kept: profiles in the order of their
  /// keys, then gateways. Between windows only, see add(batch).
  std::vector<State> save_changed();
  /// It could not be kept: the next save_changed() gives everything.
  void forget_saved();
  /// What another judge saved, profiles before gateways. It then judges what comes as
  /// the other would have.
  base::Result<void> load(const State& state);
  /// The profile in a state of that kind.
  static base::Result<profile::Profile> profile_of(const State& state);
  /// Keys of the profiles that serve a gateway's workloads, in order.
  std::vector<std::string> profiles_of(const std::string& gateway) const;
  /// Bytes of all profiles, and of the largest.
  std::pair<std::size_t, std::size_t> profile_bytes() const;

 private:
  struct Gateway;

  void on_flow(Gateway& gateway, const flow::FlowRecord& record, const flow::Record& whole);
  void judge(Gateway& gateway, Entity& entity, const flow::FlowRecord& record, const profile::Observation& seen,
             const flow::Record& whole);
  void report(Gateway& gateway, Entity& entity, const Findings& findings, std::uint64_t now_ns,
              const flow::Record* evidence);
  void check_silence(Gateway& gateway, std::uint64_t end_wall_ns);
  /// The main process of `owner` has ended: that it says nothing is no news, for none of its peers.
  void excuse_ended(Gateway& gateway, Entity& ended);
  bool fleet_update(const Gateway& gateway, Entity& entity, const profile::Observation& seen,
                    const profile::Familiarity& known);
  static constexpr std::uint64_t kChanged = UINT64_MAX;
  std::string save_gateway(Gateway& gateway);
  base::Result<void> load_profile(const State& state);
  base::Result<void> load_gateway(const State& state);
  void note_device(Gateway& gateway, const flow::DeviceRecord& record);
  Gateway& gateway_of(const std::string& name);
  Entity& entity_of_owner(Gateway& gateway, const flow::OwnerPtr& owner, std::uint64_t now_ns);
  Entity& entity_of_device(Gateway& gateway, const std::string& device, std::uint64_t now_ns);
  Entity& entity(Gateway& gateway, std::string_view kind, const std::string& name, const std::string& profile_key,
                 std::uint64_t now_ns);
  void make_room();

  Thresholds limits_;
  RiskyList risky_;
  AlertBook book_;
  std::map<std::string, std::unique_ptr<Baseline>> baselines_;
  std::map<std::string, std::unique_ptr<Gateway>, std::less<>> gateways_;
  Findings findings_;  // scratch
};

/// Which profile serves an owner: the image without its tag for modules, else gateway and name.
std::string profile_key(const std::string& gateway, const flow::Owner& owner);
/// The tag or digest of an image: "1.4" of "registry/modbus:1.4".
std::string image_version(const std::string& image);

}  // namespace iris::detect
