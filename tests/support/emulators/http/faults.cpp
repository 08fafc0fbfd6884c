// SPDX-License-Identifier: Apache-2.0
#include "emulators/http/faults.h"

namespace iris::emulator {
namespace {

using nlohmann::json;

template <typename T>
T get(const json& object, const char* name, T otherwise) {
  return object.contains(name) ? object[name].get<T>() : std::move(otherwise);
}

std::optional<std::string> get_text(const json& object, const char* name) {
  return object.contains(name) ? std::optional(object[name].get<std::string>()) : std::nullopt;
}

/// May throw what the JSON library throws.
bool read_kind(const json& from, Fault& fault) {
  using Kind = Fault::Kind;
  if (from.contains("answer")) {
    const auto& answer = from["answer"];
    fault.kind = Kind::answer;
    fault.status = get(answer, "status", 503);
    fault.error = get(answer, "error", std::string());
    fault.body = get_text(answer, "body");
    fault.content_type = get_text(answer, "content_type");
    fault.retry_after = get_text(answer, "retry_after");
    return true;
  }
  if (from.contains("cut")) {
    using Cut = WireFault::Cut;
    const auto where = from["cut"].get<std::string>();
    fault.kind = Kind::wire;
    fault.wire.cut = where == "before_answer" ? Cut::before_answer : (where == "in_head" ? Cut::in_head : Cut::in_body);
    return where == "before_answer" || where == "in_head" || where == "in_body";
  }
  if (from.contains("slow")) {
    fault.kind = Kind::wire;
    fault.wire.piece_bytes = get(from["slow"], "piece_bytes", std::size_t{64});
    fault.wire.pause = std::chrono::milliseconds(get(from["slow"], "pause_ms", 10));
    return fault.wire.piece_bytes > 0;
  }
  if (from.contains("delay_ms")) {
    fault.kind = Kind::wire;
    fault.wire.delay = std::chrono::milliseconds(from["delay_ms"].get<int>());
    return true;
  }
  if (from.contains("change_twin")) {
    const auto& change = from["change_twin"];
    fault.kind = Kind::change_twin;
    fault.device_id = change.at("device").get<std::string>();
    fault.module_id = get(change, "module", std::string());
    fault.patch = change.at("patch");
    return true;
  }
  fault.kind = from.contains("empty_page") ? Kind::empty_page : Kind::empty_body;
  return from.contains("empty_page") || from.contains("empty_body");
}

bool matches(const Fault& fault, const Request& request) {
  return (fault.method.empty() || fault.method == request.method) && request.raw_path().starts_with(fault.path_prefix);
}

}  // namespace

base::Result<Fault> fault_from(const json& document) {
  Fault fault;
  try {
    fault.method = get(document, "method", std::string());
    fault.path_prefix = get(document, "path", std::string());
    fault.skip = get(document, "skip", 0U);
    fault.times = get(document, "times", 1U);
    if (!read_kind(document, fault)) return base::fail("a fault of no known kind: " + document.dump());
  } catch (const json::exception&) {
    return base::fail("a fault that cannot be read: " + document.dump());
  }
  return fault;
}

base::Result<std::vector<Fault>> faults_from(const json& list) {
  if (!list.is_array()) return base::fail("faults are no array");
  std::vector<Fault> faults;
  for (const auto& one : list) {
    auto fault = fault_from(one);
    if (!fault) return tl::unexpected(std::move(fault.error()));
    faults.push_back(std::move(*fault));
  }
  return faults;
}

void FaultScript::add(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FaultScript::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

std::optional<Fault> FaultScript::next(const Request& request) {
  const std::lock_guard lock(mutex_);
  for (auto at = faults_.begin(); at != faults_.end(); ++at) {
    if (!matches(*at, request)) continue;
    if (at->skip > 0) {
      --at->skip;
      continue;
    }
    auto fault = *at;
    if (at->times > 0 && --at->times == 0) faults_.erase(at);
    return fault;
  }
  return std::nullopt;
}

}  // namespace iris::emulator
