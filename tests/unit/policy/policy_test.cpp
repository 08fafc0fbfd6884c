// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/text.h"
#include "workload.h"

namespace iris::policy {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<std::string> texts_of(const Policy& policy) {
  std::vector<std::string> texts;
  for (const auto& rule : policy.rules) {
    std::string addresses;
    for (const auto& address : rule.addresses) addresses += " " + address.to_string();
    texts.push_back(rule.text() + addresses);
  }
  return texts;
}

TEST(Policy, JoinsContactsWithTheAddressesOfTheFlows) {
  EXPECT_THAT(texts_of(Workload().make().value()),
              ElementsAre("to tcp/443 of 203.0.0.0/16 (network) 203.0.0.0/16", "to tcp/502 of 10.0.0.9 (lan) 10.0.0.9",
                          "to tcp/8883 of example.org (name) 198.51.100.7 2001:db8::7",
                          "to udp/53 of resolver (role) 10.0.0.1", "to udp/123 of time server (role) 203.0.113.5",
                          "called on tcp/8080 of 10.0.0.20 (lan) 10.0.0.20"));
}

TEST(Policy, LeavesOutWhatIsNotNormal) {
  Workload workload;
  auto stranger = opens("192.0.2.66", 6667);
  workload.flows.push_back(stranger);
  workload.profile.learn(profile::observe(stranger), profile::Lesson::suspicious);
  for (const auto& text : texts_of(workload.make().value())) EXPECT_EQ(text.find("6667"), std::string::npos);
}

TEST(Policy, IsTheSameWhateverTheOrderOfFlows) {
  Workload workload;
  const auto forth = texts_of(workload.make().value());
  std::reverse(workload.flows.begin(), workload.flows.end());
  EXPECT_EQ(texts_of(workload.make().value()), forth);
}

TEST(Policy, RefusesAProfileThatStillLearns) {
  Workload young(habits(), 0.01);
  const auto refused = young.make();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("still learning"));
  EXPECT_THAT(refused.error().message, HasSubstr("--force"));
  const auto forced = young.make(true);
  ASSERT_TRUE(forced);
  EXPECT_THAT(forced->notes, Contains(HasSubstr("FORCED")));
}

TEST(Policy, RefusesAWorkloadThatIsNotLearnable) {
  Workload browser({opens("198.51.100.7", 443)}, 0.1);
  std::uint64_t time = kStart;
  for (int i = 0; i < 400; ++i, time += 400 * kSecond) {
    auto record = opens("203." + std::to_string(i % 200) + ".113." + std::to_string(i % 250), 443,
                        "www.site" + std::to_string(i) + ".com");
    record.window_end_wall_ns = time;
    browser.profile.learn(profile::observe(record), profile::Lesson::normal);
  }
  ASSERT_EQ(browser.profile.maturity(), profile::Maturity::not_learnable);
  const auto refused = browser.make();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("not learnable"));
}

TEST(Policy, AddressesAreBounded) {
  std::vector<flow::FlowRecord> many;
  for (int i = 0; i < 600; ++i)  // odd ones only, so that none merge
    many.push_back(opens("198.51." + std::to_string(i / 100) + "." + std::to_string(2 * (i % 100) + 1), 8883, "mqtt.example.org"));
  Workload workload({many.front()});
  workload.flows = many;
  const auto policy = workload.make().value();
  ASSERT_THAT(policy.rules, SizeIs(1));
  EXPECT_THAT(policy.rules[0].addresses, SizeIs(Builder::kMaxAddresses));
  EXPECT_EQ(policy.rules[0].addresses_cut, 600 - Builder::kMaxAddresses);
  EXPECT_THAT(policy.notes, Contains(HasSubstr("344 more addresses are left out")));
}

TEST(Policy, KnowsWhereItRuns) {
  Workload workload;
  Builder builder("image/registry/modbus", workload.profile);
  auto old = opens("198.51.100.7", 8883, "mqtt.example.org");
  old.owner = module_owner("modbus1", "0000");
  old.local_address = base::IpAddress::parse("172.18.0.99");
  old.window_end_wall_ns = kStart;
  builder.add("gw1", old, Side::owner);
  for (const auto& record : workload.flows) builder.add("gw1", record, Side::owner);
  auto policy = builder.finish(kStart, kStart + kDay, false).value();
  ASSERT_THAT(policy.places, SizeIs(1));
  EXPECT_EQ(policy.places[0].container_id, "4f1c");
  // The address of the container that was replaced may be somebody else's.
  ASSERT_THAT(policy.places[0].addresses, SizeIs(2));
  EXPECT_EQ(policy.places[0].addresses[0].to_string(), "172.18.0.5");
  EXPECT_FALSE(policy.places[0].host_network);

  flow::FlowRecord host;
  host.owner = std::make_shared<flow::Owner>();
  host.local_address = base::IpAddress::parse("172.18.0.5");
  builder.add_other("gw2", host);
  EXPECT_FALSE(builder.finish(kStart, kStart + kDay, false).value().places[0].host_network);
  builder.add_other("gw1", host);
  EXPECT_TRUE(builder.finish(kStart, kStart + kDay, false).value().places[0].host_network);
}

TEST(Policy, TakesNeighboursThatCalledWithSuccess) {
  Workload workload;
  Builder builder("image/registry/modbus", workload.profile);
  auto call = opens("172.18.0.5", 9000);
  call.owner = module_owner("edgeHub", "aaaa");
  call.local_address = base::IpAddress::parse("172.18.0.2");
  call.peer_owner = module_owner();
  builder.add("gw1", call, Side::called);
  auto knock = profile::testing::in_vain(call);
  knock.service_port = 23;
  builder.add("gw1", knock, Side::called);
  const auto policy = builder.finish(kStart, kStart + kDay, false).value();
  EXPECT_THAT(texts_of(policy), Contains("called on tcp/9000 of edgeHub (module) 172.18.0.2"));
  for (const auto& text : texts_of(policy)) EXPECT_EQ(text.find("tcp/23 "), std::string::npos);
  EXPECT_THAT(policy.notes, Contains(HasSubstr("tcp/9000 of edgeHub (module): a neighbour on the host; not learned")));
}

/// Docker's resolver asks from within the container's namespace: its address is not the host's,
/// and names would fail if what it asks were not allowed.
TEST(Policy, TheEnginesResolverAsksForTheWorkload) {
  auto inside = opens("127.0.0.11", 53, "", 17);
  inside.scope = flow::Scope::loopback;
  Workload workload({opens("198.51.100.7", 8883, "mqtt.example.org"), inside});
  Builder builder("image/registry/modbus", workload.profile);
  for (const auto& record : workload.flows) builder.add("gw1", record, Side::owner);
  const auto without = builder.finish(kStart, kStart + kDay, true).value();
  EXPECT_THAT(without.notes, Contains(HasSubstr("allow the resolver behind it by hand")));

  auto question = opens("10.0.0.1", 53, "", 17);
  auto engine = std::make_shared<flow::Owner>();
  engine->kind = flow::OwnerKind::service;
  engine->name = "docker.service";
  question.owner = engine;
  builder.add_other("gw1", question);
  builder.add_other("gw2", opens("10.0.0.2", 53, "", 17));
  const auto policy = builder.finish(kStart, kStart + kDay, true).value();
  EXPECT_FALSE(policy.places[0].host_network);
  EXPECT_THAT(texts_of(policy), Contains("to udp/53 of resolver (role) 10.0.0.1"));
  EXPECT_THAT(policy.notes, Contains(HasSubstr("what the container engine's resolver asks for it")));
  EXPECT_THAT(policy.notes, Not(Contains(HasSubstr("by hand"))));
}

TEST(Policy, NamesAreShort) {
  EXPECT_EQ(short_name("image/registry:5000/iot/modbus"), "modbus");
  EXPECT_EQ(short_name("gw1/service/ssh.service"), "ssh.service");
  EXPECT_EQ(short_name("gw1/device/gw1/modbus1/PowerMeter-01"), "gw1/modbus1/PowerMeter-01");
}

TEST(Text, HostNamesAreHostNames) {
  EXPECT_EQ(host_name("MQTT.Example.org."), "mqtt.example.org");
  EXPECT_EQ(host_name("_dmarc.a-b.example"), "_dmarc.a-b.example");
  for (const char* none : {"", ".", "*.example.org", "a..b", "-a.org", "a-.org", "a_.org", "a b", "a\"b", "a\nb"})
    EXPECT_EQ(host_name(none), "") << none;
  EXPECT_EQ(host_name(std::string(64, 'a') + ".org"), "");
}

TEST(Text, HostileTextsBecomeTame) {
  for (const auto& text : hostile_texts()) {
    EXPECT_THAT(plain(text), ::testing::Not(::testing::ContainsRegex("[\"'\\\\`\n\r\t\x1b]")));
    EXPECT_LE(plain(text).size(), 160u);
    EXPECT_THAT(identifier(text, 24), ::testing::MatchesRegex("[a-z0-9]([a-z0-9_]*[a-z0-9])?"));
    EXPECT_THAT(slug(text, 24), ::testing::MatchesRegex("[a-z0-9]([a-z0-9-]*[a-z0-9])?"));
    EXPECT_THAT(label_value(text), ::testing::MatchesRegex("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"));
    EXPECT_LE(label_value(text).size(), 63u);
  }
}

}  // namespace
}  // namespace iris::policy
