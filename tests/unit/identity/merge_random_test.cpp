// SPDX-License-Identifier: Apache-2.0
// What holds for any evidence, tried on random worlds small enough to be full of
// coincidences.
#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using namespace test;

class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {}

  std::vector<Evidence> evidence() {
    std::vector<Evidence> all;
    const int count = 1 + below(24);
    for (int i = 0; i < count; ++i) all.push_back(one());
    return all;
  }
  MergeRules rules() {
    MergeRules made;
    if (below(3) > 0) made.gateway = "gw1";
    const int count = below(3);
    for (int i = 0; i < count; ++i) made.mapping[pick({name(), ip(), mac()})] = name();
    return made;
  }
  template <typename T>
  void shuffle(std::vector<T>& items) { std::shuffle(items.begin(), items.end(), random_); }

 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  std::string pick(std::vector<std::string> of) { return of[static_cast<std::size_t>(below(static_cast<int>(of.size())))]; }
  std::string name() { return pick({"a", "b", "c", "A", "d", "PM-1"}); }
  std::string mac() { return "00:1b:44:11:3a:0" + std::to_string(below(5)); }
  std::string ip() { return pick({"198.51.100." + std::to_string(1 + below(4)), "2001:db8::" + std::to_string(1 + below(2)), "10.0.0.1"}); }
  std::string place() {
    const std::string where = ip();
    if (below(2) == 0) return where;
    return (where.find(':') == std::string::npos ? where : "[" + where + "]") + (below(3) > 0 ? ":502" : ":503");
  }

  Evidence one() {
    Say say = registry();
    if (below(3) == 0) say.at(pick({place(), place(), "/dev/ttyS0", "plc7.site", mac()}));
    if (below(6) == 0) say.at(place());
    if (below(4) == 0) say.hardware("mac:" + mac());
    if (below(6) == 0) say.hardware(pick({"hwid:PM-1", "serial:4711", "serial:4712"}));
    if (say.kind != DeviceKind::observed && below(4) == 0) say.hardware("unit:" + std::to_string(below(2)));
    if (below(4) == 0) say.tagged(pick({"{\"mac\":\"" + mac() + "\"}", "{\"ip\":\"" + place() + "\"}", "{\"site\":\"x\"}"}));
    if (below(4) == 0) say.configured(R"({"desired":{"k":1}})");
    if (below(4) == 0) say.with_status(pick({"enabled", "running"}));
    return say;
  }

  Say registry() {
    switch (below(7)) {
      case 0: return hub_leaf(name()).below(pick({"", "gw1", "gw2"}));
      case 1: return hub_client(name());
      case 2: return edgex(name());
      case 3: return slave(name(), pick({"modbus1", "modbus2"}));
      case 4: return pick({"h", "a"}) == "h" ? hub_module("gw1/m" + std::to_string(below(2))) : agent_module("gw1/m" + std::to_string(below(2)));
      case 5: return neighbour(place(), below(3) == 0 ? "" : mac());
      default: return lease(place(), mac(), name());
    }
  }

  std::mt19937 random_;
};

/// What one registry calls one device; what was observed has no such name.
std::string registered_as(const Evidence& one) {
  switch (one.kind) {
    case DeviceKind::edgex: return "edgex " + one.name;
    case DeviceKind::manufactured: return one.module_id + " " + one.name;
    case DeviceKind::observed: return {};
    default: return "hub " + one.name;
  }
}

class MergeRandom : public ::testing::TestWithParam<int> {};

TEST_P(MergeRandom, InvariantsHold) {
  for (int round = 0; round < 250; ++round) {
    const auto seed = static_cast<std::uint32_t>(GetParam() * 1000 + round);
    World world(seed);
    auto evidence = world.evidence();
    const MergeRules rules = world.rules();
    const auto devices = merge(evidence, rules);
    SCOPED_TRACE("seed " + std::to_string(seed));

    // The order of evidence means nothing, nor does saying it twice.
    auto turned = evidence;
    for (int i = 0; i < 3; ++i) {
      world.shuffle(turned);
      ASSERT_EQ(merge(turned, rules), devices);
    }
    turned.insert(turned.end(), evidence.begin(), evidence.end());
    ASSERT_EQ(merge(turned, rules), devices);

    // Ids are unique and in order.
    for (std::size_t i = 1; i < devices.size(); ++i) ASSERT_LT(devices[i - 1].id, devices[i].id);

    // Nothing is lost: each source and each address of the evidence is in some device.
    // Nothing is invented: no device has a source or an address that no evidence has.
    std::map<std::string, std::set<std::string>> said, kept;
    for (const auto& one : evidence) said["source"].insert(to_string(one.source));
    for (const auto& device : devices) {
      kept["source"].insert(device.sources.begin(), device.sources.end());
      ASSERT_FALSE(device.sources.empty());
      for (const auto& at : device.addresses) kept["address"].insert(to_string(at));
    }
    ASSERT_EQ(kept["source"], said["source"]);
    std::string everything;
    for (const auto& one : evidence) {
      for (const auto& at : one.addresses) {
        ASSERT_TRUE(kept["address"].contains(to_string(at)) || (at.ip && at.ip->is_site_local())) << to_string(at);
        everything += to_string(at) + "\n";
      }
      for (const auto& id : one.hardware_ids) everything += id + "\n";
      everything += one.tags + "\n";
    }
    for (const auto& at : kept["address"]) ASSERT_NE(everything.find(at), std::string::npos) << at;

    // Each registry's device is in exactly one: as many identities as a registry
    // has devices at least, and its ids are still theirs.
    std::set<std::string> hub;
    std::set<std::string> registered;
    for (const auto& one : evidence) {
      if (const auto as = registered_as(one); !as.empty()) registered.insert(as);
      if (one.kind <= DeviceKind::module) hub.insert(one.name);
    }
    for (const auto& id : hub) ASSERT_EQ(std::count_if(devices.begin(), devices.end(), [&](const auto& d) { return d.id == id; }), 1) << id;
    if (rules.mapping.empty()) {
      std::map<std::string, std::size_t> of_source, devices_of;
      for (const auto& as : registered) ++of_source[as.substr(0, as.find(' '))];
      for (const auto& device : devices) {
        const auto has = [&](const char* source) { return std::count(device.sources.begin(), device.sources.end(), source) > 0; };
        devices_of["edgex"] += has("edgex") ? 1 : 0;
        devices_of["hub"] += has("iot_hub") || has("edge_hub") || has("edge_agent") ? 1 : 0;
      }
      ASSERT_EQ(devices_of["edgex"], of_source["edgex"]) << "two devices of EdgeX never become one";
      ASSERT_EQ(devices_of["hub"], of_source["hub"]);
    }

    // What is left apart though names are equal says why.
    for (const auto& device : devices) {
      if (device.kind != DeviceKind::edgex || !rules.mapping.empty()) continue;
      const std::string name = device.id.substr(6);
      ASSERT_TRUE(!hub.contains(name) || !device.conflicts.empty()) << device.id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MergeRandom, ::testing::Range(1, 9));

}  // namespace
}  // namespace iris::identity
