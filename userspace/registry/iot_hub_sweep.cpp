// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_sweep.h"

#include <algorithm>
#include <utility>

#include "identity/json.h"
#include "registry/sas_token.h"

namespace iris::registry {
namespace {

using identity::Json;
using Kind = IotHubAnswer::Kind;

constexpr unsigned kMinPageSize = 10;
constexpr std::size_t kMaxContinuationBytes = 8u << 10;
constexpr std::size_t kMaxNotes = 8;
constexpr std::size_t kMaxDeployments = 20;
constexpr std::size_t kMaxElements = 100'000;  // of an answer; its bytes are bounded more tightly
constexpr const char* kDeploymentsPath = "/configurations?top=100";

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

/// The phase went on: whatever the answer was, nothing has to be waited for.
IotHubAnswer went_on(IotHubAnswer answer) {
  answer.kind = Kind::ok;
  return answer;
}

IotHubAnswer broken(IotHubAnswer answer, std::string detail) {
  answer.kind = Kind::broken;
  answer.detail = std::move(detail);
  return answer;
}

std::string text_of(const Json& object, std::string_view name) { return identity::raw_text(identity::member(object, name)); }

SweepResult empty_result(const SweepLimits& limits) {
  return {EvidenceSet(limits.max_devices, limits.max_evidence_bytes), {}, 0, {}, 0, 0, {}};
}

}  // namespace

std::string query_string(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

IotHubSweep::IotHubSweep(SweepLimits limits, const Readers& readers)
    : limits_(limits), readers_(readers), page_size_(std::max(1u, limits.page_size)), result_(empty_result(limits)) {}

void IotHubSweep::begin(identity::Gateway gateway, std::set<std::string> deployments, const EvidenceSet* former) {
  gateway_ = std::move(gateway);
  deployment_ids_ = std::move(deployments);
  former_ = former;
  result_ = empty_result(limits_);
  modules_left_out_ = 0;
  missing_modules_.clear();
  phase_ = Phase::children;
  continuation_.clear();
  restarted_ = false;
  pages_ = 0;
  if (gateway_.scope.empty()) next_phase();  // no edge device: it has no children
}

SweepResult IotHubSweep::take_result() {
  for (const auto& refusal : refusal_notes_) {
    if (!refusal.empty()) note(refusal);
  }
  result_.left_out += result_.children.left_out() + modules_left_out_;
  if (result_.children.left_out() > 0) note(too_many_devices());
  if (result_.children.thinned() > 0) {
    note(std::to_string(result_.children.thinned()) + " devices without tags and configuration, which would take too much memory");
  }
  return std::exchange(result_, empty_result(limits_));
}

std::string IotHubSweep::too_many_devices() const {
  return "more than " + std::to_string(limits_.max_devices) + " devices: the rest is left out";
}

void IotHubSweep::forget_refusals() {
  parent_scopes_known_ = module_list_allowed_ = deployments_allowed_ = true;
  for (auto& refusal : refusal_notes_) refusal.clear();
}

void IotHubSweep::note(std::string text) {
  if (result_.notes.size() < kMaxNotes) result_.notes.push_back(std::move(text));
}

void IotHubSweep::next_phase() {
  continuation_.clear();
  restarted_ = false;
  pages_ = 0;
  phase_ = static_cast<Phase>(static_cast<int>(phase_) + 1);
  if (phase_ == Phase::module_list && !module_list_allowed_) phase_ = Phase::deployments;
  if (phase_ == Phase::listed_modules && missing_modules_.empty()) phase_ = Phase::deployments;
  if (phase_ == Phase::deployments && (!deployments_allowed_ || deployment_ids_.empty())) phase_ = Phase::done;
}

IotHubAnswer IotHubSweep::step(IotHubSession& session) {
  switch (phase_) {
    case Phase::children:
    case Phase::modules:
      return page(session);
    case Phase::module_list:
      return module_list(session);
    case Phase::listed_modules:
      return listed_module(session);
    case Phase::deployments:
      return deployments(session);
    case Phase::done:
      break;
  }
  return went_on({});
}

std::string IotHubSweep::query_text() const {
  if (phase_ == Phase::modules) return "SELECT * FROM devices.modules WHERE deviceId = " + query_string(gateway_.device_id);
  const std::string scope = query_string(gateway_.scope);
  const std::string by_device_scope = "SELECT * FROM devices WHERE deviceScope = " + scope;
  return parent_scopes_known_ ? by_device_scope + " OR array_contains(parentScopes, " + scope + ")" : by_device_scope;
}

IotHubAnswer IotHubSweep::page(IotHubSession& session) {
  auto answer = session.query(query_text(), page_size_, continuation_);
  const std::string what = phase_ == Phase::children ? "the devices behind the gateway" : "the modules";
  if (answer.kind == Kind::ok) {
    const auto type = answer.response.header("x-ms-item-type");
    if ((type && *type != "Twin") || !take_page(answer.response.body)) {
      return broken(std::move(answer), session.connection().host_name +
                                           " answers a query with something else than a page of twins");
    }
    ++pages_;
    if (!continue_after(answer.response)) next_phase();
    return answer;
  }
  if (answer.kind == Kind::too_large && make_smaller(answer)) return went_on(std::move(answer));
  if (answer.kind == Kind::refused && !continuation_.empty() && !restarted_) {
    restarted_ = true;  // a continuation does not live for ever
    continuation_.clear();
    return went_on(std::move(answer));
  }
  if (answer.kind == Kind::refused && phase_ == Phase::children && parent_scopes_known_ && continuation_.empty()) {
    parent_scopes_known_ = false;
    return went_on(std::move(answer));
  }
  if (answer.kind == Kind::refused || answer.kind == Kind::forbidden || answer.kind == Kind::not_found ||
      answer.kind == Kind::too_large) {
    note(what + " cannot be read: " + answer.detail);
    next_phase();
    return went_on(std::move(answer));
  }
  return answer;  // to be tried again later
}

bool IotHubSweep::make_smaller(IotHubAnswer& answer) {
  if (page_size_ <= kMinPageSize) return false;
  page_size_ = std::max(kMinPageSize, page_size_ / 10);
  answer.detail.clear();
  return true;
}

/// All of a page or nothing of it: a page that broke off is asked for again.
bool IotHubSweep::take_page(const std::string& body) {
  std::vector<std::string_view> twins;
  const auto start = body.find_first_not_of(" \t\r\n");
  if (start == std::string::npos || body[start] != '[') return false;
  if (!identity::each_element(body, kMaxElements, [&twins](std::string_view twin) { twins.push_back(twin); })) return false;
  for (const auto twin : twins) {
    if (phase_ == Phase::modules) {
      take_module(twin);
      continue;
    }
    if (!readers_.child) continue;
    auto reading = readers_.child(twin, gateway_);
    if (!reading.faults.empty()) {
      ++result_.skipped;
      note("a twin could not be used: " + reading.faults.front());
    }
    for (auto& evidence : reading.evidence) {
      if (evidence.name != gateway_.device_id) result_.children.add(std::move(evidence), former_);  // it matches its own scope
    }
  }
  return true;
}

void IotHubSweep::take_module(std::string_view text) {
  const auto twin = identity::parse_json(text);
  const std::string id = twin ? text_of(*twin, "moduleId") : "";
  if (id.empty() || text_of(*twin, "deviceId") != gateway_.device_id) {
    ++result_.skipped;
    return note("a module's twin could not be used");
  }
  if (!id.starts_with('$')) keep_module(id, text);  // $edgeAgent and $edgeHub: the queries may lag, their GETs do not
}

void IotHubSweep::keep_module(const std::string& id, std::string_view twin) {
  const auto found = result_.modules.find(id);
  const std::size_t before = found == result_.modules.end() ? 0 : found->second.size();
  const bool room = (found != result_.modules.end() || result_.modules.size() < limits_.max_modules) &&
                    result_.module_bytes - before + twin.size() <= limits_.max_module_bytes;
  if (!room) {
    if (modules_left_out_++ == 0) note("more modules, or larger twins of modules, than are kept: some are left out");
    return;
  }
  result_.module_bytes += twin.size() - before;
  result_.modules[id] = twin;
}

/// Whether there is another page.
bool IotHubSweep::continue_after(const HttpResponse& response) {
  const auto continuation = response.header("x-ms-continuation");
  if (!continuation || continuation->empty()) return false;
  if (continuation->size() > kMaxContinuationBytes || has_control(*continuation)) {
    note("the hub's continuation cannot be sent back: the rest of the query is not read");
    return false;
  }
  if (phase_ == Phase::children && result_.children.full()) {
    ++result_.left_out;
    note(too_many_devices());
    return false;
  }
  // Pages may be empty, but not all of them.
  if (pages_ > 100 + limits_.max_devices / std::min(page_size_, kMinPageSize)) {
    note("the hub's pages do not end: the rest of the query is not read");
    return false;
  }
  continuation_ = *continuation;
  return true;
}

IotHubAnswer IotHubSweep::module_list(IotHubSession& session) {
  auto answer = session.get_optional("/devices/" + percent_encode(gateway_.device_id) + "/modules");
  if (answer.kind == Kind::unauthorized || answer.kind == Kind::forbidden) {
    module_list_allowed_ = false;
    refusal_notes_[0] = "policy '" + session.connection().policy + "' may not read the identity registry, and need not";
  }
  if (answer.ok()) {
    // Its authentication members hold keys: nothing is kept but the names.
    const auto walked = identity::each_element(answer.response.body, kMaxElements, [this](std::string_view text) {
      const auto module = identity::parse_json(text);
      const std::string id = module ? text_of(*module, "moduleId") : "";
      if (!id.empty() && !id.starts_with('$') && !result_.modules.contains(id) &&
          missing_modules_.size() < limits_.max_modules) {
        missing_modules_.push_back(id);
      }
    });
    if (!walked) ++result_.skipped;
    OPENSSL_cleanse(answer.response.body.data(), answer.response.body.size());
  } else if (answer.retry() || answer.kind == Kind::stopped || answer.kind == Kind::quota) {
    return answer;
  } else if (module_list_allowed_) {
    note("the registry's list of modules cannot be read: " + answer.detail);
  }
  next_phase();
  return went_on(std::move(answer));
}

IotHubAnswer IotHubSweep::listed_module(IotHubSession& session) {
  const std::string id = missing_modules_.back();
  auto answer = session.get("/twins/" + percent_encode(gateway_.device_id) + "/modules/" + percent_encode(id));
  if (answer.retry() || answer.kind == Kind::stopped || answer.kind == Kind::quota || answer.kind == Kind::unauthorized) {
    return answer;
  }
  if (answer.ok()) take_module(answer.response.body);
  missing_modules_.pop_back();
  if (missing_modules_.empty()) next_phase();
  return went_on(std::move(answer));
}

IotHubAnswer IotHubSweep::deployments(IotHubSession& session) {
  auto answer = session.get_optional(kDeploymentsPath);
  if (answer.kind == Kind::unauthorized || answer.kind == Kind::forbidden) {
    deployments_allowed_ = false;
    refusal_notes_[1] = "policy '" + session.connection().policy + "' may not read the deployments, and need not";
  }
  if (answer.ok()) {
    const auto walked = identity::each_element(answer.response.body, kMaxElements, [this](std::string_view text) {
      const auto deployment = identity::parse_json(text);
      if (!deployment || !deployment_ids_.contains(text_of(*deployment, "id"))) return;
      if (result_.deployments.size() < kMaxDeployments) result_.deployments.emplace_back(text);
    });
    if (!walked) ++result_.skipped;
  } else if (answer.retry() || answer.kind == Kind::stopped || answer.kind == Kind::quota) {
    return answer;
  } else if (deployments_allowed_) {
    note("the deployments cannot be read: " + answer.detail);
  }
  next_phase();
  return went_on(std::move(answer));
}

}  // namespace iris::registry
