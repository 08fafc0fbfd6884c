// SPDX-License-Identifier: Apache-2.0
// Whose a socket is: containers, modules, services, the host.
#include <gmock/gmock.h>
#include <unistd.h>

#include <map>

#include "attribution_test.h"

namespace iris::test {
namespace {

using ::testing::SizeIs;

constexpr const char* kOwnerLabel = "net.azure-devices.edge.owner=Microsoft.Azure.Devices.Edge.Agent";

bool connects_to_peer(const Json& line, const std::string& container_id) {
  return is_of(line, "connect", container_id) && line.at("peer_port") == kPeerPort;
}

/// As JSON has it, to find the lines of an owner.
std::string id_text(std::uint64_t cgroup) { return R"("id":)" + std::to_string(cgroup) + ","; }

class OwnersTest : public AttributionTest {
 protected:
  /// The connect event of a container that connects once, and its owner.
  static Json owner_of_connect(Trace& trace, const std::string& container_id) {
    return wait_for_line(trace, container_id, [&](const Json& line) {
      return connects_to_peer(line, container_id);
    }).at("owner");
  }
};

std::string hold(int milliseconds) { return std::string(" iris-actor hold ") + kPeer + " " + std::to_string(milliseconds); }

TEST_F(OwnersTest, ModuleIsKnownInFull) {
  const auto trace = start_trace(events_command());
  const std::string id = run(std::string("--name modbus1 --label ") + kOwnerLabel +
                             " --label site=hall-3 -e IOTEDGE_MODULEID=modbus1 -e IOTEDGE_DEVICEID=gateway-7"
                             " -e PASSWORD=secret iris-actor:1" + hold(500));
  const Json owner = owner_of_connect(*trace, id);
  EXPECT_EQ(owner.at("kind"), "container");
  EXPECT_EQ(owner.at("container_id"), id);
  EXPECT_EQ(owner.at("name"), "modbus1");
  EXPECT_EQ(owner.at("image"), "iris-actor:1");
  EXPECT_EQ(owner.at("runtime"), "docker");
  EXPECT_EQ(owner.at("module_id"), "modbus1");
  EXPECT_EQ(owner.at("device_id"), "gateway-7");
  EXPECT_EQ(owner.at("labels").at("site"), "hall-3");
  EXPECT_EQ(owner.at("id"), cgroup_id_of_process(main_pid(id)));
  EXPECT_EQ(owner.dump().find("secret"), std::string::npos) << "the environment may hold passwords";

  // Every event of the connection, by the same owner.
  wait_for_line(*trace, id, [&](const Json& line) { return is_of(line, "close", id); });
  stop(*trace);
  for (const char* type : {"connect", "established", "close"}) {
    const auto found = lines_with(*trace, id, [&](const Json& line) { return is_of(line, type, id); });
    ASSERT_THAT(found, SizeIs(1)) << type;
    EXPECT_EQ(found[0].at("owner"), owner) << type;
    EXPECT_EQ(found[0].at("process"), "iris-actor") << type;
  }
}

TEST_F(OwnersTest, ImitatorWithoutTheLabelIsNoModule) {
  const auto trace = start_trace(events_command());
  const std::string id =
      run("--name imitator -e IOTEDGE_MODULEID=modbus1 -e IOTEDGE_DEVICEID=gateway-7 iris-actor:1" + hold(500));
  const Json owner = owner_of_connect(*trace, id);
  EXPECT_EQ(owner.at("name"), "imitator");
  EXPECT_TRUE(owner.at("module_id").is_null()) << owner;
  EXPECT_TRUE(owner.at("device_id").is_null()) << owner;
}

TEST_F(OwnersTest, ContainerOfAMomentHasItsName) {
  const auto events = start_trace(events_command());
  const auto flows = start_trace({"flows", "--window", "2"});
  const auto exits = start_trace({"exits"});
  // The container's own life, without the engine's preparations.
  const std::string id = run("--name moment iris-actor:1" + hold(20));
  docker("wait moment");
  docker("rm moment");  // and nobody left to be asked
  const auto by_id = [&id](const char* type) { return [&id, type](const Json& line) { return is_of(line, type, id); }; };
  EXPECT_EQ(wait_for_line(*events, id, by_id("connect")).at("owner").at("name"), "moment");
  EXPECT_EQ(wait_for_line(*events, id, by_id("close")).at("owner").at("name"), "moment");
  EXPECT_EQ(wait_for_line(*flows, id, by_id("flow")).at("owner").at("name"), "moment");
  // The runtime, too, had processes in the cgroup.
  const Json exit = wait_for_line(*exits, id, [&id](const Json& line) {
    return is_of(line, "exit", id) && line.at("process") == "iris-actor";
  });
  EXPECT_EQ(exit.at("owner").at("name"), "moment");
  EXPECT_EQ(exit.at("main_process"), true);
}

TEST_F(OwnersTest, SeveralContainersOfAMoment) {
  const auto events = start_trace(events_command());
  std::map<std::string, std::string> names;
  for (int i = 0; i < 10; ++i) {
    const std::string name = "moment-" + std::to_string(i);
    names[run("--rm --name " + name + " iris-actor:1" + hold(0))] = name;
  }
  for (const auto& [id, name] : names) EXPECT_EQ(owner_of_connect(*events, id).at("name"), name);
}

TEST_F(OwnersTest, ProcessThatEntersByDockerExec) {
  const auto trace = start_trace(events_command());
  const std::string id = run("--name entered iris-actor:1 iris-actor wait");
  docker("exec entered" + hold(0));
  EXPECT_EQ(owner_of_connect(*trace, id).at("name"), "entered");
}

// Attribution is by cgroup: nsenter leaves the process in its caller's, and so
// it stays the caller's, until it joins the container's cgroup as well.
TEST_F(OwnersTest, ProcessThatEntersByNsenter) {
  const auto trace = start_trace(events_command());
  const std::string id = run("--name entered iris-actor:1 iris-actor wait");
  const std::string enter = "nsenter --all -t " + std::to_string(main_pid(id));
  ScratchCgroup outside("iris-outside");

  Child host({"sh", "-c", "exec " + enter + hold(0)}, Place{-1, outside.path()});
  ASSERT_EQ(host.wait(), 0) << host.err();
  const Json line = wait_for_line(*trace, id_text(outside.id()), [&](const Json& one) {
    return one.at("type") == "connect" && one.at("owner").at("id") == outside.id();
  });
  EXPECT_EQ(line.at("owner").at("kind"), "host");
  EXPECT_TRUE(line.at("owner").at("container_id").is_null());

  Child joined({"sh", "-c", "exec " + enter + hold(0)},
               Place{-1, cgroup2_root() + cgroup_path_of_process(main_pid(id))});
  ASSERT_EQ(joined.wait(), 0) << joined.err();
  EXPECT_EQ(owner_of_connect(*trace, id).at("name"), "entered");
}

TEST_F(OwnersTest, ContainerOnTheHostsNetwork) {
  const auto trace = start_trace(events_command());
  const std::string id = run("--name on-host --network host iris-actor:1" + hold(300));
  EXPECT_EQ(owner_of_connect(*trace, id).at("name"), "on-host");
}

TEST_F(OwnersTest, RestartedUnderTheSameNameIsAnotherContainer) {
  const auto trace = start_trace(events_command());
  const std::string first = run("--name phoenix --label life=1 iris-actor:1" + hold(300));
  const std::uint64_t first_cgroup = cgroup_id_of_process(main_pid(first));
  docker("rm -f phoenix");
  const std::string second = run("--name phoenix --label life=2 iris-actor:1" + hold(300));
  const std::uint64_t second_cgroup = cgroup_id_of_process(main_pid(second));
  ASSERT_NE(first, second);
  ASSERT_NE(first_cgroup, second_cgroup);

  const Json first_owner = owner_of_connect(*trace, first);
  const Json second_owner = owner_of_connect(*trace, second);
  EXPECT_EQ(first_owner.at("id"), first_cgroup);
  EXPECT_EQ(second_owner.at("id"), second_cgroup);
  EXPECT_EQ(first_owner.at("name"), "phoenix");
  EXPECT_EQ(second_owner.at("name"), "phoenix");
  EXPECT_EQ(first_owner.at("labels").at("life"), "1");
  EXPECT_EQ(second_owner.at("labels").at("life"), "2");
}

// The same container in a new cgroup.
TEST_F(OwnersTest, RestartedContainerKeepsItsId) {
  const auto trace = start_trace(events_command());
  const std::string id = run_to_end("--name again iris-actor:1" + hold(100));
  const std::uint64_t first = owner_of_connect(*trace, id).at("id");
  docker("start again");
  const Json line = wait_for_line(*trace, id, [&](const Json& one) {
    return connects_to_peer(one, id) && one.at("owner").at("id") != first;
  });
  EXPECT_EQ(line.at("owner").at("name"), "again");
}

TEST_F(OwnersTest, ServiceByItsUnit) {
  // As systemd makes it; the slice may be there already.
  const std::string slice = cgroup2_root() + "/system.slice";
  std::unique_ptr<ScratchCgroup> own_slice;
  if (access(slice.c_str(), F_OK) != 0) own_slice = std::make_unique<ScratchCgroup>("system.slice", true);
  const std::string unit = "iris-attribution-" + std::to_string(getpid()) + ".service";
  ScratchCgroup service(unit, true, slice);

  const auto trace = start_trace(events_command());
  Child child({IRIS_ACTOR_PATH, "hold", kPeer, "0"}, Place{engine().net_namespace(), service.path()});
  ASSERT_EQ(child.wait(), 0) << child.err();
  const Json owner = wait_for_line(*trace, id_text(service.id()), [&](const Json& line) {
    return line.at("type") == "connect" && line.at("owner").at("id") == service.id();
  }).at("owner");
  EXPECT_EQ(owner.at("kind"), "service");
  EXPECT_EQ(owner.at("name"), unit);
  EXPECT_TRUE(owner.at("container_id").is_null());
}

TEST_F(OwnersTest, AnythingElseIsTheHosts) {
  ScratchCgroup plain("iris-plain");
  const auto trace = start_trace(events_command());
  Child child({IRIS_ACTOR_PATH, "hold", kPeer, "0"}, Place{engine().net_namespace(), plain.path()});
  ASSERT_EQ(child.wait(), 0) << child.err();
  const Json owner = wait_for_line(*trace, id_text(plain.id()), [&](const Json& line) {
    return line.at("type") == "connect" && line.at("owner").at("id") == plain.id();
  }).at("owner");
  EXPECT_EQ(owner.at("kind"), "host");
  EXPECT_TRUE(owner.at("container_id").is_null());
}

// A container's cgroup that existed, with its socket, before the tracer did.
TEST_F(OwnersTest, ContainerAndSocketOlderThanTheTracer) {
  const std::string id = run("--name elder iris-actor:1" + hold(60'000));
  const auto trace = start_trace({"flows", "--window", "1"});
  const Json flow = wait_for_line(*trace, id, [&](const Json& line) {
    return is_of(line, "flow", id) && line.at("service_port") == kPeerPort;
  });
  EXPECT_EQ(flow.at("owner").at("name"), "elder");
  EXPECT_EQ(flow.at("pre_existing"), true);
  EXPECT_EQ(flow.at("role"), "originator");
}

// Docker puts its containers into the v1 controllers too where they exist.
TEST_F(OwnersTest, ByAVersion1Controller) {
  const std::string pids = "/sys/fs/cgroup/pids";
  ASSERT_EQ(access((pids + "/cgroup.procs").c_str(), F_OK), 0)
      << "needs a v1 hierarchy: mkdir -p " << pids << " && mount -t cgroup -o pids cgroup " << pids;
  auto command = events_command();
  command.insert(command.end(), {"--cgroup1", "pids"});
  const auto trace = start_trace(command);
  const std::string id = run("--name v1 iris-actor:1" + hold(300));
  const std::uint64_t expected = cgroup_id(pids + cgroup_path_of_process(main_pid(id), "pids"));
  const Json owner = owner_of_connect(*trace, id);
  EXPECT_EQ(owner.at("id"), expected);
  EXPECT_EQ(owner.at("name"), "v1");
  EXPECT_EQ(owner.at("kind"), "container");
}

}  // namespace
}  // namespace iris::test
