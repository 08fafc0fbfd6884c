// SPDX-License-Identifier: Apache-2.0
#include "identity/module_configuration.h"

#include <gmock/gmock.h>

#include "documents.h"

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const ModuleRef kModule{"gw1", "m"};
const KnownHosts kKnown{{"gw1-host", "gw1-host.site", "198.51.100.1"}, {"modbus1", "$edgeHub"}};

std::vector<std::string> shown(const Reading& reading) {
  std::vector<std::string> out;
  for (const Evidence& one : reading.evidence) {
    std::string text = one.name;
    for (const auto& id : one.hardware_ids) text += " " + id;
    for (const auto& address : one.addresses) text += " @" + flow::to_string(address) + (address.ip || address.port == 0 ? "" : ":" + std::to_string(address.port)) + "/" + std::to_string(address.protocol);
    out.push_back(text);
  }
  return out;
}

std::vector<std::string> in_desired(const std::string& desired) {
  const std::string twin = R"({"properties":{"desired":)" + desired + "}}";
  return shown(read_module_configuration({.twin = twin}, kModule, kKnown));
}

TEST(ModuleConfiguration, FindsDevicesAndLeavesOutTheRest) {
  const Reading reading = read_module_configuration({.twin = documents::kBacnetTwin}, {"gw1", "bacnet1"}, kKnown);
  EXPECT_THAT(shown(reading), UnorderedElementsAre("192.0.2.60:47808 instance:1201 @192.0.2.60:47808/17", "AHU-2 hwid:AHU-2 @ahu2.site:47809/17", "/dev/ttyUSB0 @/dev/ttyUSB0/0",
                                                   "A1 deveui:A1 @192.0.2.61:102/6"));
  EXPECT_EQ(reading.evidence[0].source, Source::module_configuration);
  EXPECT_EQ(reading.evidence[0].kind, flow::DeviceKind::manufactured);
  EXPECT_EQ(reading.evidence[0].parent, "gw1");
  EXPECT_EQ(reading.evidence[0].module_id, "bacnet1");
  EXPECT_THAT(reading.faults, IsEmpty());
}

TEST(ModuleConfiguration, EveryNameOfAnAddress) {
  for (const char* name : {"address", "IP", "ipAddress", "ip_address", "Host", "hostName", "endpoint", "EndpointUrl", "url", "URI", "server", "SlaveConnection", "deviceAddress"}) {
    EXPECT_THAT(in_desired(R"({"x":{")" + std::string(name) + R"(":"192.0.2.5","port":"99"}})"), ElementsAre("192.0.2.5:99 @192.0.2.5:99/0")) << name;
  }
  EXPECT_THAT(in_desired(R"({"endpoints":["opc.tcp://192.0.2.5","coap://192.0.2.6"]})"), ElementsAre("192.0.2.5:4840 @192.0.2.5:4840/6", "192.0.2.6:5683 @192.0.2.6:5683/17"));
  EXPECT_THAT(in_desired(R"({"dns":"192.0.2.5","version":"1.2.3.4"})"), IsEmpty());
}

TEST(ModuleConfiguration, Exclusions) {
  for (const char* value : {"127.0.0.1", "::1", "0.0.0.0", "localhost:502", "gw1-HOST", "gw1-host.site", "198.51.100.1", "edgeHub", "modbus1:502", "hub.azure-devices.net",
                            "https://store.blob.core.windows.net/x", "registry.example/modbus:1.0", "acr.azurecr.io", "40001", "1.5", "production", "/etc/x", "a b"}) {
    EXPECT_THAT(in_desired(R"({"host":")" + std::string(value) + R"("})"), IsEmpty()) << value;
  }
  EXPECT_THAT(in_desired(R"({"host":"notazure-devices.net"})"), SizeIs(1)) << "only ends like it";
  EXPECT_THAT(in_desired(R"({"host":"plc7","port":102,"protocol":"s7"})"), ElementsAre("plc7:102 @plc7:102/6"));
  EXPECT_THAT(in_desired(R"({"credentials":{"host":"192.0.2.5"}})"), IsEmpty()) << "nothing is looked for among secrets";
}

TEST(ModuleConfiguration, EnvironmentAndCommandLine) {
  const Reading reading = read_module_configuration({.create_options = R"({"Env":["SNMP_AGENT_HOST=192.0.2.72"],"Cmd":["run","--host","192.0.2.73","-u","anna","-p","s3cr3t","--port=1502","mqtt://broker.site"]})",
                                                     .environment = {{"PLC_IP_ADDRESS", "192.0.2.70"}, {"PLC_PORT", "102"}, {"PLC_PASSWORD", "s3cr3t"}, {"METER_HOST", "192.0.2.71"},
                                                                     {"METER_UNIT_ID", "4"}, {"IOTEDGE_GATEWAYHOSTNAME", "192.0.2.99"}, {"IOTEDGE_HOST", "192.0.2.98"}}},
                                                    kModule, kKnown);
  EXPECT_THAT(shown(reading), UnorderedElementsAre("192.0.2.70:102 @192.0.2.70:102/0", "192.0.2.71 unit:4 @192.0.2.71/0", "192.0.2.72:161 @192.0.2.72:161/17",
                                                   "192.0.2.73:1502 @192.0.2.73:1502/0", "broker.site:1502 @broker.site:1502/6"));
  for (const Evidence& one : reading.evidence) EXPECT_EQ(one.configuration.find("s3cr3t"), std::string::npos) << one.configuration;
}

TEST(ModuleConfiguration, TheSameOnceAndBounded) {
  EXPECT_THAT(in_desired(R"({"a":{"ip":"192.0.2.5"},"b":{"host":"192.0.2.5"},"c":{"ip":"192.0.2.5","hwid":"X"}})"), ElementsAre("192.0.2.5 @192.0.2.5/0", "X hwid:X @192.0.2.5/0"));
  std::string many = "[";
  for (int i = 0; i < 3000; ++i) many += R"({"ip":"198.51.)" + std::to_string(i / 250) + "." + std::to_string(i % 250) + R"("},)";
  many.back() = ']';
  const std::string twin = R"({"properties":{"desired":{"list":)" + many + "}}}";
  const Reading reading = read_module_configuration({.twin = twin}, kModule, kKnown);
  EXPECT_THAT(reading.evidence, SizeIs(1000));
  EXPECT_THAT(reading.faults, SizeIs(1));
}

}  // namespace
}  // namespace iris::identity
