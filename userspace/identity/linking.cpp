// SPDX-License-Identifier: Apache-2.0
#include "identity/linking.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

#include "identity/buckets.h"

namespace iris::identity::merging {
namespace {

constexpr std::size_t kMaxNotes = 16;
constexpr std::size_t kMaxGroup = 32;  // more registries than a device can be in

class Linker {
 public:
  explicit Linker(const Nodes& nodes) : nodes_(nodes.nodes), first_observed_(nodes.first_observed) {
    result_.group.resize(nodes_.size());
    std::iota(result_.group.begin(), result_.group.end(), 0);
    notes_of_.resize(nodes_.size());
    alone_.resize(nodes_.size());
  }

  Linked run() {
    Agreements agreements = find_agreements(nodes_, first_observed_);
    for (const std::uint32_t node : agreements.ambiguous) alone_[node] = true;
    for (Note& found : agreements.notes) note(std::move(found));
    edges_ = std::move(agreements.edges);
    set_ambiguous_apart();
    unite();
    attach_observed();
    note_cases();
    return std::move(result_);
  }

 private:
  void note(Note note) {
    if (notes_of_[note.node]++ >= kMaxNotes) return;
    told_.insert({std::min(note.node, note.other), std::max(note.node, note.other)});
    result_.notes.push_back(std::move(note));
  }
  void note_both(Note::Kind kind, std::uint32_t a, std::uint32_t b, const std::string& key, const std::string& value = {}) {
    note({kind, a, b, 0, key, value});
    note({kind, b, a, 0, key, value});
  }

  std::uint32_t root(std::uint32_t node) {
    while (result_.group[node] != node) {
      result_.group[node] = result_.group[result_.group[node]];
      node = result_.group[node];
    }
    return node;
  }
  void join(std::uint32_t a, std::uint32_t b) {
    a = root(a);
    b = root(b);
    result_.group[std::max(a, b)] = std::min(a, b);
  }

  /// A node that agrees with two devices of one registry could be either.
  void set_ambiguous_apart() {
    std::vector<std::vector<std::pair<std::uint32_t, std::size_t>>> neighbours(nodes_.size());
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      neighbours[edges_[i].a].push_back({edges_[i].b, i});
      neighbours[edges_[i].b].push_back({edges_[i].a, i});
    }
    for (std::uint32_t node = 0; node < first_observed_; ++node) {
      std::unordered_map<std::uint32_t, std::uint32_t> by_registry;
      for (const auto& [other, edge] : neighbours[node]) {
        for (const std::uint32_t registry : nodes_[other].registries) {
          const auto [at, is_new] = by_registry.try_emplace(registry, other);
          if (is_new || at->second == other) continue;
          alone_[node] = true;
          note({Note::Kind::one_of_two, node, at->second, other, edges_[edge].key, {}});
          note({Note::Kind::could_be, at->second, node, other, {}, {}});
          note({Note::Kind::could_be, other, node, at->second, {}, {}});
        }
      }
    }
  }

  void unite() {
    for (const Edge& edge : edges_) {
      const std::string differs = contradiction(nodes_[edge.a], nodes_[edge.b]);
      if (!differs.empty()) {
        note_both(Note::Kind::differs, edge.a, edge.b, edge.key, differs);
      } else if (!alone_[edge.a] && !alone_[edge.b]) {
        join(edge.a, edge.b);
      } else if (!told_.contains({edge.a, edge.b})) {
        note_both(Note::Kind::open, edge.a, edge.b, edge.key);
      }
    }
    std::map<std::uint32_t, std::vector<std::uint32_t>> groups;
    for (std::uint32_t node = 0; node < first_observed_; ++node) groups[root(node)].push_back(node);
    std::vector<bool> dissolved(nodes_.size());
    for (const auto& [first, members] : groups) {
      if (members.size() == 1 || fits(members)) continue;
      for (const std::uint32_t member : members) {
        result_.group[member] = member;
        dissolved[member] = true;
      }
    }
    for (const Edge& edge : edges_) {
      if (dissolved[edge.a] && dissolved[edge.b]) note_both(Note::Kind::chain, edge.a, edge.b, edge.key);
    }
  }

  /// One device of each registry, and nothing that differs.
  bool fits(const std::vector<std::uint32_t>& members) const {
    if (members.size() > kMaxGroup) return false;
    for (std::size_t i = 0; i < members.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Node& a = nodes_[members[i]];
        const Node& b = nodes_[members[j]];
        if (share(a.registries, b.registries) || !contradiction(a, b).empty()) return false;
      }
    }
    return true;
  }

  // Observed hosts.

  /// What registered devices are known by; by each key up to three nodes of different groups.
  void add_known(const std::string& key, std::uint32_t node) {
    auto& known = known_[key];
    if (known.size() >= 3) return;
    for (const std::uint32_t other : known) {
      if (root(other) == root(node)) return;
    }
    known.push_back(node);
  }

  void attach_observed() {
    for (std::uint32_t node = 0; node < first_observed_; ++node) {
      const Node& one = nodes_[node];
      if (!one.joins) continue;
      for (const auto& id : one.hardware_ids) add_known(id, node);
      for (const auto& address : one.join_addresses) add_known(host_key(address), node);
      if (one.node_class == NodeClass::hub || one.node_class == NodeClass::edgex) {
        for (const auto& name : one.names) add_known(name_key(name), node);
      }
    }
    std::map<std::string, std::vector<std::uint32_t>> hosts_at;
    for (std::uint32_t host = first_observed_; host < nodes_.size(); ++host) {
      for (const auto& address : nodes_[host].join_addresses) {
        auto& hosts = hosts_at[host_key(address)];
        if (hosts.empty() || hosts.back() != host) hosts.push_back(host);
      }
    }
    for (const auto& [key, hosts] : hosts_at) {
      for (std::size_t i = 0; hosts.size() > 1 && i < hosts.size(); ++i) {
        note({Note::Kind::claimed_twice, hosts[i], hosts[i == 0 ? 1 : 0], 0, key, {}});
      }
    }
    for (std::uint32_t host = first_observed_; host < nodes_.size(); ++host) {
      const Node& one = nodes_[host];
      std::vector<std::pair<std::uint32_t, std::string>> candidates;  // and the key that they agree in
      const auto consider = [&](const std::string& key) {
        const auto found = known_.find(key);
        if (found == known_.end()) return;
        for (const std::uint32_t node : found->second) {
          const bool listed = std::any_of(candidates.begin(), candidates.end(),
                                          [&](const auto& other) { return root(other.first) == root(node); });
          if (!listed) candidates.emplace_back(node, key);
        }
      };
      for (const auto& id : one.hardware_ids) consider(id);
      for (const auto& name : one.names) consider(name_key(name));
      for (const auto& address : one.join_addresses) {
        const std::string key = host_key(address);
        if (hosts_at.at(key).size() == 1) consider(key);
      }
      attach(host, candidates);
      const auto namesake = one.own_name.empty() ? known_.end() : known_.find(name_key(one.own_name));
      if (namesake == known_.end()) continue;
      for (const std::uint32_t node : namesake->second) {
        note({Note::Kind::calls_itself, host, node, 0, one.own_name, {}});
        note({Note::Kind::called, node, host, 0, one.own_name, {}});
      }
    }
  }

  void attach(std::uint32_t host, const std::vector<std::pair<std::uint32_t, std::string>>& candidates) {
    if (candidates.empty()) return;
    if (candidates.size() > 1) {
      const auto& [first, key] = candidates[0];
      const auto& [second, second_key] = candidates[1];
      // Units behind one address are no contradiction.
      if (!nodes_[first].units.empty() && !nodes_[second].units.empty() && key == second_key) {
        note({Note::Kind::shared, host, first, 0, key, {}});
        return;
      }
      note({Note::Kind::one_of_two, host, first, second, second_key, {}});
      note({Note::Kind::could_be, first, host, second, {}, {}});
      note({Note::Kind::could_be, second, host, first, {}, {}});
      return;
    }
    const auto& [node, key] = candidates.front();
    const std::uint32_t first = root(node);
    const std::string differs = differs_from_group(host, first);
    if (!differs.empty()) {
      note_both(Note::Kind::differs, host, node, key, differs);
      return;
    }
    join(node, host);
  }

  std::string differs_from_group(std::uint32_t host, std::uint32_t first) {
    if (members_.empty()) {
      members_.resize(first_observed_);
      for (std::uint32_t node = 0; node < first_observed_; ++node) members_[root(node)].push_back(node);
    }
    for (const std::uint32_t member : members_[first]) {
      std::string differs = contradiction(nodes_[host], nodes_[member]);
      if (!differs.empty()) return differs;
    }
    return {};
  }

  void note_cases() {
    std::map<std::string, std::vector<std::pair<std::string, std::uint32_t>>> by_name;
    for (std::uint32_t node = 0; node < first_observed_; ++node) {
      if (nodes_[node].node_class == NodeClass::manufactured) continue;
      for (const auto& name : nodes_[node].names) by_name[lower_case(name)].emplace_back(name, node);
    }
    for (std::uint32_t node = 0; node < first_observed_; ++node) {
      if (nodes_[node].node_class != NodeClass::manufactured) continue;
      for (const auto& name : nodes_[node].names) {
        const auto found = by_name.find(lower_case(name));
        if (found != by_name.end()) found->second.emplace_back(name, node);
      }
    }
    for (const auto& entry : by_name) {
      const auto& named = entry.second;  // no binding: clang 14 cannot capture one
      for (std::size_t i = 1; i < named.size(); ++i) {
        // With the first that differs: a pair is enough to be seen.
        const auto other = std::find_if(named.begin(), named.begin() + static_cast<std::ptrdiff_t>(i), [&](const auto& one) {
          return one.first != named[i].first && root(one.second) != root(named[i].second);
        });
        if (other != named.begin() + static_cast<std::ptrdiff_t>(i)) {
          note_both(Note::Kind::other_case, named[i].second, other->second, entry.first);
        }
      }
    }
  }

  const std::vector<Node>& nodes_;
  const std::uint32_t first_observed_;
  std::vector<Edge> edges_;
  std::vector<bool> alone_;
  std::vector<std::size_t> notes_of_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> told_;  // pairs that a note was made of
  std::unordered_map<std::string, std::vector<std::uint32_t>> known_;
  std::vector<std::vector<std::uint32_t>> members_;  // by first node of a group of registered ones
  Linked result_;
};

}  // namespace

Linked link(const Nodes& nodes) {
  Linked linked = Linker(nodes).run();
  for (std::uint32_t node = 0; node < linked.group.size(); ++node) {
    std::uint32_t first = node;
    while (linked.group[first] != first) first = linked.group[first];
    linked.group[node] = first;
  }
  return linked;
}

}  // namespace iris::identity::merging
