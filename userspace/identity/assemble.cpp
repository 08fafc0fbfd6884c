// SPDX-License-Identifier: Apache-2.0
#include "identity/assemble.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "identity/claims.h"
#include "identity/pattern.h"

namespace iris::identity::merging {
namespace {

using flow::Device;
using flow::DeviceAddress;
using flow::DeviceKind;

constexpr std::size_t kMaxDocument = 128U << 10;
constexpr std::size_t kMaxAddresses = 64;

/// What the sources say in `member`, as merge.h describes it.
std::string joined(const std::vector<const Evidence*>& evidence, const std::set<const std::string*>& broken,
                   std::string Evidence::* member) {
  struct Part {
    Source source;
    std::vector<const std::string*> texts;
  };
  std::vector<Part> parts;
  std::size_t bytes = 2;
  for (const Evidence* one : evidence) {
    const std::string& text = one->*member;
    if (text.empty() || text == "{}" || bytes + text.size() + 64 > kMaxDocument || broken.contains(&text)) continue;
    if (parts.empty() || parts.back().source != one->source) parts.push_back({one->source, {}});
    auto& texts = parts.back().texts;
    const bool repeated = std::any_of(texts.begin(), texts.end(), [&](const std::string* other) { return *other == text; });
    if (repeated) continue;
    texts.push_back(&text);
    bytes += text.size() + 64;
  }
  if (parts.empty()) return {};
  if (parts.size() == 1 && parts.front().texts.size() == 1) return *parts.front().texts.front();
  std::string object;
  for (const Part& part : parts) {
    object += object.empty() ? "{\"" : ",\"";
    object += to_string(part.source);
    object += "\":";
    if (part.texts.size() > 1) object += '[';
    for (std::size_t i = 0; i < part.texts.size(); ++i) {
      if (i > 0) object += ',';
      object += *part.texts[i];
    }
    if (part.texts.size() > 1) object += ']';
  }
  return object + '}';
}

std::string first_said(const std::vector<const Evidence*>& evidence, std::string Evidence::* member) {
  for (const Evidence* one : evidence) {
    if (!(one->*member).empty()) return one->*member;
  }
  return {};
}

void set_module_fields(const std::vector<const Evidence*>& evidence, const Gateways& gateways, Device& device) {
  const std::size_t slash = device.id.find('/');
  if (device.parent.empty() && slash != std::string::npos) device.parent = device.id.substr(0, slash);
  bool listed = false;
  bool deployed = false;
  std::string status;
  for (const Evidence* one : evidence) {
    if (one->source != Source::edge_agent) continue;
    listed = true;
    deployed |= one->deployed;
    if (!one->status.empty() && status.empty()) status = one->status;
  }
  if (!status.empty()) device.status = status;  // "running" says more than the "enabled" of a twin
  if (listed) {
    device.deployed = deployed;
    return;
  }
  const bool system = slash != std::string::npos && device.id.compare(slash + 1, 1, "$") == 0;
  const auto& known = gateways.with_agent;
  if (!system && std::binary_search(known.begin(), known.end(), device.parent)) device.deployed = false;
}

}  // namespace

Device assemble(std::span<const Node* const> nodes, const Gateways& gateways) {
  std::vector<const Evidence*> evidence;
  std::set<const std::string*> broken;
  const Node* strongest = nodes.front();
  for (const Node* node : nodes) {
    evidence.insert(evidence.end(), node->evidence.begin(), node->evidence.end());
    broken.insert(node->broken.begin(), node->broken.end());
    const auto rank = [](const Node& one) { return std::tie(one.node_class, one.id); };
    if (rank(*node) < rank(*strongest)) strongest = node;
  }
  std::sort(evidence.begin(), evidence.end(), [](const Evidence* a, const Evidence* b) { return before(*a, *b); });

  Device device;
  device.id = strongest->id;
  // The strongest source among those that gave the id: an absorbed one is of another kind.
  const auto naming = std::min_element(strongest->evidence.begin(), strongest->evidence.end(), [&](const Evidence* a, const Evidence* b) {
    const auto rank = [&](const Evidence* one) {
      const bool of_hub = one->kind <= DeviceKind::module;
      return std::make_pair(strongest->node_class == NodeClass::hub && !of_hub, one->source);
    };
    return rank(a) != rank(b) ? rank(a) < rank(b) : before(*a, *b);
  });
  device.kind = (*naming)->kind;
  device.tags = joined(evidence, broken, &Evidence::tags);
  device.configuration = joined(evidence, broken, &Evidence::configuration);
  device.parent = first_said(evidence, &Evidence::parent);
  device.module_id = first_said(evidence, &Evidence::module_id);
  device.status = first_said(evidence, &Evidence::status);
  std::set<std::string> sources;
  for (const Evidence* one : evidence) {
    sources.insert(to_string(one->source));
    device.deployed &= one->deployed;
  }
  device.sources.assign(sources.begin(), sources.end());
  if (device.kind == DeviceKind::module) set_module_fields(evidence, gateways, device);
  // It is on a link of this gateway: that is how it was observed.
  if (device.kind == DeviceKind::observed && device.parent.empty()) device.parent = gateways.own;

  std::vector<DeviceAddress> addresses;
  for (const Node* node : nodes) {
    for (const DeviceAddress& address : node->addresses) {
      if (address.ip || !normal_mac(address.text)) addresses.push_back(address);
    }
    for (const std::string& id : node->hardware_ids) {
      if (!id.starts_with("mac:")) continue;
      addresses.emplace_back().text = id.substr(4);
    }
  }
  std::sort(addresses.begin(), addresses.end(), [](const auto& a, const auto& b) { return before(a, b); });
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  // Without an IP address they stand first, and are what a device keeps.
  if (addresses.size() > kMaxAddresses) addresses.resize(kMaxAddresses);
  device.addresses = std::move(addresses);
  device.pattern = pattern_of(device);
  return device;
}

std::string in_words(const Note& note, const std::string& other, const std::string& second) {
  switch (note.kind) {
    case Note::Kind::claimed_twice: return other + " has the same " + note.key + ": not merged, and nothing is merged by it";
    case Note::Kind::one_of_two: return "agrees with both " + other + " and " + second + " (" + note.key + "): not merged with either";
    case Note::Kind::could_be: return other + " could be this device or " + second + ": not merged with either";
    case Note::Kind::differs:
      return other + " agrees in " + note.key + " and differs in " + note.value.substr(0, note.value.find(':')) + ": not merged";
    case Note::Kind::open:
      return other + " agrees in " + note.key + ", but one of the two could be another device, too: not merged";
    case Note::Kind::chain:
      return other + " agrees in " + note.key + ", but through it two devices of one registry would become one: not merged";
    case Note::Kind::other_case: return other + " has this name in other upper and lower case: not merged";
    case Note::Kind::shared:
      return note.key + " is that of several units, such as " + other + ": not merged with any";
    case Note::Kind::calls_itself:
      return "calls itself " + note.key + ", as " + other + " is called: not merged, because any host can";
    case Note::Kind::called:
      return other + " calls itself by this name: not merged, because any host can";
  }
  return {};
}

}  // namespace iris::identity::merging
