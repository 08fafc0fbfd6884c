// SPDX-License-Identifier: Apache-2.0
#include "identity/edge_agent.h"

#include <gmock/gmock.h>

#include "documents.h"
#include "identity/create_options.h"
#include "identity/edge_hub.h"
#include "identity/twins.h"

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const EdgeModule& module(const EdgeAgentReading& reading, const std::string& id) {
  for (const EdgeModule& one : reading.modules) {
    if (one.id == id) return one;
  }
  static const EdgeModule none;
  ADD_FAILURE() << "no module " << id;
  return none;
}

Evidence evidence(const EdgeAgentReading& reading, const std::string& name) {
  for (const Evidence& one : reading.reading.evidence) {
    if (one.name == name) return one;
  }
  ADD_FAILURE() << "no evidence " << name;
  return {};
}

TEST(EdgeAgent, ListsWhatIsDesiredOrReported) {
  const auto reading = read_edge_agent(documents::kEdgeAgentTwin, "gw1");
  EXPECT_TRUE(reading.usable);
  EXPECT_FALSE(reading.stale);
  EXPECT_EQ(reading.agent_version, "1.5.1");
  EXPECT_THAT(reading.reading.faults, IsEmpty());
  std::vector<std::string> ids;
  for (const auto& one : reading.modules) ids.push_back(one.id);
  EXPECT_THAT(ids, ElementsAre("$edgeAgent", "$edgeHub", "fresh", "leaving", "modbus1"));
  EXPECT_EQ(reading.reading.evidence.size(), ids.size());
  EXPECT_TRUE(module(reading, "fresh").desired);
  EXPECT_FALSE(module(reading, "fresh").reported);
  EXPECT_FALSE(module(reading, "leaving").desired);
  EXPECT_EQ(evidence(reading, "gw1/leaving").status, "stopped");
  EXPECT_EQ(evidence(reading, "gw1/fresh").status, "");
}

TEST(EdgeAgent, StateOfAModule) {
  const auto reading = read_edge_agent("[" + documents::kEdgeAgentTwin + "]", "gw1");
  const EdgeModule& modbus = module(reading, "modbus1");
  EXPECT_EQ(modbus.image, "registry.example/modbus:1.0");
  EXPECT_EQ(modbus.runtime_status, "backoff");
  EXPECT_EQ(modbus.exit_code, 137);
  EXPECT_EQ(modbus.restart_count, 4);
  EXPECT_EQ(modbus.last_start_wall_ns, 1'893'553'445'678'000'000U);
  EXPECT_EQ(modbus.last_exit_wall_ns, 1'893'553'505'000'000'000U);
  EXPECT_EQ(module(reading, "$edgeHub").last_start_wall_ns, 1'893'553'445'000'000'000U) << "the other spelling";
  EXPECT_THAT(modbus.environment, UnorderedElementsAre(Pair("LEVEL", "info"), Pair("RETRIES", "3"), Pair("VERBOSE", "true"), Pair("DB_PASSWORD", "s3cr3t"),
                                                       Pair("UPSTREAM", "HostName=h;SharedAccessKey=s3cr3t")));
  const Evidence said = evidence(reading, "gw1/modbus1");
  EXPECT_EQ(said.source, Source::edge_agent);
  EXPECT_EQ(said.kind, flow::DeviceKind::module);
  EXPECT_EQ(said.parent, "gw1");
  EXPECT_EQ(said.status, "backoff");
  const Json configuration = Json::parse(said.configuration);
  EXPECT_EQ(configuration["exitCode"], 137);
  EXPECT_EQ(configuration["env"]["LEVEL"], "info");
  EXPECT_FALSE(configuration["env"].contains("DB_PASSWORD"));
  EXPECT_EQ(configuration["createOptions"]["HostConfig"]["Devices"][0]["PathOnHost"], "/dev/ttyS0");
  EXPECT_EQ(configuration["createOptions"]["Cmd"], Json::parse(R"j(["--password","(removed)"])j"));
  EXPECT_EQ(configuration["createOptions"]["Env"], Json::parse(R"j(["(removed)","A=b"])j"));
}

TEST(EdgeAgent, CreateOptionsInPieces) {
  const auto reading = read_edge_agent(documents::kEdgeAgentTwin, "gw1");
  const Json options = Json::parse(module(reading, "$edgeHub").create_options);
  EXPECT_EQ(options["HostConfig"]["PortBindings"].size(), 3U);
  EXPECT_EQ(Json::parse(evidence(reading, "gw1/fresh").configuration)["createOptions"]["HostConfig"]["Privileged"], true) << "an object, in other case";
  const auto joined = [](const char* settings) { return join_create_options(Json::parse(settings)); };
  for (const char* empty : {"{}", R"({"createOptions":""})", R"({"createOptions":null})", R"({"createOptions":"null"})"}) EXPECT_EQ(joined(empty), Json::object()) << empty;
  for (const char* bad : {R"({"createOptions":"{\"a\":"})", R"({"createOptions":"[]"})", R"({"createOptions":7})"}) EXPECT_FALSE(joined(bad)) << bad;
  Json settings{{"createOptions", R"({"Hostname":")"}};
  for (int i = 1; i <= 99; ++i) settings[(i < 10 ? "createOptions0" : "createOptions") + std::to_string(i)] = std::string(512, 'x');
  settings["createOptions99"] = "\"}";
  EXPECT_EQ((*join_create_options(settings))["Hostname"].get<std::string>().size(), 98U * 512);
}

TEST(EdgeAgent, StaleIsNotFailed) {
  std::string twin = documents::kEdgeAgentTwin;
  const std::string code = R"("code":200)";
  twin.replace(twin.find(code), code.size(), R"("code":406)");
  const auto reading = read_edge_agent(twin, "gw1");
  EXPECT_TRUE(reading.stale);
  EXPECT_EQ(evidence(reading, "gw1/modbus1").status, "unknown");
  EXPECT_EQ(evidence(reading, "gw1/fresh").status, "") << "never reported at all";
}

TEST(EdgeAgent, GhostsAreInTheRegistryAlone) {
  const auto agent = read_edge_agent(documents::kEdgeAgentTwin, "gw1");
  auto twins = read_module_twins(R"([{"deviceId":"gw1","moduleId":"modbus1"},{"deviceId":"gw1","moduleId":"old"},{"deviceId":"gw1","moduleId":"$edgeHub"},
                                     {"deviceId":"gw1","moduleId":"leaving"},{"deviceId":"gw1","moduleId":"gone"}])", {"gw1", ""}).evidence;
  const auto deployed = [&] {
    std::string out;
    for (const Evidence& one : twins) out += one.deployed ? '1' : '0';
    return out;
  };
  mark_ghosts(twins, agent, "gw1");
  EXPECT_EQ(deployed(), "10110");
  mark_ghosts(twins, read_edge_agent("{}", "gw1"), "gw1");
  EXPECT_EQ(deployed(), "10110") << "a twin that says nothing makes no ghosts";
  twins[1].deployed = true;
  mark_ghosts(twins, read_edge_agent(R"({"properties":{"desired":{"modules":{}}}})", "gw1"), "gw1");
  EXPECT_EQ(deployed(), "11110");
}

TEST(EdgeAgent, SaysWhatItCannotUse) {
  EXPECT_THAT(read_edge_agent("x", "gw1").reading.faults, ElementsAre("$edgeAgent: not JSON"));
  EXPECT_FALSE(read_edge_agent(R"({"properties":{"desired":{"modules":[1]},"reported":7}})", "gw1").usable);
  const auto reading = read_edge_agent(R"({"properties":{"desired":{"modules":{"a/b":{},"m":{"settings":{"createOptions":"{s3cr3t"}}}}}})", "gw1");
  EXPECT_THAT(reading.reading.faults, ElementsAre("$edgeAgent: a module with a name that IoT Hub does not allow", "module m: createOptions are no JSON object"));
  EXPECT_THAT(reading.modules, SizeIs(1));
}

TEST(EdgeHub, SaysWhoUsesTheGateway) {
  const Reading reading = read_edge_hub(documents::kEdgeHubTwin, "gw1");
  ASSERT_THAT(reading.evidence, SizeIs(4));
  const auto shown = [](const Evidence& one) {
    return one.name + " " + flow::to_string(one.kind) + " " + one.parent + " " + one.module_id + (one.connected ? " connected" : "");
  };
  EXPECT_EQ(shown(reading.evidence[0]), "gw1/modbus1 module gw1 modbus1 connected");
  EXPECT_EQ(shown(reading.evidence[1]), "gw1/old module gw1 old");
  EXPECT_EQ(shown(reading.evidence[2]), "leaf2/inner module leaf2 inner connected");
  EXPECT_EQ(shown(reading.evidence[3]), "thermostat leaf   connected");
  EXPECT_THAT(reading.faults, ElementsAre("$edgeHub: a client with a name that IoT Hub does not allow"));
  EXPECT_THAT(read_edge_hub(R"({"properties":{"reported":{}}})", "gw1").faults, IsEmpty()) << "nobody yet";
  EXPECT_THAT(read_edge_hub(R"({"properties":{"reported":{"clients":[1]}}})", "gw1").faults, ElementsAre("$edgeHub: clients is no object"));
}

}  // namespace
}  // namespace iris::identity
