// SPDX-License-Identifier: Apache-2.0
#include "score.h"

#include <gtest/gtest.h>

namespace iris::detection {
namespace {

TEST(Poisson, IntervalIsExact) {
  // Garwood's interval, from tables.
  EXPECT_NEAR(poisson_interval(0).first, 0, 1e-9);
  EXPECT_NEAR(poisson_interval(0).second, 3.6889, 1e-3);
  EXPECT_NEAR(poisson_interval(1).first, 0.0253, 1e-3);
  EXPECT_NEAR(poisson_interval(1).second, 5.5716, 1e-3);
  EXPECT_NEAR(poisson_interval(10).first, 4.7954, 1e-3);
  EXPECT_NEAR(poisson_interval(10).second, 18.3904, 1e-3);
}

TEST(Expected, ClassesFollowTheProtocol) {
  const Scenario plain{"x", "malware", "host"};
  EXPECT_EQ(expected_classes("C&C-Torii", plain, true), std::set<std::string>{"command_and_control"});
  EXPECT_EQ(expected_classes("CC", plain, true), std::set<std::string>{"command_and_control"});
  EXPECT_EQ(expected_classes("C&C-FileDownload", plain, true).size(), 2u);
  EXPECT_EQ(expected_classes("DDoS", plain, true), std::set<std::string>{"denial_of_service"});
  EXPECT_EQ(expected_classes("PartOfAHorizontalPortScan", plain, true), std::set<std::string>{"lateral_movement"});
  EXPECT_EQ(expected_classes("PartOfAHorizontalPortScan", plain, false), std::set<std::string>{"initial_infection"});
  EXPECT_EQ(expected_classes("External-Attack-to-Device", plain, false), std::set<std::string>{"initial_infection"});
  EXPECT_EQ(expected_classes("BAD-MISCONF/BAD-MISCONF", plain, true), std::set<std::string>{"crash"});
  EXPECT_EQ(expected_classes("BAD-MITM/BAD-MITM", plain, true), std::set<std::string>{"lateral_movement"});
  EXPECT_TRUE(expected_classes("-", plain, true).empty());
  EXPECT_EQ(expected_classes("3 of 3 packets labelled", {"x", "industrial", "Modbus master: exploit"}, true),
            std::set<std::string>{"initial_infection"});
}

TEST(Groups, FollowTheDescription) {
  EXPECT_EQ(group_of({"x", "benign", "Philips Hue bridge"}), "iot");
  EXPECT_EQ(group_of({"x", "malware", "Windows host"}), "desktop");
  EXPECT_EQ(group_of({"x", "benign", "IEC 60870-5-104 station pair"}), "industrial");
}

TEST(Patterns, HoldStars) {
  EXPECT_TRUE(matches("westermo-*-a", "westermo-left-a"));
  EXPECT_FALSE(matches("westermo-*-a", "westermo-left-b"));
  EXPECT_TRUE(matches("*", ""));
}

TEST(Addresses, AreFoundInText) {
  EXPECT_EQ(addresses_in("bot on 192.168.1.5, and fe80::1."), (std::vector<std::string>{"192.168.1.5", "fe80::1"}));
  EXPECT_TRUE(addresses_in("IEC 60870-5-104 station pair, 15.6 h").empty());
}

}  // namespace
}  // namespace iris::detection
