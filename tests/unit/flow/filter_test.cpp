// SPDX-License-Identifier: Apache-2.0
#include "flow/filter.h"

#include <gtest/gtest.h>

namespace iris::flow {
namespace {

OwnerPtr modbus() {
  Owner owner;
  owner.kind = OwnerKind::container;
  owner.container_id = "0123456789abcdef";
  owner.name = "modbus1";
  return std::make_shared<const Owner>(owner);
}

FlowRecord modbus_flow() {
  FlowRecord flow;
  flow.owner = modbus();
  flow.protocol = 6;
  flow.peer_address = base::IpAddress::parse("198.51.100.20");
  flow.service_port = 502;
  flow.peer_names = {"meter.example"};
  return flow;
}

TEST(Filter, WithoutConditionsMatchesEverything) {
  EXPECT_TRUE(Filter{}.matches(Record{modbus_flow()}));
  EXPECT_TRUE(Filter{}.matches(Record{ExitRecord{}}));
}

TEST(Filter, FindsContainersByNameAndIdPrefix) {
  Filter filter;
  for (const char* text : {"modbus1", "0123", "0123456789abcdef"}) {
    filter.container = text;
    EXPECT_TRUE(filter.matches(modbus_flow())) << text;
  }
  for (const char* text : {"modbus", "012", "1234"}) {  // a name is whole, a prefix at least 4 long
    filter.container = text;
    EXPECT_FALSE(filter.matches(modbus_flow())) << text;
  }
}

TEST(Filter, AllConditionsMustHold) {
  Filter filter;
  filter.port = 502;
  filter.peer = base::Cidr::parse("198.51.100.0/24");
  filter.peer_name = "meter.example";
  filter.role = Role::originator;
  EXPECT_TRUE(filter.matches(modbus_flow()));
  filter.protocol = 17;
  EXPECT_FALSE(filter.matches(modbus_flow()));
}

TEST(Filter, FailedWantsAtLeastOneFailure) {
  Filter filter;
  filter.failed_only = true;
  FlowRecord flow = modbus_flow();
  EXPECT_FALSE(filter.matches(flow));
  flow.failed[static_cast<std::size_t>(FailureReason::refused)] = 1;
  EXPECT_TRUE(filter.matches(flow));
}

TEST(Filter, AnExitHasNoPort) {
  Filter filter;
  filter.port = 502;
  EXPECT_FALSE(filter.matches(Record{ExitRecord{}}));
}

}  // namespace
}  // namespace iris::flow
