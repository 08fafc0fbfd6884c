// SPDX-License-Identifier: Apache-2.0
#include "enrich/cgroup_path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace iris::enrich {
namespace {

const std::string kId = "2bc6f9a1d4e8073b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3";
const std::string kInner = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
const std::string kUser = "/user.slice/user-1000.slice/user@1000.service";

struct Row {
  std::string what;
  std::string path;
  flow::OwnerKind kind;
  std::string name;  // container id or unit
  std::string runtime;
  std::string own;  // the owner's own group; empty: the whole path
};

class CgroupPathRows : public testing::TestWithParam<Row> {};

TEST_P(CgroupPathRows, IsRead) {
  const Row& row = GetParam();
  const CgroupPath got = parse_cgroup_path(row.path);
  EXPECT_EQ(got.kind, row.kind) << row.path;
  EXPECT_EQ(got.kind == flow::OwnerKind::container ? got.container_id : got.unit, row.name) << row.path;
  EXPECT_EQ(got.runtime, row.runtime) << row.path;
  if (row.kind != flow::OwnerKind::host) {
    EXPECT_EQ(row.path.substr(0, got.own_length), row.own.empty() ? row.path : row.own);
  }
}

constexpr auto kContainer = flow::OwnerKind::container;
constexpr auto kService = flow::OwnerKind::service;
constexpr auto kHost = flow::OwnerKind::host;

std::vector<Row> rows() {
  const std::string kube = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice";
  return {
      {"docker_cgroupfs", "/docker/" + kId, kContainer, kId, "docker", ""},
      {"docker_systemd", "/system.slice/docker-" + kId + ".scope", kContainer, kId, "docker", ""},
      {"docker_rootless", kUser + "/app.slice/docker-" + kId + ".scope", kContainer, kId, "docker", ""},
      {"docker_parent_cgroupfs", "/iotedge/" + kId, kContainer, kId, "", ""},
      {"docker_parent_systemd", "/iotedge.slice/docker-" + kId + ".scope", kContainer, kId, "docker", ""},
      {"docker_driver_mismatch", "/system.slice:docker:" + kId, kContainer, kId, "docker", ""},
      {"nerdctl_cgroupfs", "/default/" + kId, kContainer, kId, "containerd", ""},
      {"nerdctl_systemd", "/system.slice/nerdctl-" + kId + ".scope", kContainer, kId, "containerd", ""},
      {"cri_guaranteed", "/kubepods/pod1-2/" + kId, kContainer, kId, "cri", ""},
      {"cri_besteffort", "/kubepods/besteffort/pod1-2/" + kId, kContainer, kId, "cri", ""},
      {"cri_systemd", kube + "/cri-containerd-" + kId + ".scope", kContainer, kId, "cri", ""},
      {"crio", kube + "/crio-" + kId + ".scope", kContainer, kId, "crio", ""},
      {"crio_conmon", kube + "/crio-conmon-" + kId + ".scope", kService, "crio-conmon-" + kId + ".scope", "", ""},
      {"podman_systemd", "/machine.slice/libpod-" + kId + ".scope", kContainer, kId, "podman", ""},
      {"podman_systemd_below", "/machine.slice/libpod-" + kId + ".scope/container", kContainer, kId, "podman",
       "/machine.slice/libpod-" + kId + ".scope"},
      {"podman_rootless", kUser + "/user.slice/libpod-" + kId + ".scope/container", kContainer, kId, "podman",
       kUser + "/user.slice/libpod-" + kId + ".scope"},
      {"podman_cgroupfs", "/libpod_parent/libpod-" + kId, kContainer, kId, "podman", ""},
      {"podman_split", "/system.slice/web.service/libpod-payload-" + kId, kContainer, kId, "podman", ""},
      {"podman_monitor", "/machine.slice/libpod-conmon-" + kId + ".scope", kService,
       "libpod-conmon-" + kId + ".scope", "", ""},
      {"podman_pod_is_none", "/machine.slice/machine-libpod_pod_" + kId + ".slice", kHost, "", "", ""},
      {"docker_in_docker", "/docker/" + kId + "/docker/" + kInner, kContainer, kInner, "docker", ""},
      {"monitor_in_docker", "/docker/" + kId + "/libpod-conmon-" + kInner + ".scope", kContainer, kId, "docker",
       "/docker/" + kId},
      {"lxc", "/lxc/web", kContainer, "web", "lxc", ""},
      {"lxc_below", "/lxc/web/system.slice/cron.service", kContainer, "web", "lxc", "/lxc/web"},
      {"lxc_payload", "/lxc.payload.web/init.scope", kContainer, "web", "lxc", "/lxc.payload.web"},
      {"lxc_payload_dir", "/lxc.payload/web", kContainer, "web", "lxc", ""},
      {"lxc_monitor", "/lxc.monitor.web", kHost, "", "", ""},
      {"docker_in_lxc", "/lxc/web/docker/" + kId, kContainer, kId, "docker", ""},
      {"nspawn", "/machine.slice/machine-my\\x2dbox.scope/payload", kContainer, "my-box", "nspawn",
       "/machine.slice/machine-my\\x2dbox.scope"},
      {"nspawn_unit", "/machine.slice/systemd-nspawn@box.service/payload", kContainer, "box", "nspawn",
       "/machine.slice/systemd-nspawn@box.service"},
      {"virtual_machine", "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", kService, "machine-qemu-1-vm.scope", "",
       ""},
      {"systemd_inside", "/docker/" + kId + "/system.slice/ssh.service", kContainer, kId, "docker", "/docker/" + kId},
      {"init_inside", "/docker/" + kId + "/init.scope", kContainer, kId, "docker", "/docker/" + kId},
      {"private_namespace", "/../docker-" + kId + ".scope", kContainer, kId, "docker", ""},
      {"private_namespace_deeper", "/../../system.slice/docker-" + kId + ".scope", kContainer, kId, "docker", ""},
      {"private_namespace_plain", "/../" + kId, kContainer, kId, "", ""},
      {"private_namespace_unit", "/../../system.slice/cron.service", kService, "cron.service", "", ""},
      {"service", "/system.slice/aziot-edged.service", kService, "aziot-edged.service", "", ""},
      {"service_below", "/system.slice/ssh.service/worker", kService, "ssh.service", "", "/system.slice/ssh.service"},
      {"service_template", "/system.slice/system-getty.slice/getty@tty1.service", kService, "getty@tty1.service", "",
       ""},
      {"user_service", kUser + "/app.slice/player.service", kService, "player.service", "", ""},
      {"user_manager", kUser + "/init.scope", kService, "init.scope", "", ""},
      {"login_session", "/user.slice/user-1000.slice/session-3.scope", kService, "session-3.scope", "", ""},
      {"init", "/init.scope", kService, "init.scope", "", ""},
      {"slice", "/system.slice", kHost, "", "", ""},
      {"user_slice", "/user.slice/user-1000.slice", kHost, "", "", ""},
      {"pod_only", "/kubepods/besteffort/pod1-2", kHost, "", "", ""},
      {"root", "/", kHost, "", "", ""},
      {"empty", "", kHost, "", "", ""},
      {"ctr_looks_like_any_group", "/default/two", kHost, "", "", ""},
      {"short_hex", "/docker/" + kId.substr(1), kHost, "", "", ""},
      {"long_hex", "/docker/0" + kId, kHost, "", "", ""},
      {"upper_case", "/docker/" + std::string(64, 'A'), kHost, "", "", ""},
      {"wrong_suffix", "/docker/" + kId + ".mount", kHost, "", "", ""},
      {"trailing_slash", "/docker/" + kId + "//", kContainer, kId, "docker", "/docker/" + kId},
      {"only_suffix", "/.service", kHost, "", "", ""},
  };
}

INSTANTIATE_TEST_SUITE_P(All, CgroupPathRows, testing::ValuesIn(rows()),
                         [](const auto& row) { return row.param.what; });

TEST(ContainerdCandidate, IsTheFirstTwoParts) {
  const auto found = containerd_candidate("/default/two/init.scope");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->runtime_namespace, "default");
  EXPECT_EQ(found->id, "two");
  EXPECT_EQ(found->own_length, std::string("/default/two").size());
}

TEST(ContainerdCandidate, SkipsTheWayOutOfAPrivateNamespace) {
  const auto found = containerd_candidate("/../../example/box.1");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->runtime_namespace, "example");
  EXPECT_EQ(found->id, "box.1");
}

TEST(ContainerdCandidate, RefusesWhatContainerdWouldNotName) {
  EXPECT_FALSE(containerd_candidate("/default"));
  EXPECT_FALSE(containerd_candidate("/default/a..b"));
  EXPECT_FALSE(containerd_candidate("/default/-a"));
  EXPECT_FALSE(containerd_candidate("/default/a b"));
  EXPECT_FALSE(containerd_candidate("/user@1000.service/a"));
  EXPECT_FALSE(containerd_candidate("/default/" + std::string(77, 'a')));
  EXPECT_FALSE(containerd_candidate(""));
}

}  // namespace
}  // namespace iris::enrich
