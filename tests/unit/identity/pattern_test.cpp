// SPDX-License-Identifier: Apache-2.0
#include "identity/pattern.h"

#include <gmock/gmock.h>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using flow::Device;
using flow::DeviceKind;
using flow::GatewayPattern;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Device device(DeviceKind kind, std::vector<std::string> sources, std::string parent = {}) {
  Device made;
  made.kind = kind;
  made.sources = std::move(sources);
  made.parent = std::move(parent);
  made.pattern = pattern_of(made);
  return made;
}

TEST(Pattern, Transparent) {
  EXPECT_EQ(device(DeviceKind::leaf, {"iot_hub"}, "gw1").pattern, GatewayPattern::transparent);
  EXPECT_EQ(device(DeviceKind::leaf, {"edge_hub"}).pattern, GatewayPattern::transparent);
  EXPECT_EQ(device(DeviceKind::leaf, {"iot_hub", "neighbour_table"}, "gw1").pattern, GatewayPattern::transparent);
}

TEST(Pattern, IdentityTranslation) {
  for (const char* local : {"edgex", "modbus_module", "opc_publisher", "translation_table", "module_configuration"}) {
    EXPECT_EQ(device(DeviceKind::leaf, {"iot_hub", local}, "gw1").pattern, GatewayPattern::identity_translation) << local;
    EXPECT_EQ(device(DeviceKind::leaf, {"edge_hub", local}).pattern, GatewayPattern::identity_translation) << local;
  }
}

TEST(Pattern, ProtocolTranslation) {
  for (const char* local : {"modbus_module", "opc_publisher", "translation_table", "module_configuration"}) {
    EXPECT_EQ(device(DeviceKind::manufactured, {local}, "gw1").pattern, GatewayPattern::protocol_translation) << local;
  }
  EXPECT_EQ(device(DeviceKind::edgex, {"edgex", "modbus_module"}).pattern, GatewayPattern::protocol_translation);
}

TEST(Pattern, NoneWhereNothingTells) {
  EXPECT_EQ(device(DeviceKind::leaf, {"iot_hub"}).pattern, GatewayPattern::none);
  EXPECT_EQ(device(DeviceKind::edgex, {"edgex"}, "gw1").pattern, GatewayPattern::none);
  EXPECT_EQ(device(DeviceKind::observed, {"neighbour_table"}, "gw1").pattern, GatewayPattern::none);
  EXPECT_EQ(device(DeviceKind::gateway, {"iot_hub", "edgex"}, "gw0").pattern, GatewayPattern::none);
  EXPECT_EQ(device(DeviceKind::module, {"iot_hub", "edge_agent"}, "gw1").pattern, GatewayPattern::none);
}

TEST(Pattern, AGatewayServesThoseOfItsDevices) {
  const std::vector<Device> devices{device(DeviceKind::gateway, {"iot_hub"}), device(DeviceKind::leaf, {"iot_hub"}, "gw1"),
                                    device(DeviceKind::manufactured, {"modbus_module"}, "gw1"),
                                    device(DeviceKind::leaf, {"iot_hub", "edgex"}, "gw2")};
  EXPECT_THAT(patterns_of(devices, "gw1"), ElementsAre(GatewayPattern::transparent, GatewayPattern::protocol_translation));
  EXPECT_THAT(patterns_of(devices, "gw2"), ElementsAre(GatewayPattern::identity_translation));
  EXPECT_THAT(patterns_of(devices, ""), ElementsAre(GatewayPattern::transparent, GatewayPattern::identity_translation, GatewayPattern::protocol_translation));
  EXPECT_THAT(patterns_of({}, "gw1"), IsEmpty());
}

TEST(Pattern, AChildOfAnotherGatewayThatUsesThisOneCounts) {
  const std::vector<Device> devices{device(DeviceKind::leaf, {"edge_hub", "iot_hub"}, "gw2")};
  EXPECT_THAT(patterns_of(devices, "gw1"), ElementsAre(GatewayPattern::transparent));
}

}  // namespace
}  // namespace iris::identity
