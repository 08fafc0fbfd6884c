// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "identity/twins.h"
#include "registry/evidence_set.h"
#include "registry/iot_hub_session.h"
#include "registry/readers.h"

namespace iris::registry {

struct SweepLimits {
  unsigned page_size = 1000;
  std::size_t max_devices = 10'000;
  std::size_t max_modules = 200;
  std::size_t max_evidence_bytes = 4u << 20;
  std::size_t max_module_bytes = 2u << 20;  // of all module twins as they came
};

/// What a sweep found. Module twins and deployments are documents, to be read together with
/// those of $edgeAgent.
struct SweepResult {
  EvidenceSet children;
  std::map<std::string, std::string> modules;
  std::size_t module_bytes = 0;
  std::vector<std::string> deployments;
  std::size_t skipped = 0;         // documents that could not be used
  std::size_t left_out = 0;        // beyond the limits
  std::vector<std::string> notes;  // what could not be asked, or what was cut, in plain words
};

/// All that has to be asked for with queries, one request a step: the children of the gateway,
/// its modules and, if the policy may read them, the registry's list of modules and the
/// deployments. Remembers between sweeps what the hub does not allow or cannot do.
class IotHubSweep {
 public:
  IotHubSweep(SweepLimits limits, const Readers& readers);

  /// `deployments`: ids of those that the twins name.
  /// `former`: children of the sweep before, which outlive this one, or null.
  void begin(identity::Gateway gateway, std::set<std::string> deployments, const EvidenceSet* former);
  void abandon() { phase_ = Phase::done; }
  bool done() const { return phase_ == Phase::done; }
  /// The next step is one of the queries, which are few.
  bool next_is_query() const { return phase_ == Phase::children || phase_ == Phase::modules; }
  /// ok: something got done, or was given up with a note. Otherwise the caller waits, as the
  /// answer says, and comes again.
  IotHubAnswer step(IotHubSession& session);
  /// Of the sweep that is done.
  SweepResult take_result();

  /// With another connection string all may be allowed.
  void forget_refusals();

 private:
  enum class Phase { children, modules, module_list, listed_modules, deployments, done };

  IotHubAnswer page(IotHubSession& session);
  IotHubAnswer module_list(IotHubSession& session);
  IotHubAnswer listed_module(IotHubSession& session);
  IotHubAnswer deployments(IotHubSession& session);
  bool take_page(const std::string& body);
  void take_module(std::string_view twin);
  void keep_module(const std::string& id, std::string_view twin);
  bool continue_after(const HttpResponse& response);
  bool make_smaller(IotHubAnswer& answer);
  void note(std::string text);
  std::string too_many_devices() const;
  void next_phase();
  std::string query_text() const;

  const SweepLimits limits_;
  const Readers& readers_;
  unsigned page_size_;
  bool parent_scopes_known_ = true;    // older hubs refuse the query for them
  bool module_list_allowed_ = true;
  bool deployments_allowed_ = true;
  std::string refusal_notes_[2];       // of the two above

  Phase phase_ = Phase::done;
  identity::Gateway gateway_;
  const EvidenceSet* former_ = nullptr;
  std::set<std::string> deployment_ids_;
  std::string continuation_;
  bool restarted_ = false;  // this phase, because its continuation was refused
  std::size_t pages_ = 0;
  std::size_t modules_left_out_ = 0;
  std::vector<std::string> missing_modules_;  // listed, and not among the answers of the query
  SweepResult result_;
};

/// A string of the query language, with its quotes.
std::string query_string(std::string_view text);

}  // namespace iris::registry
