// SPDX-License-Identifier: Apache-2.0
#include "enrich/owner_resolver.h"

#include <gmock/gmock.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <set>

#include "fake_runtime.h"
#include "temporary_directory.h"

namespace iris::enrich {
namespace {

using flow::ContainerRecord;
using flow::OwnerKind;

const std::string kId(64, 'a');
const std::string kOther(64, 'b');

class OwnerResolverTest : public ::testing::Test {
 protected:
  OwnerResolverTest() : docker_socket_(root_ / "docker.sock"), containerd_socket_(root_ / "containerd.sock") {
    options_.cgroup_root = root_ / "cgroup";
    options_.docker_socket = root_ / "docker.sock";
    options_.containerd_socket = root_ / "containerd.sock";
    std::filesystem::create_directory(options_.cgroup_root);
  }

  OwnerResolver& resolver() {
    if (!resolver_) {
      resolver_.emplace(options_, fake_.factory());
      resolver_->start();
    }
    return *resolver_;
  }
  RuntimeListener& docker() { return resolver(), fake_.listener("docker"); }
  RuntimeListener& containerd() { return resolver(), fake_.listener("containerd"); }
  std::vector<ContainerRecord> poll() { return resolver().poll(++now_ns_); }
  void connect_docker() {
    RuntimeStatus status;
    status.runtime = "docker";
    status.connected = true;
    docker().on_status(status);
  }

  static ContainerInfo docker_info(const std::string& id, const std::string& name) {
    ContainerInfo info;
    info.id = id;
    info.name = name;
    info.image = "edge:1";
    info.runtime = "docker";
    info.pid = 100;
    return info;
  }
  static ContainerInfo moby_info(const std::string& id, const std::string& module) {
    ContainerInfo info;
    info.id = id;
    info.runtime = "containerd";
    info.runtime_namespace = "moby";
    info.module_id = module;
    info.device_id = module.empty() ? "" : "gateway";
    info.labels["com.docker/engine.bundle.path"] = "/x";
    info.pid = 100;
    return info;
  }
  static ContainerInfo ctr_info(const std::string& ns, const std::string& id) {
    ContainerInfo info;
    info.id = id;
    info.name = id;
    info.runtime = "containerd";
    info.runtime_namespace = ns;
    return info;
  }

  test_support::TemporaryDirectory root_;
  test_support::BoundSocket docker_socket_;
  test_support::BoundSocket containerd_socket_;
  test_support::FakeRuntimes fake_;
  OwnerResolverOptions options_;
  std::uint64_t now_ns_ = 0;
  std::optional<OwnerResolver> resolver_;
};

TEST_F(OwnerResolverTest, PathAloneNamesServiceHostAndContainer) {
  resolver().cgroup_added(1, "");
  resolver().cgroup_added(10, "/system.slice/cron.service");
  resolver().cgroup_added(11, "/docker/" + kId);
  EXPECT_EQ(resolver().owner(1)->kind, OwnerKind::host);
  EXPECT_EQ(resolver().owner(1)->name, "host");
  EXPECT_EQ(resolver().owner(10)->kind, OwnerKind::service);
  EXPECT_EQ(resolver().owner(10)->name, "cron.service");
  const auto owner = resolver().owner(11);
  EXPECT_EQ(owner->kind, OwnerKind::container);
  EXPECT_EQ(owner->container_id, kId);
  EXPECT_EQ(owner->name, "");
  EXPECT_EQ(owner->runtime, "docker");
  EXPECT_EQ(owner->cgroup_id, 11U);
  EXPECT_EQ(owner->cgroup_path, "/docker/" + kId);
  EXPECT_EQ(resolver().owner(11), owner) << "the same object while nothing changes";
}

TEST_F(OwnerResolverTest, UnknownIdIsAHostWithoutName) {
  const auto owner = resolver().owner(424242);
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->kind, OwnerKind::host);
  EXPECT_EQ(owner->name, "");
  EXPECT_EQ(owner->cgroup_id, 424242U);
  EXPECT_FALSE(resolver().is_known(424242));
  resolver().cgroup_added(424242, "/docker/" + kId);
  EXPECT_TRUE(resolver().is_known(424242));
  EXPECT_EQ(resolver().owner(424242)->container_id, kId);
}

TEST_F(OwnerResolverTest, StartFindsWhatRunsAlready) {
  std::filesystem::create_directories(options_.cgroup_root + "/docker/" + kId);
  resolver();
  const auto records = poll();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].change, ContainerRecord::Change::present);
  EXPECT_EQ(records[0].owner->container_id, kId);
  EXPECT_EQ(resolver().containers().size(), 1U);
}

TEST_F(OwnerResolverTest, NameArrivesLaterAndReplacesTheOwner) {
  resolver().cgroup_added(11, "/docker/" + kId);
  const auto before = resolver().owner(11);
  ASSERT_EQ(poll().size(), 1U);
  auto info = docker_info(kId, "edgeHub");
  info.module_id = "$edgeHub";
  info.addresses = {*base::IpAddress::parse("198.51.100.7")};
  docker().on_container(info);
  const auto records = poll();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].change, ContainerRecord::Change::updated);
  EXPECT_EQ(records[0].pid, 100U);
  EXPECT_EQ(before->name, "") << "published owners do not change";
  EXPECT_EQ(resolver().owner(11)->name, "edgeHub");
  EXPECT_EQ(resolver().owner(11)->module_id, "$edgeHub");
  EXPECT_EQ(resolver().owner_of_address(*base::IpAddress::parse("198.51.100.7")), resolver().owner(11));
  EXPECT_EQ(resolver().owner_of_address(*base::IpAddress::parse("198.51.100.8")), nullptr);
  EXPECT_TRUE(poll().empty());
}

TEST_F(OwnerResolverTest, NameThatIsKnownFirstIsThereAtOnce) {
  auto info = docker_info(kId, "short");
  info.pid = 0;
  docker().on_container(info);
  EXPECT_TRUE(poll().empty()) << "created is not alive";
  resolver().cgroup_added(11, "/docker/" + kId);
  EXPECT_EQ(resolver().owner(11)->name, "short");
  resolver().cgroup_removed(11);
  docker().on_removed(kId, "");
  const auto records = poll();
  ASSERT_EQ(records.size(), 2U) << "lived between two polls";
  EXPECT_EQ(records[0].change, ContainerRecord::Change::added);
  EXPECT_EQ(records[0].owner->cgroup_id, 11U);
  EXPECT_EQ(records[1].change, ContainerRecord::Change::removed);
  EXPECT_EQ(resolver().owner(11)->name, "short") << "late events still find the name";
}

TEST_F(OwnerResolverTest, NameThatComesAfterTheEndStillCounts) {
  resolver().cgroup_added(11, "/docker/" + kId);
  resolver().cgroup_removed(11);
  poll();
  auto info = docker_info(kId, "gone");
  info.pid = 0;
  docker().on_container(info);
  poll();
  EXPECT_EQ(resolver().owner(11)->name, "gone");
}

TEST_F(OwnerResolverTest, GroupsBelowAContainerBelongToIt) {
  resolver().cgroup_added(11, "/docker/" + kId);
  resolver().cgroup_added(12, "/docker/" + kId + "/system.slice/ssh.service");
  docker().on_container(docker_info(kId, "full"));
  poll();
  const auto below = resolver().owner(12);
  EXPECT_EQ(below->kind, OwnerKind::container);
  EXPECT_EQ(below->name, "full");
  EXPECT_EQ(below->cgroup_id, 12U);
  ASSERT_EQ(resolver().containers().size(), 1U);
  EXPECT_EQ(resolver().containers()[0].owner->cgroup_id, 11U);
}

TEST_F(OwnerResolverTest, SameNameAfterRestartKeepsEachItsOwn) {
  resolver().cgroup_added(11, "/docker/" + kId);
  docker().on_container(docker_info(kId, "modbus"));
  poll();
  resolver().cgroup_removed(11);
  docker().on_removed(kId, "");
  docker().on_container(docker_info(kOther, "modbus"));
  resolver().cgroup_added(12, "/docker/" + kOther);
  poll();
  EXPECT_EQ(resolver().owner(11)->container_id, kId);
  EXPECT_EQ(resolver().owner(12)->container_id, kOther);
  EXPECT_EQ(resolver().owner(11)->name, "modbus");
  EXPECT_EQ(resolver().owner(12)->name, "modbus");
}

TEST_F(OwnerResolverTest, SameContainerStartedAgainHasANewCgroup) {
  resolver().cgroup_added(11, "/docker/" + kId);
  auto info = docker_info(kId, "modbus");
  docker().on_container(info);
  poll();
  resolver().cgroup_removed(11);
  info.pid = 0;
  docker().on_container(info);
  ASSERT_EQ(poll().back().change, ContainerRecord::Change::removed);
  EXPECT_TRUE(resolver().containers().empty());
  resolver().cgroup_added(12, "/docker/" + kId);
  EXPECT_EQ(resolver().owner(12)->name, "modbus");
  const auto records = poll();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].change, ContainerRecord::Change::added);
  EXPECT_EQ(records[0].owner->cgroup_id, 12U);
}

TEST_F(OwnerResolverTest, DockerWinsOverContainerd) {
  resolver().cgroup_added(11, "/docker/" + kId);
  containerd().on_container(moby_info(kId, "temperature"));
  poll();
  EXPECT_EQ(resolver().owner(11)->module_id, "temperature") << "the environment counts where Docker is not asked";
  EXPECT_EQ(resolver().owner(11)->device_id, "gateway");
  EXPECT_EQ(resolver().owner(11)->runtime, "docker");
  auto info = docker_info(kId, "temperature");
  info.module_id = "temperature";
  info.labels["net.azure-devices.edge.owner"] = "Microsoft.Azure.Devices.Edge.Agent";
  docker().on_container(info);
  poll();
  const auto owner = resolver().owner(11);
  EXPECT_EQ(owner->name, "temperature");
  EXPECT_EQ(owner->device_id, "gateway") << "containerd fills in what Docker has not said yet";
  EXPECT_EQ(owner->labels.count("net.azure-devices.edge.owner"), 1U);
}

TEST_F(OwnerResolverTest, ImitatorIsNoModule) {
  resolver().cgroup_added(11, "/docker/" + kId);
  containerd().on_container(moby_info(kId, "$edgeAgent"));
  docker().on_container(docker_info(kId, "liar"));  // no owner label, so the client gives no module
  poll();
  EXPECT_EQ(resolver().owner(11)->module_id, "");
  EXPECT_EQ(resolver().owner(11)->device_id, "");
}

TEST_F(OwnerResolverTest, WhileDockerIsAskedContainerdAloneMakesNoModule) {
  resolver().cgroup_added(11, "/docker/" + kId);
  connect_docker();
  containerd().on_container(moby_info(kId, "$edgeAgent"));
  poll();
  EXPECT_EQ(resolver().owner(11)->module_id, "");
  RuntimeStatus gone;
  gone.runtime = "docker";
  docker().on_status(gone);
  poll();
  EXPECT_EQ(resolver().owner(11)->module_id, "$edgeAgent");
}

TEST_F(OwnerResolverTest, ContainerdForgetsAStoppedOneButDockerDoesNot) {
  resolver().cgroup_added(11, "/docker/" + kId);
  containerd().on_container(moby_info(kId, ""));
  docker().on_container(docker_info(kId, "kept"));
  poll();
  containerd().on_removed(kId, "moby");
  poll();
  EXPECT_EQ(resolver().containers().size(), 1U);
  EXPECT_EQ(resolver().owner(11)->name, "kept");
}

TEST_F(OwnerResolverTest, CtrContainerNeedsConfirmation) {
  resolver().cgroup_added(11, "/factory/two");
  resolver().cgroup_added(12, "/factory/two/below");
  resolver().cgroup_added(13, "/factory/three");
  resolver().cgroup_added(14, "/plant/two");
  EXPECT_EQ(resolver().owner(11)->kind, OwnerKind::host);
  containerd().on_container(ctr_info("factory", "two"));
  poll();
  EXPECT_EQ(resolver().owner(11)->kind, OwnerKind::container);
  EXPECT_EQ(resolver().owner(11)->container_id, "two");
  EXPECT_EQ(resolver().owner(11)->runtime, "containerd");
  EXPECT_EQ(resolver().owner(12)->container_id, "two");
  EXPECT_EQ(resolver().owner(13)->container_id, "three") << "in a namespace that containerd has";
  EXPECT_EQ(resolver().owner(14)->kind, OwnerKind::host);
  resolver().cgroup_added(15, "/factory/four");
  EXPECT_EQ(resolver().owner(15)->container_id, "four");
}

TEST_F(OwnerResolverTest, SameIdInTwoNamespacesAreTwo) {
  resolver().cgroup_added(11, "/factory/two");
  resolver().cgroup_added(12, "/plant/two");
  auto first = ctr_info("factory", "two");
  first.image = "one:1";
  auto second = ctr_info("plant", "two");
  second.image = "other:1";
  containerd().on_container(first);
  containerd().on_container(second);
  poll();
  EXPECT_EQ(resolver().owner(11)->image, "one:1");
  EXPECT_EQ(resolver().owner(12)->image, "other:1");
  resolver().cgroup_removed(11);
  containerd().on_removed("two", "factory");
  poll();
  ASSERT_EQ(resolver().containers().size(), 1U);
  EXPECT_EQ(resolver().containers()[0].owner->image, "other:1");
}

TEST_F(OwnerResolverTest, AddressMovesWithItsContainer) {
  const auto address = *base::IpAddress::parse("203.0.113.5");
  auto first = docker_info(kId, "first");
  first.addresses = {address};
  auto second = docker_info(kOther, "second");
  second.addresses = {address};
  docker().on_container(first);
  docker().on_container(second);
  poll();
  EXPECT_EQ(resolver().owner_of_address(address)->name, "second");
  docker().on_removed(kOther, "");
  poll();
  EXPECT_EQ(resolver().owner_of_address(address)->name, "first");
  docker().on_removed(kId, "");
  poll();
  EXPECT_EQ(resolver().owner_of_address(address), nullptr);
}

TEST_F(OwnerResolverTest, AddressAndPortAreTheContainersFromItsStartOnly) {
  const auto address = *base::IpAddress::parse("203.0.113.5");
  const auto host = *base::IpAddress::parse("198.51.100.9");
  constexpr std::uint64_t kStart = 500;
  resolver().cgroup_added(11, "/docker/" + kId, kStart);
  auto info = docker_info(kId, "late");
  info.addresses = {address};
  info.ports = {{.host_address = host, .host_port = 8080, .container_port = 80, .protocol = 6}};
  docker().on_container(info);
  resolver().poll(1000);
  EXPECT_EQ(resolver().owner_of_address(address, kStart - 1), nullptr);
  EXPECT_EQ(resolver().owner_of_address(address, kStart)->name, "late");
  EXPECT_EQ(resolver().owner_of_address(address)->name, "late");
  EXPECT_FALSE(resolver().published(6, host, 8080, kStart - 1));
  EXPECT_TRUE(resolver().published(6, host, 8080, kStart));
  // The clock has been set back: its start says nothing any more.
  resolver().poll(100);
  EXPECT_NE(resolver().owner_of_address(address, 90), nullptr);
}

TEST_F(OwnerResolverTest, RootPathIsTheRuntimesOrTheMainProcess) {
  auto info = docker_info(kId, "x");
  info.root_path = root_.path().string();
  docker().on_container(info);
  poll();
  EXPECT_EQ(resolver().root_path(kId), root_.path().string());
  info.root_path = root_ / "absent";
  info.pid = static_cast<std::uint32_t>(getpid());
  docker().on_container(info);
  poll();
  EXPECT_EQ(resolver().root_path(kId), "/proc/" + std::to_string(getpid()) + "/root");
  // Both gone: the name still leads to the layers of an overlay.
  info.pid = 0;
  docker().on_container(info);
  poll();
  EXPECT_EQ(resolver().root_path(kId), root_ / "absent");
  EXPECT_EQ(resolver().root_path(kOther), "");
}

TEST_F(OwnerResolverTest, MainProcessOutlivesItsEndForTheExitRecord) {
  auto info = docker_info(kId, "x");
  docker().on_container(info);
  poll();
  EXPECT_EQ(resolver().main_pid(kId), 100u);
  info.pid = 0;
  docker().on_container(info);
  poll();
  EXPECT_EQ(resolver().main_pid(kId), 100u);
  info.pid = 200;
  docker().on_container(info);
  poll();
  EXPECT_EQ(resolver().main_pid(kId), 200u);
  EXPECT_EQ(resolver().main_pid(kOther), 0u);
}

TEST_F(OwnerResolverTest, AbsentSocketIsSaidAndNoClientMade) {
  options_.docker_socket = root_ / "absent.sock";
  options_.use_containerd = false;
  resolver();
  poll();
  ASSERT_EQ(resolver().runtimes().size(), 1U);
  EXPECT_EQ(resolver().runtimes()[0].runtime, "docker");
  EXPECT_FALSE(resolver().runtimes()[0].connected);
  EXPECT_EQ(resolver().runtimes()[0].detail, "no socket there");
  EXPECT_FALSE(fake_.has("docker"));
}

TEST_F(OwnerResolverTest, SocketThatAppearsLaterIsFound) {
  options_.docker_socket = root_ / "late.sock";
  resolver();
  EXPECT_FALSE(fake_.has("docker"));
  const test_support::BoundSocket late(options_.docker_socket);
  fake_.listener("docker").on_container(docker_info(kId, "late"));
  poll();
  EXPECT_EQ(resolver().containers().size(), 1U);
}

TEST_F(OwnerResolverTest, StopReleasesAClientThatWaitsForRoom) {
  auto& listener = docker();
  std::thread chatter([&] {
    for (int i = 0; i < 5000; ++i) listener.on_removed(kId, "");
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  resolver().stop();
  chatter.join();
}

TEST_F(OwnerResolverTest, ChurnOfContainersLeavesMemoryWhereItWas) {
  options_.max_owners = 1024;
  const auto churn = [&](std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t n = first; n < first + count; ++n) {
      char id[65];
      std::snprintf(id, sizeof(id), "%064llx", static_cast<unsigned long long>(n));
      resolver().cgroup_added(1000 + n, std::string("/docker/") + id);
      resolver().owner(1000 + n);
      resolver().cgroup_removed(1000 + n);
      if (n % 100 == 0) poll();
    }
    poll();
  };
  churn(0, 5'000);
  const std::size_t size = resolver().size();
  const std::size_t before = mallinfo2().uordblks;
  churn(5'000, 100'000);
  EXPECT_EQ(resolver().size(), size);
  EXPECT_LE(mallinfo2().uordblks, before + 128 * 1024);
  EXPECT_TRUE(resolver().containers().empty());
}

TEST_F(OwnerResolverTest, RuntimeWithTooManyContainersIsBounded) {
  options_.max_owners = 64;
  for (int n = 0; n < 500; ++n) {
    char id[65];
    std::snprintf(id, sizeof(id), "%064x", n);
    docker().on_container(docker_info(id, "many"));
  }
  poll();
  EXPECT_LE(resolver().size(), 128U);
  EXPECT_THAT(resolver().runtimes()[1].detail, ::testing::HasSubstr("436 containers"));
}

}  // namespace
}  // namespace iris::enrich
