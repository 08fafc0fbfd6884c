// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

/// One image on several gateways, at the same time.
class Fleet {
 public:
  explicit Fleet(int gateways) {
    for (int i = 0; i < gateways; ++i) names_.push_back(fmt::format("gw{}", i));
  }
  Lab lab;

  void everywhere(const std::function<void(Lab&)>& act) {
    for (const auto& name : names_) {
      lab.gateway = name;
      act(lab);
    }
  }
  void end_window(std::uint64_t idle_s) {
    lab.now += (10 + idle_s) * kSecond;
    for (const auto& name : names_) lab.judge.end_window(name, lab.now);
  }
  void routine(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      everywhere([](Lab& l) {
        l.see(l.out("10.0.0.9", 502));
        l.see(l.out("198.51.100.7", 8883, "mqtt.example.org"));
      });
      end_window(590);
    }
  }

 private:
  std::vector<std::string> names_;
};

TEST(Fleet, OneProfileForAnImageWithoutItsTag) {
  EXPECT_EQ(profile_key("gw1", *module("a", "registry.example:5000/modbus:1.0")), "image/registry.example:5000/modbus");
  EXPECT_EQ(profile_key("gw2", *module("b", "registry.example:5000/modbus@sha256:00ff")),
            "image/registry.example:5000/modbus");
  EXPECT_EQ(image_version("registry.example:5000/modbus:1.0"), ":1.0");
  Fleet fleet(5);
  fleet.routine(10);
  EXPECT_EQ(fleet.lab.judge.profiles().size(), 1u);
}

TEST(Fleet, AnUpdateSeenOnManyGatewaysIsUnderstood) {
  Fleet fleet(9);
  fleet.routine(200);
  std::size_t accused = 0;
  fleet.everywhere([](Lab& l) { l.see(l.out("203.0.113.80", 9443, "update.example.net")); });
  fleet.end_window(0);
  accused = fleet.lab.alerts().size();
  EXPECT_LE(accused, 2u) << "the first ones cannot be known";
}

TEST(Fleet, TheSameWithoutANameIsNot) {
  Fleet fleet(9);
  fleet.routine(200);
  fleet.everywhere([](Lab& l) { l.see(l.out("203.0.113.80", 9443)); });
  fleet.end_window(0);
  EXPECT_EQ(fleet.lab.alerts().size(), 9u);
}

TEST(Fleet, ANewVersionOpensARelearning) {
  Lab lab;
  lab.routine(24 * 8);
  lab.owner = module("modbus1", "registry.example/modbus:1.1");
  lab.see(lab.out("192.0.2.80", 9443));
  lab.next();
  lab.routine(26);
  EXPECT_TRUE(lab.alerts().empty());
  lab.see(lab.out("192.0.2.80", 9443));    // learned meanwhile
  lab.see(lab.out("203.0.113.66", 4433));  // and it is on guard again
  lab.next();
  EXPECT_EQ(lab.alerts().size(), 1u);
}

}  // namespace
}  // namespace iris::detect
