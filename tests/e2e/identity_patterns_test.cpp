// SPDX-License-Identifier: Apache-2.0
// The three patterns of a gateway, with real modules in containers and real conversations:
// whose flow it is, who says so, and that a restart tells nothing twice.
#include <gmock/gmock.h>
#include <sched.h>

#include <array>
#include <exception>
#include <map>
#include <thread>

#include "base/ip_address.h"
#include "demo_gateway.h"
#include "emulators/edgex/emulator.h"
#include "identity_fixture.h"

namespace iris::test {
namespace {

using iot_hub_emulator::Hub;
using namespace nlohmann::literals;
using ::testing::IsSupersetOf;

const std::string kGateway = DemoGateway::kDeviceId;
const std::string kScope = "ms-azure-iot-edge://" + kGateway + "-638000000000000000";
const std::string kPress = kGateway + "/modbus1/press-1";

/// Of the demo gateway: a Modbus slave, a service that nobody registered, a thermostat, a meter.
constexpr const char* kSlaveAddress = "198.51.100.200";
constexpr const char* kStranger = "203.0.113.20";
constexpr const char* kThermostatAddress = "198.51.100.226";
constexpr const char* kMeterAddress = "198.51.100.202";
constexpr const char* kModuleAddresses = "198.51.100.64/28";
/// All that the modules ever talk to: one that is met later is news of its host.
constexpr std::array kAllNeighbours = {kSlaveAddress,  "198.51.100.201", kMeterAddress,  kThermostatAddress, "203.0.113.10",
                                       kStranger,      "203.0.113.30",   "203.0.113.40", "203.0.113.53"};

Json module_of(const std::string& image) {
  return {{"type", "docker"}, {"status", "running"}, {"runtimeStatus", "running"}, {"settings", {{"image", image}, {"createOptions", "{}"}}}};
}

Hub plant(const std::string& thermostat_owner) {
  Hub hub;
  hub.put_device({{"deviceId", kGateway}, {"capabilities", {{"iotEdge", true}}}, {"deviceScope", kScope}, {"tags", {{"site", "plant-a"}}}});
  hub.put_device({{"deviceId", "thermostat-1"},
                  {"deviceScope", kScope},
                  {"parentScopes", {kScope}},
                  {"tags", {{"room", "hall"}, {"owner", thermostat_owner}, {"ip", kThermostatAddress}}},
                  {"properties", {{"reported", {{"firmware", "1.2.3"}}}}}});
  hub.put_device({{"deviceId", "meter-2"}, {"deviceScope", kScope}, {"parentScopes", {kScope}}, {"tags", {{"line", "7"}}}});
  Json modules = Json::object();
  for (const auto* name : {"modbus", "telemetry", "vision"}) modules[name + std::string("1")] = module_of("iris-demo/" + std::string(name) + ":1");
  const Json system{{"edgeAgent", module_of("iris-demo/edge-agent:1")}, {"edgeHub", module_of("iris-demo/edge-hub:1")}};
  const Json deployment{{"modules", modules}, {"systemModules", system}};
  hub.put_module({{"deviceId", kGateway}, {"moduleId", "$edgeAgent"}, {"properties", {{"desired", deployment}, {"reported", deployment}}}});
  hub.put_module({{"deviceId", kGateway},
                  {"moduleId", "$edgeHub"},
                  {"properties", {{"reported", {{"clients", {{"thermostat-1", {{"status", "Connected"}}}}}}}}}});
  hub.put_module({{"deviceId", kGateway},
                  {"moduleId", "modbus1"},
                  {"properties",
                   {{"desired",
                     {{"SlaveConfigs",
                       {{"Slave01",
                         {{"SlaveConnection", kSlaveAddress}, {"TcpPort", "502"}, {"HwId", "press-1"},
                          {"Operations", {{"Op01", {{"UnitId", "1"}, {"StartAddress", "400001"}, {"Count", "10"}}}}}}}}}}}}}});
  for (const auto* id : {"telemetry1", "vision1"}) hub.put_module({{"deviceId", kGateway}, {"moduleId", id}});
  return hub;
}

edgex_emulator::Devices factory() {
  return {{{"id", "55b68fcf-0000-4000-8000-000000000001"},
           {"name", "meter-2"},
           {"adminState", "UNLOCKED"},
           {"operatingState", "UP"},
           {"labels", {"power"}},
           {"serviceName", "device-modbus"},
           {"profileName", "meter"},
           {"protocols", {{"modbus-tcp", {{"Address", kMeterAddress}, {"Port", 502}, {"UnitID", 1}}}}}}};
}

/// What one source says, in tags or configuration: by itself, or beside others.
Json said_by(const std::string& source, const Json& document) { return document.contains(source) ? document.at(source) : document; }

/// Runs `body` in a thread that lives in the network namespace, as do the sockets that it makes.
void inside(int net_namespace, const std::function<void()>& body) {
  std::exception_ptr fault;
  std::thread([&] {
    try {
      if (setns(net_namespace, CLONE_NEWNET) != 0) throw std::runtime_error("cannot enter the network namespace");
      body();
    } catch (...) {
      fault = std::current_exception();
    }
  }).join();
  if (fault) std::rethrow_exception(fault);
}

class IdentityPatterns : public IdentityTest {
 protected:
  void SetUp() override {
    IdentityTest::SetUp();
    gateway_ = std::make_unique<DemoGateway>();
    gateway_->add_factory_device(kMeterAddress, "meter-2");
    play_iot_hub("facility-2");
    inside(gateway_->net_namespace(), [this] {
      edgex_emulator::Options options;
      options.server.port = 59881;
      auto started = edgex_emulator::Emulator::start(options, factory());
      if (!started) throw std::runtime_error(started.error().message);
      edgex_ = std::move(*started);
    });
    set("AZURE_IOT_HUB_CONNECTION_STRING", iot_hub_connection());
    set("IRIS_EDGEX_URL", "http://127.0.0.1:59881");
    set("IRIS_RUNTIMES_DOCKER_SOCKET", gateway_->docker_socket());
  }
  /// Where irisd reaches it.
  void play_iot_hub(const std::string& thermostat_owner) {
    inside(gateway_->net_namespace(), [&] { start_iot_hub(plant(thermostat_owner)); });
  }

  /// Flows between `module` and `peer`, by what the collector has; from windows that begin after `since`.
  std::vector<Json> flows(const std::string& module, const std::string& peer, const std::string& since = {}) const {
    std::vector<Json> found;
    const Json answer = get("/api/v1/flows?limit=10000&peer=" + peer + (since.empty() ? "" : "&from=" + since));
    for (const auto& flow : answer.at("flows")) {
      if (flow.at("owner").is_object() && flow.at("owner").at("module_id") == module) found.push_back(flow);
    }
    return found;
  }
  /// Once it is known who the peer is, each flow says so.
  void expect_peer_device(const std::string& module, const std::string& peer, const std::string& wanted) {
    SCOPED_TRACE(module + " and " + peer);
    std::string since;
    const auto known = [&] {
      for (const auto& flow : flows(module, peer)) {
        if (flow.at("peer_device") == wanted) since = flow.at("window_end");
      }
      return !since.empty();
    };
    const auto seen = [&] { return Json(flows(module, peer)).dump() + device(wanted).dump(); };
    wait("a flow of " + module + " with " + wanted, known, seen);
    std::vector<Json> later;
    wait("later flows of " + module, [&] { return (later = flows(module, peer, since)).size() >= 2; }, seen);
    for (const auto& flow : later) EXPECT_EQ(flow.at("peer_device"), wanted) << flow;
  }

  /// By id, as the collector has them: without what it adds.
  std::map<std::string, Json> at_collector() const {
    std::map<std::string, Json> all;
    const Json answer = get("/api/v1/devices?limit=1000");
    for (Json one : answer.at("devices")) {
      for (const auto* added : {"gateway", "valid_from", "valid_to", "removed"}) one.erase(added);
      all.emplace(one.at("id"), std::move(one));
    }
    return all;
  }
  /// By id, as `iris-trace devices --json` prints them.
  std::map<std::string, Json> at_irisd() const {
    Child trace({IRIS_TRACE_PATH, "devices", "--json", "--socket", agent_socket()}, Place{});
    if (trace.wait() != 0) throw std::runtime_error(trace.err());
    std::map<std::string, Json> all;
    for (const auto& line : parse_lines(trace.out())) all.emplace(line.at("device").at("id"), line.at("device"));
    return all;
  }
  /// Rows of each id in the collector's history.
  std::map<std::string, std::size_t> rows() const {
    std::map<std::string, std::size_t> count;
    const Json answer = get("/api/v1/devices?history=true&limit=1000");
    for (const auto& one : answer.at("devices")) ++count[one.at("id")];
    return count;
  }
  void expect_no_module_among_hosts() const {
    const auto modules = base::Cidr::parse(kModuleAddresses);
    const Json answer = get("/api/v1/devices?history=true&limit=1000");
    for (const auto& one : answer.at("devices")) {
      if (one.at("kind") != "observed") continue;
      for (const auto& text : one.at("addresses")) {
        const auto address = base::IpAddress::parse(text.get<std::string>());
        EXPECT_FALSE(address && modules->contains(*address)) << one;
      }
    }
  }

  std::unique_ptr<DemoGateway> gateway_;
  std::unique_ptr<edgex_emulator::Emulator> edgex_;
};

TEST_F(IdentityPatterns, EachFlowHasTheRightDeviceAndARestartTellsNothingTwice) {
  for (const auto* address : kAllNeighbours) gateway_->wait_for_neighbour(address);
  make_agent(gateway_->net_namespace());
  agent_->start();
  agent_->wait_for("this gateway is '" + kGateway + "'");

  expect_peer_device("modbus1", kSlaveAddress, kPress);
  expect_peer_device("$edgeHub", kThermostatAddress, "thermostat-1");
  expect_peer_device("$edgeHub", kMeterAddress, "meter-2");
  // Of who is on the link nothing is known but its addresses.
  const Json observed = get(std::string("/api/v1/devices?address=") + kStranger).at("devices").at(0);
  const std::string stranger = observed.at("id");
  expect_peer_device("telemetry1", kStranger, stranger);

  const Json press = wait_for_device(kPress);
  EXPECT_EQ(press.at("kind"), "manufactured");
  EXPECT_EQ(press.at("pattern"), "protocol_translation");
  EXPECT_EQ(press.at("parent"), kGateway);
  EXPECT_EQ(press.at("module_id"), "modbus1");
  EXPECT_THAT(press.at("sources"), IsSupersetOf({"modbus_module"}));
  EXPECT_THAT(press.at("addresses"), IsSupersetOf({std::string(kSlaveAddress) + ":502"}));
  EXPECT_EQ(said_by("modbus_module", press.at("configuration")).value("HwId", ""), "press-1") << press;

  const Json thermostat = wait_for_device("thermostat-1");
  EXPECT_EQ(thermostat.at("kind"), "leaf");
  EXPECT_EQ(thermostat.at("pattern"), "transparent");
  EXPECT_EQ(thermostat.at("parent"), kGateway);
  EXPECT_THAT(thermostat.at("sources"), IsSupersetOf({"edge_hub", "iot_hub"}));
  EXPECT_EQ(said_by("iot_hub", thermostat.at("tags")).value("room", ""), "hall") << thermostat;
  EXPECT_EQ(said_by("iot_hub", thermostat.at("configuration")).value("/reported/firmware"_json_pointer, ""), "1.2.3") << thermostat;

  const Json meter = wait_for_device("meter-2");
  EXPECT_EQ(meter.at("kind"), "leaf");
  EXPECT_EQ(meter.at("pattern"), "identity_translation");
  EXPECT_THAT(meter.at("sources"), IsSupersetOf({"edgex", "iot_hub"}));
  EXPECT_EQ(meter.at("tags"), (Json{{"iot_hub", {{"line", "7"}}}, {"edgex", {{"labels", Json::array({"power"})}}}})) << meter;
  EXPECT_EQ(meter.at("conflicts"), Json::array());

  EXPECT_EQ(observed.at("kind"), "observed");
  EXPECT_TRUE(stranger.starts_with("observed/")) << stranger;
  EXPECT_EQ(observed.at("pattern"), nullptr);
  EXPECT_THAT(observed.at("sources"), IsSupersetOf({"neighbour_table"}));
  expect_no_module_among_hosts();

  std::map<std::string, Json> here;
  wait("irisd and the collector to say the same", [&] { return (here = at_irisd()) == at_collector(); });
  EXPECT_TRUE(here.contains(kPress) && here.contains(kGateway + "/modbus1") && here.contains(stranger));

  // The hub changes one device while irisd is away: what comes after it is all that was to be told.
  const auto before = rows();
  EXPECT_EQ(agent_->stop(), 0) << agent_->words();
  play_iot_hub("facility-3");
  agent_->start();
  wait_for_device("thermostat-1", [](const Json& found) { return said_by("iot_hub", found.at("tags")).at("owner") == "facility-3"; });
  expect_peer_device("modbus1", kSlaveAddress, kPress);
  wait("the same of both again", [&] { return at_irisd() == at_collector(); });
  auto expected = before;
  ++expected["thermostat-1"];
  EXPECT_EQ(rows(), expected) << get("/api/v1/devices?history=true&limit=1000").dump();

  agent_->kill();
  agent_->start();
  expect_peer_device("$edgeHub", kThermostatAddress, "thermostat-1");
  wait("the same of both after a kill", [&] { return at_irisd() == at_collector(); });
  EXPECT_EQ(rows(), expected) << get("/api/v1/devices?history=true&limit=1000").dump();
  expect_no_module_among_hosts();
  EXPECT_EQ(agent_->stop(), 0) << agent_->words();
}

}  // namespace
}  // namespace iris::test
