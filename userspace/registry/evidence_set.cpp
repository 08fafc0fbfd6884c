// SPDX-License-Identifier: Apache-2.0
#include "registry/evidence_set.h"

#include <functional>
#include <tuple>
#include <utility>

namespace iris::registry {
namespace {

using identity::Evidence;

std::size_t bytes_of(const Evidence& evidence) {
  std::size_t bytes = sizeof evidence + evidence.name.size() + evidence.parent.size() + evidence.module_id.size() +
                      evidence.tags.size() + evidence.configuration.size() + evidence.status.size();
  for (const auto& id : evidence.hardware_ids) bytes += sizeof id + id.size();
  for (const auto& address : evidence.addresses) bytes += sizeof address + address.text.size();
  return bytes;
}

class Fingerprint {
 public:
  void add(const Evidence& evidence);
  std::uint64_t value() const { return value_; }

 private:
  void mix(std::uint64_t value);
  void mix(const std::string& text);

  std::uint64_t value_ = 0;
};

void Fingerprint::mix(std::uint64_t value) {
  // As boost::hash_combine, for 64 bits.
  value_ ^= value + 0x9e3779b97f4a7c15 + (value_ << 12) + (value_ >> 4);
}

void Fingerprint::mix(const std::string& text) { mix(std::hash<std::string>{}(text)); }

void Fingerprint::add(const Evidence& evidence) {
  mix((std::uint64_t{static_cast<std::uint8_t>(evidence.source)} << 16) |
      (std::uint64_t{static_cast<std::uint8_t>(evidence.kind)} << 8) | (evidence.deployed ? 2u : 0u) |
      (evidence.connected ? 1u : 0u));
  for (const auto* text : {&evidence.name, &evidence.parent, &evidence.module_id, &evidence.tags, &evidence.configuration,
                           &evidence.status}) {
    mix(*text);
  }
  mix(evidence.hardware_ids.size());
  for (const auto& id : evidence.hardware_ids) mix(id);
  mix(evidence.addresses.size());
  for (const auto& address : evidence.addresses) {
    mix(address.ip ? address.ip->to_string() : "text:" + address.text);
    mix((std::uint64_t{address.port} << 8) | address.protocol);
  }
}

}  // namespace

bool EvidenceSet::Before::operator()(const Evidence& a, const Evidence& b) const {
  return std::tie(a.source, a.kind, a.name, a.module_id) < std::tie(b.source, b.kind, b.name, b.module_id);
}

void EvidenceSet::add(Evidence evidence, const EvidenceSet* former) {
  const auto found = evidence_.find(evidence);
  if (found != evidence_.end()) {
    bytes_ -= bytes_of(**found);
  } else if (full()) {
    ++left_out_;
    return;
  }
  if (bytes_ + bytes_of(evidence) > max_bytes_ && !(evidence.tags.empty() && evidence.configuration.empty())) {
    evidence.tags = std::string();  // gives the memory back, as clear() does not
    evidence.configuration = std::string();
    ++thinned_;
  }
  bytes_ += bytes_of(evidence);
  identity::SharedEvidence shared;
  if (former != nullptr) {
    const auto same = former->evidence_.find(evidence);
    if (same != former->evidence_.end() && **same == evidence) shared = *same;
  }
  if (!shared) shared = std::make_shared<const Evidence>(std::move(evidence));
  if (found == evidence_.end()) {
    evidence_.insert(std::move(shared));
  } else {
    auto node = evidence_.extract(found);
    node.value() = std::move(shared);
    evidence_.insert(std::move(node));
  }
}

void EvidenceSet::append_to(std::vector<identity::SharedEvidence>& all) const {
  all.insert(all.end(), evidence_.begin(), evidence_.end());
}

std::uint64_t fingerprint(std::span<const identity::SharedEvidence> all) {
  Fingerprint print;
  for (const auto& evidence : all) print.add(*evidence);
  return print.value();
}

}  // namespace iris::registry
