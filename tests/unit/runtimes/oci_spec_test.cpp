// SPDX-License-Identifier: Apache-2.0
#include "runtimes/oci_spec.h"

#include <gtest/gtest.h>

namespace iris::runtimes {
namespace {

TEST(OciSpec, GivesIdentityAndRoot) {
  enrich::ContainerInfo info;
  ASSERT_TRUE(apply_oci_spec(
      R"({"ociVersion":"1.0","process":{"user":{"uid":0},"args":["sh"],"env":["PATH=/bin","IOTEDGE_MODULEID=$edgeAgent","IOTEDGE_DEVICEID=gw","X=y"]},
          "root":{"path":"/var/lib/docker/overlay2/x/merged"},"mounts":[{"destination":"/proc"}],"linux":{"cgroupsPath":"/docker/x"}})",
      info));
  EXPECT_EQ(info.module_id, "$edgeAgent");
  EXPECT_EQ(info.device_id, "gw");
  EXPECT_EQ(info.root_path, "/var/lib/docker/overlay2/x/merged");
}

TEST(OciSpec, NonsenseIsRefusedOrIgnored) {
  enrich::ContainerInfo info;
  for (const char* text : {"", "[]", "7", "{", "\"x\""}) EXPECT_FALSE(apply_oci_spec(text, info)) << text;
  for (const char* text : {"{}", R"({"process":7,"root":[]})", R"({"process":{"env":[1,null,{}]},"root":{"path":3}})"}) {
    EXPECT_TRUE(apply_oci_spec(text, info)) << text;
  }
  EXPECT_EQ(info.module_id, "");
}

TEST(ContainerdLabels, NameTheContainer) {
  const auto name = [](const std::string& id, const std::map<std::string, std::string>& labels) {
    enrich::ContainerInfo info;
    info.id = id;
    apply_containerd_labels(labels, info);
    return info.name;
  };
  const std::string id(64, 'a');
  EXPECT_EQ(name("two", {}), "two");
  EXPECT_EQ(name(id, {}), "");
  EXPECT_EQ(name(id, {{"com.docker/engine.bundle.path", "/x"}}), "");
  EXPECT_EQ(name(id, {{"nerdctl/name", "web"}}), "web");
  EXPECT_EQ(name(id, {{"io.cri-containerd.kind", "container"},
                      {"io.kubernetes.pod.name", "pod"},
                      {"io.kubernetes.container.name", "app"}}),
            "pod/app");
  EXPECT_EQ(name(id, {{"io.cri-containerd.kind", "sandbox"}, {"io.kubernetes.pod.name", "pod"}}), "pod");
}

}  // namespace
}  // namespace iris::runtimes
