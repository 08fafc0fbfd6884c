// SPDX-License-Identifier: Apache-2.0
#include "identity/node.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_map>

#include "identity/claims.h"

namespace iris::identity::merging {
namespace {

using flow::DeviceAddress;
using flow::DeviceKind;

constexpr std::size_t kMaxJoinAddresses = 16;  // bounds the work; who has more is a router

NodeClass class_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::edgex: return NodeClass::edgex;
    case DeviceKind::manufactured: return NodeClass::manufactured;
    case DeviceKind::observed: return NodeClass::observed;
    default: return NodeClass::hub;
  }
}

/// "gw1/modbus1", whichever way the reader spelled it.
std::string module_path(const Evidence& evidence) {
  if (evidence.module_id.empty()) return evidence.parent;
  if (evidence.parent.empty() || evidence.module_id.starts_with(evidence.parent + "/")) return evidence.module_id;
  return evidence.parent + "/" + evidence.module_id;
}

std::string name_of(const Evidence& evidence) {
  if (evidence.kind == DeviceKind::module && !evidence.parent.empty() && evidence.name.find('/') == std::string::npos &&
      !evidence.name.empty()) {
    return evidence.parent + "/" + evidence.name;
  }
  if (!evidence.name.empty()) return evidence.name;
  // A registry that gives no name still says where the device is.
  std::string name;
  if (!evidence.addresses.empty()) name = to_string(*std::min_element(evidence.addresses.begin(), evidence.addresses.end(),
                                                                      [](const auto& a, const auto& b) { return before(a, b); }));
  for (const std::string& id : evidence.hardware_ids) {
    if (id.starts_with("unit:") || name.empty()) name += (name.empty() ? "" : "/") + id;
  }
  return name;
}

template <typename T, typename Less = std::less<>>
void sort_unique(std::vector<T>& items, Less less = {}) {
  std::sort(items.begin(), items.end(), less);
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

/// A MAC address, in whichever place it was found, is a hardware id.
void take_address(const DeviceAddress& address, Node& node) {
  if (!address.ip) {
    if (const auto mac = normal_mac(address.text)) node.hardware_ids.push_back("mac:" + *mac);
  }
  node.addresses.push_back(address);
}

class Maker {
 public:
  explicit Maker(const MergeRules& rules) : rules_(rules) {
    for (const auto& [from, to] : rules.mapping) {
      mapping_.emplace(from, to);
      if (const auto mac = normal_mac(from)) mapping_.emplace("mac:" + *mac, to);
      if (const auto id = normal_hardware_id(from); !id.empty()) mapping_.emplace(id, to);
      if (const auto address = parse_address(from)) mapping_.emplace(to_string(*address), to);
    }
  }

  Nodes make(std::span<const Evidence* const> evidence) {
    std::vector<Node> registered;
    std::vector<const Evidence*> observed;
    std::map<std::pair<std::string, std::string>, std::uint32_t> by_name;  // registry and name
    for (const Evidence* one : evidence) {
      const NodeClass node_class = class_of(one->kind);
      if (node_class == NodeClass::observed) {
        observed.push_back(one);
        continue;
      }
      std::string name = name_of(*one);
      if (name.empty()) continue;
      // IoT Hub's "" and EdgeX's " " are no names of modules.
      std::string registry = node_class == NodeClass::hub ? "" : node_class == NodeClass::edgex ? " " : module_path(*one);
      if (node_class == NodeClass::manufactured && registry.empty()) registry = "module";
      const auto [at, is_new] = by_name.try_emplace({registry, name}, static_cast<std::uint32_t>(registered.size()));
      if (is_new) {
        Node& node = registered.emplace_back();
        node.node_class = node_class;
        node.registries = {registry_number(registry)};
        node.names = {name};
        node.id = node_class == NodeClass::hub ? name : (node_class == NodeClass::edgex ? "edgex" : registry) + "/" + name;
        if (node_class == NodeClass::manufactured) node.module_path = registry;
        // A reader may have put the path in front itself.
        if (node_class == NodeClass::manufactured && name.starts_with(registry + "/")) node.id = name;
      }
      registered[at->second].evidence.push_back(one);
    }
    for (Node& node : registered) describe(node);
    apply_mapping(registered);
    Nodes nodes;
    nodes.first_observed = static_cast<std::uint32_t>(registered.size());
    nodes.nodes = std::move(registered);
    add_observed(observed, nodes.nodes);
    return nodes;
  }

 private:
  std::uint32_t registry_number(const std::string& registry) {
    return registries_.try_emplace(registry, static_cast<std::uint32_t>(registries_.size())).first->second;
  }

  /// What its evidence says of hardware and addresses.
  void describe(Node& node) {
    const auto& first = *node.evidence.front();
    std::string parent;
    bool module = false;
    bool gateway = false;
    for (const Evidence* one : node.evidence) {
      if (parent.empty()) parent = one->parent;
      module |= one->kind == DeviceKind::module;
      gateway |= one->kind == DeviceKind::gateway;
    }
    const bool is_this_gateway = node.node_class == NodeClass::hub &&
                                 (rules_.gateway.empty() ? gateway : first.name == rules_.gateway);
    node.joins = !module && !is_this_gateway;
    const bool elsewhere = node.node_class == NodeClass::hub && !parent.empty() && !rules_.gateway.empty() && parent != rules_.gateway;
    for (const Evidence* one : node.evidence) {
      for (const DeviceAddress& address : one->addresses) {
        if (!(elsewhere && address.ip && address.ip->is_site_local())) take_address(address, node);
      }
      for (const std::string& id : one->hardware_ids) {
        if (id.starts_with("unit:")) node.units.push_back(id);
        if (auto normal = normal_hardware_id(id); !normal.empty()) node.hardware_ids.push_back(std::move(normal));
      }
      Claims claims = note_broken(*one, node);
      if (node.node_class != NodeClass::hub || !node.joins) continue;
      for (auto& id : claims.hardware_ids) node.hardware_ids.push_back(std::move(id));
      for (const auto& address : claims.addresses) {
        if (can_belong_to_a_device(*address.ip) && !(elsewhere && address.ip->is_site_local())) {
          node.addresses.push_back(address);
        }
      }
    }
    // A module's HwId, or a LoRaWAN DevEUI, often is the id of the device in IoT Hub.
    for (const std::string& id : node.hardware_ids) {
      const std::size_t kind = node.node_class == NodeClass::hub ? 0 : id.starts_with("hwid:") ? 5 : id.starts_with("deveui:") ? 7 : 0;
      if (kind != 0) node.names.push_back(id.substr(kind));
    }
    if (node.node_class == NodeClass::hub) {
      if (const auto eui = normal_hardware_id("deveui:" + first.name); !eui.empty()) node.names.push_back(eui.substr(7));
    }
    finish(node);
    sort_unique(node.names);
    sort_unique(node.broken);
  }

  /// Reads its documents; what they claim.
  static Claims note_broken(const Evidence& one, Node& node) {
    Claims claims;
    for (const std::string* text : {&one.tags, &one.configuration}) {
      if (!text->empty() && !add_claims(*text, claims)) node.broken.push_back(text);
    }
    return claims;
  }

  static void finish(Node& node) {
    sort_unique(node.hardware_ids);
    sort_unique(node.units);
    sort_unique(node.addresses, [](const auto& a, const auto& b) { return before(a, b); });
    for (const DeviceAddress& address : node.addresses) {
      if (node.join_addresses.size() >= kMaxJoinAddresses) break;
      if (address.ip ? can_belong_to_a_device(*address.ip) : is_host_name(address.text)) {
        node.join_addresses.push_back(address);
      }
    }
  }

  /// A name without a dot means something else in each container.
  static bool is_host_name(const std::string& text) {
    return text.find('.') != std::string::npos && text.find_first_of("/\\: ") == std::string::npos && !normal_mac(text) &&
           text.size() <= 253;
  }

  /// The device that the mapping names for this node; none, and a remark, when it names two.
  std::optional<std::string> mapped_to(Node& node) const {
    std::vector<std::string> keys = node.names;
    keys.push_back(node.id);
    keys.insert(keys.end(), node.hardware_ids.begin(), node.hardware_ids.end());
    for (const DeviceAddress& address : node.addresses) {
      keys.push_back(to_string(address));
      if (address.ip) keys.push_back(address.ip->to_string());
    }
    std::optional<std::string> target;
    for (const std::string& key : keys) {
      const auto found = mapping_.find(key);
      if (found == mapping_.end() || found->second == target) continue;
      if (target) {
        node.remarks.push_back("the mapping names both " + std::min(*target, found->second) + " and " +
                               std::max(*target, found->second) + " for it: not merged");
        return std::nullopt;
      }
      target = found->second;
    }
    return target;
  }

  /// Moves the evidence of mapped nodes into the device of IoT Hub that they are mapped to.
  void apply_mapping(std::vector<Node>& nodes) {
    if (mapping_.empty()) return;
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].node_class == NodeClass::hub) hub_[nodes[i].id] = i;
    }
    for (Node& node : nodes) {
      if (node.node_class == NodeClass::hub) continue;
      if (const auto index = mapped_node(node)) absorb(nodes[*index], node);
    }
    for (Node& node : nodes) tidy(node);
    std::erase_if(nodes, [](const Node& node) { return node.evidence.empty(); });
    hub_.clear();
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].node_class == NodeClass::hub) hub_[nodes[i].id] = i;
    }
  }

  std::optional<std::uint32_t> mapped_node(Node& node) const {
    const auto target = mapped_to(node);
    if (!target) return std::nullopt;
    const auto found = hub_.find(*target);
    if (found != hub_.end()) return found->second;
    node.remarks.push_back("the mapping says that it is " + *target + ", which IoT Hub does not list");
    return std::nullopt;
  }

  /// tidy() has to follow, once after many.
  static void absorb(Node& into, Node& node) {
    const auto append = [](auto& to, auto& from) {
      to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
      from.clear();
    };
    append(into.evidence, node.evidence);
    append(into.broken, node.broken);
    append(into.registries, node.registries);
    append(into.names, node.names);
    append(into.hardware_ids, node.hardware_ids);
    append(into.units, node.units);
    append(into.addresses, node.addresses);
    append(into.join_addresses, node.join_addresses);
    append(into.remarks, node.remarks);
    if (into.node_class == NodeClass::observed && (into.own_name.empty() || (!node.own_name.empty() && node.own_name < into.own_name))) {
      into.own_name = node.own_name;
    }
  }

  static void tidy(Node& node) {
    const auto less = [](const DeviceAddress& a, const DeviceAddress& b) { return before(a, b); };
    sort_unique(node.broken);
    sort_unique(node.registries);
    sort_unique(node.names);
    sort_unique(node.hardware_ids);
    sort_unique(node.units);
    sort_unique(node.addresses, less);
    sort_unique(node.join_addresses, less);
    if (node.join_addresses.size() > kMaxJoinAddresses) node.join_addresses.resize(kMaxJoinAddresses);
  }

  // Observed hosts: what has a MAC address in common is one; what has none belongs
  // to the host that has its address.

  void add_observed(const std::vector<const Evidence*>& observed, std::vector<Node>& nodes) {
    std::vector<Node> parts;
    std::vector<std::uint32_t> host_of;  // by part: one before it that it shares a MAC with, or itself
    const auto root = [&](std::uint32_t part) {
      while (host_of[part] != part) part = host_of[part] = host_of[host_of[part]];
      return part;
    };
    std::unordered_map<std::string, std::uint32_t> with_mac;
    std::vector<const Evidence*> without;
    for (const Evidence* one : observed) {
      Node part = observed_part(*one);
      const auto number = static_cast<std::uint32_t>(parts.size());
      bool has_mac = false;
      for (const std::string& id : part.hardware_ids) {
        if (!id.starts_with("mac:")) continue;
        if (!has_mac) host_of.push_back(number);
        has_mac = true;
        const std::uint32_t a = root(with_mac.try_emplace(id, number).first->second);
        const std::uint32_t b = root(number);
        host_of[std::max(a, b)] = std::min(a, b);
      }
      if (has_mac) {
        parts.push_back(std::move(part));
      } else {
        without.push_back(one);
      }
    }
    for (std::uint32_t part = 0; part < parts.size(); ++part) {
      if (root(part) != part) absorb(parts[root(part)], parts[part]);
    }
    std::erase_if(parts, [](const Node& part) { return part.evidence.empty(); });
    for (Node& host : parts) tidy(host);
    add_without_mac(without, parts);
    std::vector<std::uint32_t> mapped;
    for (Node& host : parts) {
      tidy(host);
      host.id = "observed/" + observed_name(host);
      if (const auto target = mapped_node(host)) {
        absorb(nodes[*target], host);
        mapped.push_back(*target);
      } else {
        nodes.push_back(std::move(host));
      }
    }
    for (const std::uint32_t node : mapped) tidy(nodes[node]);
  }

  void add_without_mac(const std::vector<const Evidence*>& evidence, std::vector<Node>& hosts) {
    constexpr std::uint32_t kMany = UINT32_MAX;
    std::map<std::string, std::uint32_t> host_at;  // by address; kMany: of several
    const auto place = [&](const Node& host, std::uint32_t index) {
      for (const auto& address : host.addresses) {
        const auto [at, is_new] = host_at.try_emplace(to_string(address), index);
        if (!is_new && at->second != index) at->second = kMany;
      }
    };
    for (std::uint32_t i = 0; i < hosts.size(); ++i) place(hosts[i], i);
    const std::size_t with_mac = hosts.size();
    std::map<std::string, std::uint32_t> lone;  // by first address or name: the same statement of several sources
    for (const Evidence* one : evidence) {
      Node part = observed_part(*one);
      std::optional<std::uint32_t> home;
      bool several = false;
      for (const auto& address : part.addresses) {
        const auto found = host_at.find(to_string(address));
        if (found == host_at.end() || found->second >= with_mac) {
          several |= found != host_at.end();
          continue;
        }
        several |= home && *home != found->second;
        home = found->second;
      }
      if (home && !several) {
        absorb(hosts[*home], part);
        continue;
      }
      const std::string key = observed_name(part);
      if (key.empty()) continue;  // says nothing
      const auto [at, is_new] = lone.try_emplace(key, static_cast<std::uint32_t>(hosts.size()));
      if (is_new) hosts.emplace_back().node_class = NodeClass::observed;
      if (several) part.remarks.push_back("several hosts have its address: merged with none");
      absorb(hosts[at->second], part);
    }
  }

  Node observed_part(const Evidence& one) const {
    Node part;
    part.node_class = NodeClass::observed;
    part.evidence = {&one};
    note_broken(one, part);
    // Who keeps the hosts file may name hosts; a host may not name itself.
    if (!one.name.empty()) (one.source == Source::host_name ? part.names.emplace_back() : part.own_name) = one.name;
    for (const DeviceAddress& address : one.addresses) {
      if (!address.ip || can_belong_to_a_device(*address.ip)) take_address(address, part);
    }
    for (const std::string& id : one.hardware_ids) {
      if (auto normal = normal_hardware_id(id); !normal.empty()) part.hardware_ids.push_back(std::move(normal));
    }
    finish(part);
    // Nor by an address in words: a lease may have it from the host, too.
    std::erase_if(part.join_addresses, [](const DeviceAddress& address) { return !address.ip; });
    return part;
  }

  static std::string observed_name(const Node& host) {
    for (const std::string& id : host.hardware_ids) {
      if (id.starts_with("mac:")) return id.substr(4);
    }
    if (!host.addresses.empty()) return to_string(host.addresses.front());
    if (!host.hardware_ids.empty()) return host.hardware_ids.front();
    return host.evidence.front()->name;
  }

  const MergeRules& rules_;
  std::unordered_map<std::string, std::string> mapping_;
  std::unordered_map<std::string, std::uint32_t> registries_;
  std::unordered_map<std::string, std::uint32_t> hub_;
};

}  // namespace

Nodes make_nodes(std::span<const Evidence* const> evidence, const MergeRules& rules) { return Maker(rules).make(evidence); }

}  // namespace iris::identity::merging
