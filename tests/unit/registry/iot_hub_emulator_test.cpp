// SPDX-License-Identifier: Apache-2.0
// The client with the real readers against the emulator that the vendor's own client accepts.
#include <fstream>
#include <sstream>

#include "emulators/iot_hub/emulator.h"
#include "registry/cache.h"
#include "registry/fake_pace.h"
#include "registry/gateway_reading.h"
#include "registry/iot_hub_client.h"
#include "registry/recording_listener.h"

#include <gmock/gmock.h>

#include "enrich/temporary_directory.h"

namespace iris::registry {
namespace {

using namespace std::chrono_literals;
using emulator::Fault;
using iot_hub_emulator::Emulator;
using iot_hub_emulator::Hub;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

constexpr const char* kScope = "ms-azure-iot-edge://gw1-638000000000000000";

/// Gateway gw1 with a Modbus module, an OPC Publisher, a module that was removed, two devices behind it
/// and one that belongs to another gateway.
Hub plant(const std::string& published_nodes) {
  Hub hub;
  hub.put_device({{"deviceId", "gw1"}, {"capabilities", {{"iotEdge", true}}}, {"deviceScope", kScope}, {"tags", {{"site", "plant-a"}}},
                  {"configurations", {{"site-a", {{"status", "Applied"}}}}}});
  hub.put_device({{"deviceId", "thermostat"}, {"deviceScope", kScope}, {"parentScopes", {kScope}},
                  {"tags", {{"mac", "00:1B:44:11:3A:B7"}, {"password", "TAGSECRET"}}}});
  hub.put_device({{"deviceId", "camera"}, {"deviceScope", kScope}, {"parentScopes", {kScope}}});
  hub.put_device({{"deviceId", "elsewhere"}, {"deviceScope", "ms-azure-iot-edge://gw9-1"}, {"parentScopes", {"ms-azure-iot-edge://gw9-1"}}});
  const json modules = {
      {"modbus1", {{"status", "running"}, {"settings", {{"image", "registry.example/azureiotedge/modbus:1.0"}, {"createOptions", "{}"}}}}},
      {"opc", {{"status", "running"},
               {"settings", {{"image", "mcr.example/iotedge/opc-publisher:2.8"},
                             {"createOptions", json{{"Cmd", {"--pf=/mount/nodes.json"}},
                                                    {"HostConfig", {{"Binds", {published_nodes + ":/mount"}}}}}.dump()}}}}}};
  hub.put_module({{"deviceId", "gw1"}, {"moduleId", "$edgeAgent"},
                  {"properties", {{"desired", {{"schemaVersion", "1.1"}, {"modules", modules},
                                               {"runtime", {{"type", "docker"}, {"settings", {{"registryCredentials", {{"r1", {{"address", "registry.example"}, {"username", "u"}, {"password", "REGSECRET"}}}}}}}}}}},
                                  {"reported", {{"lastDesiredStatus", {{"code", 200}}}, {"modules", json::object()}}}}}});
  hub.put_module({{"deviceId", "gw1"}, {"moduleId", "$edgeHub"},
                  {"properties", {{"reported", {{"clients", {{"thermostat", {{"status", "Connected"}}}}}}}}}});
  hub.put_module({{"deviceId", "gw1"}, {"moduleId", "modbus1"},
                  {"properties", {{"desired", {{"SlaveConfigs", {{"Slave01", {{"SlaveConnection", "198.51.100.10"}, {"TcpPort", "502"}, {"HwId", "PowerMeter-01"},
                                                                              {"Operations", {{"Op01", {{"UnitId", "1"}, {"StartAddress", "400001"}, {"Count", "2"}}}}}}}}}}}}}});
  hub.put_module({{"deviceId", "gw1"}, {"moduleId", "opc"}});
  hub.put_module({{"deviceId", "gw1"}, {"moduleId", "removed"}});
  hub.put_configuration({{"id", "site-a"}, {"priority", 10}, {"labels", {{"name", "Site A"}}}});
  return hub;
}

struct IotHubEmulatorTest : testing::Test {
  test_support::TemporaryDirectory folder;
  test_support::FakePace pace;
  test_support::RecordingListener listener;
  std::unique_ptr<Emulator> emulator;
  IotHubOptions options;
  std::unique_ptr<IotHubClient> client;

  void run_emulator(iot_hub_emulator::ServiceOptions service = {}) { run_emulator(std::move(service), plant(folder.path())); }
  void run_emulator(iot_hub_emulator::ServiceOptions service, Hub hub) {
    iot_hub_emulator::Options some;
    some.service = std::move(service);
    if (!some.service.now_unix_s) some.service.now_unix_s = [this] { return static_cast<std::int64_t>(pace.wall_ns() / 1'000'000'000); };
    auto started = Emulator::start(std::move(some), std::move(hub));
    ASSERT_TRUE(started) << started.error().message;
    emulator = std::move(*started);
    std::ofstream(folder / "ca.pem") << emulator->ca_pem();
    options.connection_string = Secret(emulator->connection_string("service"));
    options.address = "127.0.0.1:" + std::to_string(emulator->port());
    options.ca_file = folder / "ca.pem";
    options.device_id = "gw1";
    options.twin_interval = 60s;
  }
  std::chrono::milliseconds start() {
    auto made = IotHubClient::create(options, make_readers({}), pace);
    EXPECT_TRUE(made) << made.error().message;
    client = std::move(*made);
    const auto before = pace.waits();
    client->start(listener);
    return pace.await(before);
  }
  /// Lets time pass until a round went well.
  void recover(std::chrono::milliseconds pause) {
    for (int i = 0; i < 20 && !(pause > 10s && listener.status().connected); ++i) pause = pace.advance(pause);
  }
  void fault(Fault fault) { emulator->service().faults().add(std::move(fault)); }
  std::vector<const identity::Evidence*> of(const std::string& name) {
    evidence_ = listener.evidence();
    std::vector<const identity::Evidence*> found;
    for (const auto& one : evidence_) {
      if (one.name == name) found.push_back(&one);
    }
    return found;
  }
  std::size_t refused() const {
    std::size_t count = 0;
    for (const auto& seen : emulator->service().seen()) count += seen.refused.empty() ? 0 : 1;
    return count;
  }

  std::vector<identity::Evidence> evidence_;
};

TEST_F(IotHubEmulatorTest, ReadsAWholeGatewayWithTheServicePolicy) {
  std::ofstream(folder / "nodes.json") << R"([{"EndpointUrl":"opc.tcp://198.51.100.20:4840/plc","OpcAuthenticationPassword":"OPCSECRET"}])";
  run_emulator();
  options.cache_file = folder / "cache";
  EXPECT_EQ(start(), 60s) << listener.status().detail;
  const auto names = listener.names();
  EXPECT_THAT(names, IsSupersetOf({"gw1", "gw1/modbus1", "gw1/opc", "gw1/removed", "thermostat", "camera"}));
  EXPECT_THAT(names, Not(Contains("elsewhere")));
  ASSERT_EQ(of("gw1").size(), 1u);
  EXPECT_EQ(of("gw1")[0]->kind, flow::DeviceKind::gateway);
  EXPECT_THAT(of("gw1")[0]->tags, HasSubstr("plant-a"));
  EXPECT_EQ(of("thermostat").size(), 2u);  // its twin, and $edgeHub
  for (const auto* one : of("thermostat")) {
    EXPECT_EQ(one->source == identity::Source::edge_hub, one->connected);
    if (one->source == identity::Source::iot_hub) {
      EXPECT_THAT(one->hardware_ids, Contains("mac:00:1b:44:11:3a:b7"));
    }
  }
  for (const auto* one : of("gw1/removed")) EXPECT_FALSE(one->deployed);
  bool modbus = false;
  bool opc = false;
  for (const auto& one : listener.evidence()) {
    if (one.addresses.empty()) continue;
    modbus = modbus || (one.source == identity::Source::modbus_module && to_string(one.addresses[0]) == "198.51.100.10:502");
    opc = opc || (one.source == identity::Source::opc_publisher && to_string(one.addresses[0]) == "198.51.100.20:4840");
    EXPECT_FALSE(one.source == identity::Source::module_configuration) << one.name;
  }
  EXPECT_TRUE(modbus);
  EXPECT_TRUE(opc);
  EXPECT_EQ(refused(), 2u);  // the registry and the deployments
  std::ostringstream cache;
  cache << std::ifstream(options.cache_file).rdbuf();
  EXPECT_THAT(cache.str(), HasSubstr("thermostat"));
  for (const char* secret : {"TAGSECRET", "REGSECRET", "OPCSECRET"}) EXPECT_THAT(cache.str(), Not(HasSubstr(secret)));
}

TEST_F(IotHubEmulatorTest, TheOwnersPolicyReadsDeploymentsTooAndLeaksNoKeys) {
  run_emulator();
  options.connection_string = Secret(emulator->connection_string("iothubowner"));
  options.cache_file = folder / "cache";
  start();
  EXPECT_THAT(of("gw1")[0]->configuration, AllOf(HasSubstr("deployments"), HasSubstr("Site A"), HasSubstr(R"("status":"Applied")")));
  EXPECT_THAT(listener.status().detail, Not(HasSubstr("may not")));
  std::ostringstream cache;
  cache << std::ifstream(options.cache_file).rdbuf();
  for (const char* id : {"gw1", "gw1/modbus1", "gw1/$edgeAgent"}) {
    EXPECT_THAT(cache.str(), Not(HasSubstr(iot_hub_emulator::fake_key(id, true)))) << id;
  }
}

TEST_F(IotHubEmulatorTest, TheServicePolicyIsEnoughAndSaysWhatItCannotRead) {
  run_emulator();
  start();
  EXPECT_THAT(listener.status().detail,
              AllOf(HasSubstr("may not read the identity registry"), HasSubstr("may not read the deployments")));
  std::size_t refusals = 0;
  for (int minute = 0; minute < 11; ++minute) pace.advance(60s);
  for (const auto& seen : emulator->service().seen()) refusals += seen.status == 401 ? 1 : 0;
  EXPECT_EQ(refusals, 2u);
}

TEST_F(IotHubEmulatorTest, SmallPagesWithTheServicesContinuations) {
  iot_hub_emulator::ServiceOptions service;
  service.largest_page = 1;
  run_emulator(std::move(service));
  start();
  EXPECT_THAT(listener.names(), IsSupersetOf({"gw1", "gw1/modbus1", "gw1/opc", "gw1/removed", "thermostat", "camera"}));
  EXPECT_THAT(listener.status().detail, HasSubstr("2 devices behind it, 3 modules"));
}

TEST_F(IotHubEmulatorTest, AnEmptyPageAndATwinThatChangesBetweenPages) {
  iot_hub_emulator::ServiceOptions service;
  service.largest_page = 1;
  run_emulator(std::move(service));
  Fault empty;
  empty.path_prefix = "/devices/query";
  empty.kind = Fault::Kind::empty_page;
  fault(empty);
  Fault change;
  change.path_prefix = "/devices/query";
  change.skip = 1;
  change.kind = Fault::Kind::change_twin;
  change.device_id = "camera";
  change.patch = {{"tags", {{"floor", 3}}}};
  fault(change);
  start();
  EXPECT_THAT(listener.names(), IsSupersetOf({"gw1/modbus1", "thermostat", "camera"}));
}

TEST_F(IotHubEmulatorTest, ComesThroughEveryFaultOfTheService) {
  run_emulator();
  const auto add = [this](const std::string& path, auto how) {
    Fault one;
    one.path_prefix = path;
    how(one);
    fault(one);
  };
  for (const std::string path : {"/twins/gw1", "/devices/query"}) {
    add(path, [](Fault& f) { f.status = 429; f.error = "ThrottlingException"; f.retry_after = "3"; });
    add(path, [](Fault& f) { f.status = 429; f.error = "ThrottlingException"; });
    add(path, [](Fault& f) { f.status = 500; f.error = "ServerError"; });
    add(path, [](Fault& f) { f.status = 503; f.body = "<html>busy</html>"; });
    add(path, [](Fault& f) { f.kind = Fault::Kind::empty_body; });
    for (const auto cut : {emulator::WireFault::Cut::before_answer, emulator::WireFault::Cut::in_head, emulator::WireFault::Cut::in_body}) {
      add(path, [cut](Fault& f) { f.kind = Fault::Kind::wire; f.wire.cut = cut; });
    }
  }
  add("/twins/gw1", [](Fault& f) { f.kind = Fault::Kind::wire; f.wire.piece_bytes = 50; f.wire.pause = 1ms; });
  recover(start());
  EXPECT_THAT(listener.names(), IsSupersetOf({"gw1", "gw1/modbus1", "gw1/opc", "gw1/removed", "thermostat", "camera"}));
  EXPECT_EQ(listener.status().throttled, 4u);
}

TEST_F(IotHubEmulatorTest, AWrongClockIsOvercomeAndSaid) {
  iot_hub_emulator::ServiceOptions service;
  service.now_unix_s = [this] { return static_cast<std::int64_t>(pace.wall_ns() / 1'000'000'000) + 7200; };
  run_emulator(std::move(service));
  EXPECT_EQ(start(), 60s) << listener.status().detail;
  EXPECT_EQ(refused(), 3u);  // the first token; the registry and the deployments
  EXPECT_THAT(listener.status().detail, HasSubstr("clock is 7200 s behind"));
  EXPECT_THAT(listener.names(), Contains("thermostat"));
}

TEST_F(IotHubEmulatorTest, AWrongKeyAndThenTheRightOne) {
  run_emulator();
  const auto right = emulator->connection_string("service");
  options.connection_string = Secret("HostName=" + emulator->host_name() + ";SharedAccessKeyName=service;SharedAccessKey=TQ==");
  EXPECT_GE(start(), 300s);
  EXPECT_THAT(listener.status().detail, HasSubstr("key or the policy's name is wrong"));
  EXPECT_EQ(refused(), 2u);
  const auto before = pace.waits();
  ASSERT_TRUE(client->set_connection_string(Secret(right)));
  pace.await(before);
  EXPECT_THAT(listener.names(), Contains("thermostat"));
}

TEST_F(IotHubEmulatorTest, APolicyWithoutServiceConnectIsSaid) {
  run_emulator();
  options.connection_string = Secret(emulator->connection_string("device"));
  EXPECT_GE(start(), 300s);
  EXPECT_THAT(listener.status().detail, AllOf(HasSubstr("refuses policy 'device'"), HasSubstr("service connect")));
}

TEST_F(IotHubEmulatorTest, ModulesComeAndGoWithinAMinuteAlthoughQueriesLag) {
  run_emulator();
  start();
  emulator->service().hold_queries(true);
  emulator->service().change([](Hub& hub) {
    hub.patch_twin("gw1", "$edgeAgent", {{"properties", {{"desired", {{"modules", {{"opc", nullptr}}}}}}}});
    hub.patch_twin("gw1", "modbus1", {{"properties", {{"desired", {{"SlaveConfigs", {{"Slave01", {{"SlaveConnection", "198.51.100.11"}}}}}}}}}});
  });
  pace.advance(60s);
  bool moved = false;
  for (const auto& one : listener.evidence()) {
    moved = moved || (!one.addresses.empty() && to_string(one.addresses[0]) == "198.51.100.11:502");
    if (one.name == "gw1/opc") {
      EXPECT_FALSE(one.deployed);
    }
  }
  EXPECT_TRUE(moved);
}

TEST_F(IotHubEmulatorTest, TenThousandDevicesFitAndAreWithinTheQueriesOfAMinute) {
  Hub hub = plant(folder.path());
  for (int i = 0; i < 12'000; ++i) {
    hub.put_device({{"deviceId", "leaf-" + std::to_string(i)}, {"deviceScope", kScope}, {"parentScopes", {kScope}}, {"tags", {{"text", std::string(500, 'x')}}}});
  }
  run_emulator({}, std::move(hub));
  auto pause = start();
  while (pause < 59s || listener.status().detail.find("being asked") != std::string::npos) pause = pace.advance(pause);
  EXPECT_THAT(listener.status().detail, AllOf(HasSubstr("10000 devices behind it"), HasSubstr("more than 10000 devices"),
                                              HasSubstr("without tags and configuration")));
  EXPECT_GT(listener.status().skipped, 0u);
  std::size_t bytes = 0;
  for (const auto& one : listener.evidence()) bytes += sizeof one + one.name.size() + one.tags.size() + one.configuration.size();
  EXPECT_LT(bytes, 8u << 20);
}

}  // namespace
}  // namespace iris::registry
