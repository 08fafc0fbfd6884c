// SPDX-License-Identifier: Apache-2.0
#include "registry/evidence_set.h"

#include <functional>
#include <string_view>
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

std::string key_of(const Evidence& evidence) {
  return std::string(identity::to_string(evidence.source)) + "\n" + flow::to_string(evidence.kind) + "\n" + evidence.name +
         "\n" + evidence.module_id;
}

class Hash {
 public:
  void add(std::string_view text) { add(std::hash<std::string_view>{}(text)); }
  void add(std::uint64_t value) {
    // As boost::hash_combine, for 64 bits.
    value_ ^= value + 0x9e3779b97f4a7c15 + (value_ << 12) + (value_ >> 4);
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace

void EvidenceSet::add(Evidence evidence) {
  auto key = key_of(evidence);
  const auto found = evidence_.find(key);
  if (found != evidence_.end()) {
    bytes_ -= bytes_of(found->second);
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
  if (found != evidence_.end()) {
    found->second = std::move(evidence);
  } else {
    evidence_.emplace(std::move(key), std::move(evidence));
  }
}

void EvidenceSet::append_to(std::vector<Evidence>& all) const {
  all.reserve(all.size() + evidence_.size());
  for (const auto& [key, evidence] : evidence_) all.push_back(evidence);
}

std::uint64_t fingerprint(const std::vector<Evidence>& all) {
  Hash hash;
  for (const auto& evidence : all) {
    hash.add((std::uint64_t{static_cast<std::uint8_t>(evidence.source)} << 16) |
             (std::uint64_t{static_cast<std::uint8_t>(evidence.kind)} << 8) | (evidence.deployed ? 2u : 0u) |
             (evidence.connected ? 1u : 0u));
    for (const auto* text : {&evidence.name, &evidence.parent, &evidence.module_id, &evidence.tags, &evidence.configuration,
                             &evidence.status}) {
      hash.add(*text);
    }
    hash.add(evidence.hardware_ids.size());
    for (const auto& id : evidence.hardware_ids) hash.add(id);
    hash.add(evidence.addresses.size());
    for (const auto& address : evidence.addresses) {
      hash.add(address.ip ? address.ip->to_string() : "text:" + address.text);
      hash.add((std::uint64_t{address.port} << 8) | address.protocol);
    }
  }
  return hash.value();
}

}  // namespace iris::registry
