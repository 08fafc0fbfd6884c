// SPDX-License-Identifier: Apache-2.0
#include "identity/buckets.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace iris::identity::merging {
namespace {

/// Above these, a key is held to name no single device: a default serial number, a
/// bridge with every unit in use.
constexpr std::size_t kMaxHolders = 16;
constexpr std::size_t kMaxAtAddress = 64;
constexpr std::size_t kMaxEdges = 1U << 18;
constexpr std::uint8_t kMaxNotes = 16;  // a node

/// One address of one node.
struct Holder {
  std::uint32_t node;
  std::uint16_t port;
  std::uint8_t protocol;
};

class Finder {
 public:
  Finder(const std::vector<Node>& nodes, std::uint32_t end) : nodes_(nodes), end_(end), notes_of_(end) {}

  Agreements find() {
    std::map<std::string, std::vector<std::uint32_t>> names;
    std::map<std::string, std::vector<std::uint32_t>> hardware;
    std::map<std::string, std::vector<Holder>> addresses;
    for (std::uint32_t node = 0; node < end_; ++node) {
      const Node& one = nodes_[node];
      if (!one.joins) continue;
      for (const auto& name : one.names) names[name_key(name)].push_back(node);
      for (const auto& id : one.hardware_ids) hardware[id].push_back(node);
      for (const auto& address : one.join_addresses) {
        addresses[host_key(address)].push_back({node, address.port, address.protocol});
      }
    }
    for (const auto& [key, holders] : names) {
      const bool registered = std::any_of(holders.begin(), holders.end(), [this](std::uint32_t node) {
        return nodes_[node].node_class != NodeClass::manufactured;
      });
      if (registered) link_all(key, holders, false);
    }
    for (const auto& [key, holders] : hardware) link_all(key, holders, true);
    for (const auto& [key, holders] : addresses) link_at(key, holders);
    auto& lone = found_.ambiguous;
    std::sort(lone.begin(), lone.end());
    lone.erase(std::unique(lone.begin(), lone.end()), lone.end());
    finish();
    return std::move(found_);
  }

 private:
  void add_edge(std::uint32_t a, std::uint32_t b, const std::string& key) {
    if (found_.edges.size() < kMaxEdges) {
      found_.edges.push_back({std::min(a, b), std::max(a, b), key});
    } else {  // what is not looked at must not make anything certain
      found_.ambiguous.push_back(a);
      found_.ambiguous.push_back(b);
    }
  }
  void note(Note note) {
    if (notes_of_[note.node] >= kMaxNotes) return;
    ++notes_of_[note.node];
    found_.notes.push_back(std::move(note));
  }

  /// Everybody here has `key`.
  void link_all(const std::string& key, const std::vector<std::uint32_t>& holders, bool between_modules) {
    if (holders.size() < 2) return;
    std::map<std::uint32_t, std::vector<std::uint32_t>> by_registry;
    for (const std::uint32_t node : holders) {
      for (const std::uint32_t registry : nodes_[node].registries) by_registry[registry].push_back(node);
    }
    bool contested = false;
    for (const auto& [registry, claimants] : by_registry) {
      if (claimants.size() < 2) continue;
      contested = true;
      for (const std::uint32_t claimant : claimants) {
        const std::uint32_t other = claimants[claimants[0] == claimant ? 1 : 0];
        note({Note::Kind::claimed_twice, claimant, other, 0, key, {}});
      }
      for (const std::uint32_t node : holders) {
        const auto& theirs = nodes_[node].registries;
        if (std::binary_search(theirs.begin(), theirs.end(), registry)) continue;
        found_.ambiguous.push_back(node);
        note({Note::Kind::one_of_two, node, claimants[0], claimants[1], key, {}});
      }
    }
    if (contested) return;
    if (holders.size() > kMaxHolders) {
      for (const std::uint32_t node : holders) {
        note({Note::Kind::claimed_twice, node, holders[holders[0] == node ? 1 : 0], 0, key, {}});
      }
      return;
    }
    for (std::size_t i = 0; i < holders.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const bool modules = nodes_[holders[i]].node_class == NodeClass::manufactured &&
                             nodes_[holders[j]].node_class == NodeClass::manufactured;
        if (!modules || between_modules) add_edge(holders[j], holders[i], key);
      }
    }
  }

  bool same_place(const Holder& a, const Holder& b) const {
    if (a.port != b.port && a.port != 0 && b.port != 0) return false;
    if (a.protocol != b.protocol && a.protocol != 0 && b.protocol != 0) return false;
    const auto& ours = nodes_[a.node].units;
    const auto& theirs = nodes_[b.node].units;
    return ours.empty() || theirs.empty() || share(ours, theirs);
  }

  /// Everybody here has this address, with ports and units of their own.
  void link_at(const std::string& key, const std::vector<Holder>& holders) {
    if (holders.size() < 2) return;
    if (holders.size() > kMaxAtAddress) return link_equal(key, holders);
    const bool any_units = std::any_of(holders.begin(), holders.end(), [this](const Holder& one) { return !nodes_[one.node].units.empty(); });
    for (std::size_t i = 0; any_units && i < holders.size(); ++i) {
      // Of a registry that has several units here none is meant by who names no unit.
      std::map<std::uint32_t, std::vector<std::uint32_t>> units_of;
      if (nodes_[holders[i].node].units.empty()) {
        for (const Holder& other : holders) {
          if (nodes_[other.node].units.empty() || !same_place(holders[i], other)) continue;
          for (const std::uint32_t registry : nodes_[other.node].registries) {
            auto& units = units_of[registry];
            if (units.empty() || units.back() != other.node) units.push_back(other.node);
          }
        }
        std::erase_if(units_of, [](const auto& item) { return item.second.size() < 2; });
        if (!units_of.empty()) {
          note({Note::Kind::shared, holders[i].node, units_of.begin()->second.front(), 0, key, {}});
        }
      }
      for (const auto& [registry, units] : units_of) shared_.insert(std::make_pair(holders[i].node, registry));
    }
    for (std::size_t i = 0; i < holders.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const std::uint32_t a = holders[j].node;
        const std::uint32_t b = holders[i].node;
        if (a == b || !same_place(holders[j], holders[i])) continue;
        if (is_shared(a, b) || is_shared(b, a)) continue;
        const std::string place = key_with_port(key, holders[j], holders[i]);
        if (share(nodes_[a].registries, nodes_[b].registries)) {
          note({Note::Kind::claimed_twice, a, b, 0, place, {}});
          note({Note::Kind::claimed_twice, b, a, 0, place, {}});
        } else {
          add_edge(a, b, place);
        }
      }
    }
    shared_.clear();
  }

  bool is_shared(std::uint32_t without_unit, std::uint32_t unit) const {
    if (shared_.empty() || nodes_[unit].units.empty()) return false;
    const auto& registries = nodes_[unit].registries;
    return std::any_of(registries.begin(), registries.end(),
                       [&](std::uint32_t registry) { return shared_.contains(std::make_pair(without_unit, registry)); });
  }

  static std::string key_with_port(const std::string& key, const Holder& a, const Holder& b) {
    const std::uint16_t port = std::max(a.port, b.port);
    return port == 0 ? key : key + " port " + std::to_string(port);
  }

  /// So many that only equal port and unit are looked for.
  void link_equal(const std::string& key, const std::vector<Holder>& holders) {
    std::map<std::tuple<std::uint16_t, std::uint8_t, std::vector<std::string>>, std::vector<std::uint32_t>> equal;
    for (const Holder& holder : holders) {
      equal[{holder.port, holder.protocol, nodes_[holder.node].units}].push_back(holder.node);
    }
    for (const auto& [place, nodes] : equal) {
      link_all(std::get<0>(place) == 0 ? key : key + " port " + std::to_string(std::get<0>(place)), nodes, true);
    }
  }

  void finish() {
    auto& edges = found_.edges;
    // Stable: of several keys of one pair the strongest stays.
    std::stable_sort(edges.begin(), edges.end(),
                     [](const Edge& x, const Edge& y) { return std::tie(x.a, x.b) < std::tie(y.a, y.b); });
    edges.erase(std::unique(edges.begin(), edges.end(), [](const Edge& x, const Edge& y) { return x.a == y.a && x.b == y.b; }),
                edges.end());
  }

  const std::vector<Node>& nodes_;
  const std::uint32_t end_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> shared_;  // a node without unit, a registry with several units there
  std::vector<std::uint8_t> notes_of_;
  Agreements found_;
};

}  // namespace

std::string lower_case(const std::string& text) {
  std::string low = text;
  std::transform(low.begin(), low.end(), low.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return low;
}

std::string host_key(const flow::DeviceAddress& address) {
  return "address " + (address.ip ? address.ip->to_string() : lower_case(address.text));
}

std::string name_key(const std::string& name) { return "name " + name; }

Agreements find_agreements(const std::vector<Node>& nodes, std::uint32_t end) { return Finder(nodes, end).find(); }

}  // namespace iris::identity::merging
