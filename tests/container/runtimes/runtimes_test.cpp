// SPDX-License-Identifier: Apache-2.0
// The resolver with the real clients against real daemons.
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <thread>

#include "engine.h"
#include "enrich/cgroup_index.h"
#include "enrich/owner_resolver.h"

namespace iris::enrich {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using flow::ContainerRecord;
using test_support::Engine;

constexpr auto kPatience = 20s;
const std::string kRun = "run -d --network none ";
const std::string kSleep = " iris-busybox:1 sleep 600";
const std::string kOwnerLabel = "--label net.azure-devices.edge.owner=Microsoft.Azure.Devices.Edge.Agent ";

class RuntimesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { engine_ = new Engine; }
  static void TearDownTestSuite() {
    delete engine_;
    engine_ = nullptr;
  }
  ~RuntimesTest() override {
    resolver_.reset();
    try {
      test_support::run("docker -H unix://" + engine_->docker_socket() + " ps -aq | xargs -r docker -H unix://" +
                        engine_->docker_socket() + " rm -f");
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }

  OwnerResolver& resolver() {
    if (!resolver_) {
      OwnerResolverOptions options;
      options.cgroup_root = Engine::cgroup_root();
      options.docker_socket = engine_->docker_socket();
      options.containerd_socket = engine_->containerd_socket();
      options.use_docker = use_docker_;
      options.use_containerd = use_containerd_;
      resolver_.emplace(options);
      resolver_->start();
    }
    return *resolver_;
  }

  void poll() {
    const auto now = std::chrono::system_clock::now().time_since_epoch() / 1ns;
    for (auto& record : resolver().poll(static_cast<std::uint64_t>(now))) records_.push_back(std::move(record));
  }
  bool eventually(const std::function<bool()>& condition) {
    const auto deadline = steady_clock::now() + kPatience;
    while (steady_clock::now() < deadline) {
      poll();
      if (condition()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  bool connected(const std::string& runtime, bool wanted = true) {
    return eventually([&] {
      for (const auto& status : resolver().runtimes()) {
        if (status.runtime == runtime) return status.connected == wanted;
      }
      return false;
    });
  }
  RuntimeStatus status(const std::string& runtime) {
    for (const auto& status : resolver().runtimes()) {
      if (status.runtime == runtime) return status;
    }
    return {};
  }
  flow::OwnerPtr find(const std::string& name) {
    for (const auto& record : resolver().containers()) {
      if (record.owner->name == name || record.owner->container_id == name) return record.owner;
    }
    return nullptr;
  }
  flow::OwnerPtr await(const std::string& name) {
    flow::OwnerPtr owner;
    EXPECT_TRUE(eventually([&] { return (owner = find(name)) != nullptr; })) << name << " did not appear";
    return owner;
  }
  std::uint64_t cgroup_of(pid_t pid) {
    return CgroupIndex(Engine::cgroup_root(), 64).id_of_path(engine_->cgroup_path(pid)).value();
  }
  pid_t pid_of(const std::string& container) {
    return std::stoi(engine_->docker("inspect -f '{{.State.Pid}}' " + container));
  }
  void ctr_container(const std::string& ns, const std::string& id, const std::string& options) {
    try {
      engine_->ctr("ns create " + ns);
    } catch (const std::exception&) {  // is there already
    }
    engine_->ctr("-n " + ns + " c create --rootfs " + options + " " + engine_->image_root() + " " + id +
                 " /bin/busybox sleep 600");
    engine_->ctr("-n " + ns + " t start -d " + id);
  }
  void ctr_remove(const std::string& ns, const std::string& id) {
    engine_->ctr("-n " + ns + " t delete -f " + id);
    engine_->ctr("-n " + ns + " c delete " + id);
  }

  /// Watches the groups of Docker's containers as the kernel programs would, and
  /// notes the name each had while its group existed.
  std::map<std::string, std::string> names_while_alive(const std::function<void()>& act) {
    const std::string parent = engine_->docker_parent();
    CgroupIndex index(Engine::cgroup_root(), 64);
    std::map<std::string, std::string> names;
    std::map<std::string, std::uint64_t> alive;
    std::atomic<bool> done{false};
    std::thread actor([&] {
      act();
      done = true;
    });
    while (!done || !alive.empty()) {
      std::set<std::string> present;
      std::error_code error;
      for (const auto& item : std::filesystem::directory_iterator(Engine::cgroup_root() + parent, error)) {
        if (!item.is_directory(error)) continue;
        const std::string path = parent + "/" + item.path().filename().string();
        present.insert(path);
        if (alive.contains(path)) continue;
        if (const auto id = index.id_of_path(path)) {
          alive[path] = *id;
          resolver().cgroup_added(*id, path);
        }
      }
      poll();
      for (const auto& path : present) {
        if (alive.contains(path)) names[path] = resolver().owner(alive[path])->name;
      }
      std::erase_if(alive, [&](const auto& item) {
        if (present.contains(item.first)) return false;
        resolver().cgroup_removed(item.second);
        return true;
      });
      std::this_thread::sleep_for(1ms);
    }
    actor.join();
    return names;
  }

  static inline Engine* engine_ = nullptr;
  bool use_docker_ = true;
  bool use_containerd_ = true;
  std::optional<OwnerResolver> resolver_;
  std::vector<ContainerRecord> records_;
};

TEST_F(RuntimesTest, ListsWhatRunsAlready) {
  const std::string id = engine_->docker(kRun + "--name before --label site=plant-7" + kSleep);
  const std::uint64_t cgroup = cgroup_of(pid_of("before"));
  ASSERT_TRUE(connected("docker") && connected("containerd"));
  const auto owner = await("before");
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->container_id, id);
  EXPECT_EQ(owner->image, "iris-busybox:1");
  EXPECT_EQ(owner->runtime, "docker");
  EXPECT_EQ(owner->labels.at("site"), "plant-7");
  EXPECT_EQ(owner->module_id, "");
  EXPECT_EQ(owner->cgroup_id, cgroup);
  EXPECT_EQ(resolver().owner(cgroup)->name, "before");
  EXPECT_THAT(status("docker").detail, ::testing::HasSubstr("Docker/"));
  EXPECT_THAT(status("containerd").detail, ::testing::StartsWith("containerd "));
  EXPECT_EQ(std::filesystem::exists(resolver().root_path(id) + "/bin/busybox"), true) << resolver().root_path(id);
}

TEST_F(RuntimesTest, FollowsEvents) {
  ASSERT_TRUE(connected("docker") && connected("containerd"));
  engine_->docker(kRun + "--name comes" + kSleep);
  const pid_t pid = pid_of("comes");
  ASSERT_TRUE(await("comes"));
  ASSERT_TRUE(eventually([&] { return find("comes") && resolver().owner(cgroup_of(pid))->name == "comes"; }));
  engine_->docker("rename comes renamed");
  ASSERT_TRUE(await("renamed"));
  EXPECT_EQ(find("comes"), nullptr);
  engine_->docker("rm -f renamed");
  EXPECT_TRUE(eventually([&] { return find("renamed") == nullptr; }));
  ASSERT_FALSE(records_.empty());
  EXPECT_EQ(records_.back().change, ContainerRecord::Change::removed);
  EXPECT_EQ(records_.back().owner->name, "renamed");
}

TEST_F(RuntimesTest, ModuleIdentityByLabelAndEnvironment) {
  engine_->docker(kRun + "--name edgeHub " + kOwnerLabel +
                  "-e 'IOTEDGE_MODULEID=$edgeHub' -e IOTEDGE_DEVICEID=gateway-1 -e PASSWORD=hidden" + kSleep);
  engine_->docker(kRun + "--name edgeAgent " + kOwnerLabel + kSleep);
  engine_->docker(kRun + "--name modbus1 " + kOwnerLabel +
                  "--label net.azure-devices.edge.env=SECRET=1 --label net.azure-devices.edge.create-options=x" + kSleep);
  engine_->docker(kRun + "--name imitator -e 'IOTEDGE_MODULEID=$edgeAgent' -e IOTEDGE_DEVICEID=gateway-1" + kSleep);
  ASSERT_TRUE(connected("docker") && connected("containerd"));
  EXPECT_TRUE(eventually([&] { return find("edgeHub") && find("edgeHub")->device_id == "gateway-1"; }));
  EXPECT_EQ(find("edgeHub")->module_id, "$edgeHub");
  ASSERT_TRUE(await("edgeAgent") && await("modbus1") && await("imitator"));
  EXPECT_EQ(find("edgeAgent")->module_id, "$edgeAgent");
  EXPECT_EQ(find("modbus1")->module_id, "modbus1");
  EXPECT_EQ(find("modbus1")->labels.size(), 1U) << "labels that may hold secrets are dropped";
  EXPECT_EQ(find("imitator")->module_id, "");
  EXPECT_EQ(find("imitator")->device_id, "");
}

TEST_F(RuntimesTest, ModuleIdentityFromContainerdAlone) {
  use_docker_ = false;
  ASSERT_TRUE(connected("containerd"));
  const std::string id = engine_->docker(kRun + "--name edgeHub " + kOwnerLabel +
                                         "-e 'IOTEDGE_MODULEID=$edgeHub' -e IOTEDGE_DEVICEID=gateway-1" + kSleep);
  const auto owner = await(id);
  ASSERT_TRUE(owner);
  EXPECT_TRUE(eventually([&] { return find(id)->module_id == "$edgeHub"; }));
  EXPECT_EQ(find(id)->device_id, "gateway-1");
  EXPECT_EQ(find(id)->name, "") << "Docker's name is nowhere in containerd";
  EXPECT_EQ(find(id)->runtime, "docker");
  engine_->docker("rm -f edgeHub");
  EXPECT_TRUE(eventually([&] { return find(id) == nullptr; }));
}

TEST_F(RuntimesTest, AddressesNameThePeer) {
  engine_->docker("run -d --name server" + kSleep);
  const auto address =
      base::IpAddress::parse(engine_->docker("inspect -f '{{.NetworkSettings.IPAddress}}' server")).value();
  ASSERT_TRUE(connected("docker"));
  EXPECT_TRUE(eventually([&] { return resolver().owner_of_address(address) != nullptr; }));
  EXPECT_EQ(resolver().owner_of_address(address)->name, "server");
  engine_->docker("network create later");
  engine_->docker("network connect later server");
  const auto second = base::IpAddress::parse(
                          engine_->docker("inspect -f '{{.NetworkSettings.Networks.later.IPAddress}}' server"))
                          .value();
  EXPECT_TRUE(eventually([&] { return resolver().owner_of_address(second) != nullptr; }));
  engine_->docker("stop -t 0 server");
  EXPECT_TRUE(eventually([&] { return resolver().owner_of_address(address) == nullptr; }));
  engine_->docker("rm -f server");
  engine_->docker("network rm later");
}

TEST_F(RuntimesTest, AddressesFromContainerdAlone) {
  use_docker_ = false;
  engine_->docker("run -d --name server" + kSleep);
  const auto address =
      base::IpAddress::parse(engine_->docker("inspect -f '{{.NetworkSettings.IPAddress}}' server")).value();
  EXPECT_TRUE(eventually([&] { return resolver().owner_of_address(address) != nullptr; }));
}

TEST_F(RuntimesTest, CtrContainersOfAllNamespaces) {
  ctr_container("default", "two", "--label site=a");
  ASSERT_TRUE(connected("containerd"));
  ctr_container("factory", "press", "--env IOTEDGE_MODULEID=press");
  const auto two = await("two");
  const auto press = await("press");
  ASSERT_TRUE(two && press);
  EXPECT_EQ(two->labels.at("site"), "a");
  EXPECT_EQ(two->runtime, "containerd");
  EXPECT_TRUE(eventually([&] { return find("press") && find("press")->module_id == "press"; }));
  std::uint32_t pid = 0;
  for (const auto& record : resolver().containers()) {
    if (record.owner->name == "press") pid = record.pid;
  }
  ASSERT_NE(pid, 0U);
  const auto owner = resolver().owner(cgroup_of(static_cast<pid_t>(pid)));
  EXPECT_EQ(owner->kind, flow::OwnerKind::container);
  EXPECT_EQ(owner->name, "press");
  EXPECT_TRUE(std::filesystem::exists(resolver().root_path("press") + "/bin/busybox"));
  // The end of an exec'ed process is not the container's.
  engine_->ctr("-n factory t exec --exec-id x press /bin/busybox true");
  poll();
  EXPECT_NE(find("press"), nullptr);
  ctr_remove("default", "two");
  ctr_remove("factory", "press");
  EXPECT_TRUE(eventually([&] { return find("two") == nullptr && find("press") == nullptr; }));
}

TEST_F(RuntimesTest, RestartUnderTheSameName) {
  ASSERT_TRUE(connected("docker") && connected("containerd"));
  const std::string first_id = engine_->docker(kRun + "--name modbus" + kSleep);
  const std::uint64_t first = cgroup_of(pid_of("modbus"));
  ASSERT_TRUE(eventually([&] { return resolver().owner(first)->name == "modbus"; }));
  engine_->docker("rm -f modbus");
  const std::string second_id = engine_->docker(kRun + "--name modbus" + kSleep);
  const std::uint64_t second = cgroup_of(pid_of("modbus"));
  ASSERT_TRUE(eventually([&] { return resolver().owner(second)->name == "modbus"; }));
  EXPECT_EQ(resolver().owner(first)->name, "modbus");
  EXPECT_EQ(resolver().owner(first)->container_id, first_id);
  EXPECT_EQ(resolver().owner(second)->container_id, second_id);
  EXPECT_NE(first, second);
  // And the same container again: its id stays, its group is another.
  engine_->docker("restart -t 0 modbus");
  const std::uint64_t third = cgroup_of(pid_of("modbus"));
  ASSERT_TRUE(eventually([&] { return resolver().owner(third)->name == "modbus"; }));
  EXPECT_EQ(resolver().owner(third)->container_id, second_id);
  EXPECT_EQ(resolver().owner(second)->cgroup_id, second);
}

TEST_F(RuntimesTest, AContainerOf100MillisecondsIsNamedWhileItLives) {
  ASSERT_TRUE(connected("docker") && connected("containerd"));
  constexpr int kCount = 5;
  const auto names = names_while_alive([&] {
    for (int i = 0; i < kCount; ++i) {
      engine_->docker("run --rm --network none --name short-" + std::to_string(i) + " iris-busybox:1 sleep 0.1");
    }
  });
  std::set<std::string> found;
  for (const auto& [path, name] : names) found.insert(name);
  for (int i = 0; i < kCount; ++i) EXPECT_TRUE(found.contains("short-" + std::to_string(i))) << i;
  EXPECT_FALSE(found.contains("")) << "one had no name";
}

TEST_F(RuntimesTest, ContainerdRestartedWhileConnected) {
  ctr_container("factory", "stays", "");
  ctr_container("factory", "vanishes", "");
  ASSERT_TRUE(connected("containerd"));
  ASSERT_TRUE(await("stays") && await("vanishes"));
  engine_->kill(Engine::Daemon::containerd);
  ASSERT_TRUE(connected("containerd", false));
  EXPECT_NE(find("stays"), nullptr) << "a lost daemon is not a lost container";
  engine_->restart(Engine::Daemon::containerd);
  ctr_remove("factory", "vanishes");  // seen by an event or by the list, as it falls
  ASSERT_TRUE(connected("containerd"));
  EXPECT_GE(status("containerd").reconnects, 1U);
  EXPECT_TRUE(eventually([&] { return find("vanishes") == nullptr; }));
  EXPECT_NE(find("stays"), nullptr);
  ctr_container("factory", "new", "");
  EXPECT_TRUE(await("new"));
  ctr_remove("factory", "stays");
  ctr_remove("factory", "new");
}

TEST_F(RuntimesTest, DockerdRestartedWhileConnected) {
  use_containerd_ = false;
  engine_->docker(kRun + "--name survivor" + kSleep);
  ASSERT_TRUE(connected("docker"));
  ASSERT_TRUE(await("survivor"));
  engine_->kill(Engine::Daemon::dockerd);
  ASSERT_TRUE(connected("docker", false));
  EXPECT_NE(find("survivor"), nullptr);
  // Without live-restore dockerd stops what it finds running when it comes back.
  engine_->restart(Engine::Daemon::dockerd);
  ASSERT_TRUE(connected("docker"));
  EXPECT_GE(status("docker").reconnects, 1U);
  engine_->docker(kRun + "--name after" + kSleep);
  EXPECT_TRUE(await("after"));
}

TEST_F(RuntimesTest, StopIsQuickWhileBothDaemonsHang) {
  ASSERT_TRUE(connected("docker") && connected("containerd"));
  engine_->signal(Engine::Daemon::dockerd, SIGSTOP);
  engine_->signal(Engine::Daemon::containerd, SIGSTOP);
  const auto before = steady_clock::now();
  resolver().stop();
  EXPECT_LT(steady_clock::now() - before, 1s);
  engine_->signal(Engine::Daemon::containerd, SIGCONT);
  engine_->signal(Engine::Daemon::dockerd, SIGCONT);
}

}  // namespace
}  // namespace iris::enrich
