// SPDX-License-Identifier: Apache-2.0
#include "runtimes/label_policy.h"

#include <gmock/gmock.h>

namespace iris::runtimes {
namespace {

TEST(LabelPolicy, DropsWhatMayHoldSecrets) {
  const auto kept = keep_labels({{"net.azure-devices.edge.create-options", "{}"},
                                 {"net.azure-devices.edge.normalizedCreateOptions", "{}"},
                                 {"net.azure-devices.edge.env", "{}"},
                                 {"kubectl.kubernetes.io/last-applied-configuration", "{}"},
                                 {"app.secret-key", "x"},
                                 {"environment", "production"},
                                 {"site", "a"}});
  EXPECT_THAT(kept, ::testing::ElementsAre(::testing::Pair("environment", "production"), ::testing::Pair("site", "a")));
}

TEST(LabelPolicy, BoundsNumberAndSizeButKeepsTheEdgeLabels) {
  std::map<std::string, std::string> labels;
  for (int i = 0; i < 1000; ++i) labels["label" + std::to_string(i)] = "v";
  labels["net.azure-devices.edge.owner"] = "Microsoft.Azure.Devices.Edge.Agent";
  labels["aa-long"] = std::string(kMaxLabelValue + 1, 'x');
  labels[std::string(kMaxLabelName + 1, 'a')] = "x";
  const auto kept = keep_labels(labels);
  EXPECT_EQ(kept.size(), kMaxLabels);
  EXPECT_TRUE(kept.contains("net.azure-devices.edge.owner"));
  EXPECT_FALSE(kept.contains("aa-long"));
}

TEST(LabelPolicy, TextIsCleanAndCutAtACharacter) {
  EXPECT_EQ(clean_text("a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
  EXPECT_EQ(clean_text("a\xc2\x9b" "b"), "a??b");
  EXPECT_EQ(clean_text("\xc3\xa9\xc3\xa9", 3), "\xc3\xa9");
  EXPECT_EQ(clean_text("\xc3\xa9", 4), "\xc3\xa9");
  EXPECT_EQ(clean_text(std::string(8, '\x80'), 3), "");
}

TEST(LabelPolicy, OwnerLabelMakesTheModule) {
  enrich::ContainerInfo info;
  info.name = "modbus1";
  info.labels["net.azure-devices.edge.owner"] = "Microsoft.Azure.Devices.Edge.Agent";
  apply_owner_label(info);
  EXPECT_EQ(info.module_id, "modbus1");
  info.module_id = "from-environment";
  apply_owner_label(info);
  EXPECT_EQ(info.module_id, "from-environment");
  info.labels["net.azure-devices.edge.owner"] = "somebody";
  apply_owner_label(info);
  EXPECT_EQ(info.module_id, "");
}

TEST(LabelPolicy, EnvironmentGivesTwoNamesOnly) {
  enrich::ContainerInfo info;
  for (const char* variable : {"IOTEDGE_MODULEID=m=1", "IOTEDGE_DEVICEID=d", "IOTEDGE_MODULEIDX=no", "SECRET=s", "IOTEDGE_MODULEID"}) {
    take_environment(variable, info);
  }
  EXPECT_EQ(info.module_id, "m=1");
  EXPECT_EQ(info.device_id, "d");
}

TEST(LabelPolicy, ContainerIds) {
  EXPECT_TRUE(is_container_id("two.1_a-B"));
  EXPECT_FALSE(is_container_id(""));
  EXPECT_FALSE(is_container_id("a/b"));
  EXPECT_FALSE(is_container_id("a?b"));
  EXPECT_FALSE(is_container_id(std::string(kMaxId + 1, 'a')));
}

}  // namespace
}  // namespace iris::runtimes
