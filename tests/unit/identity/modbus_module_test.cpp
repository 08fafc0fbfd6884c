// SPDX-License-Identifier: Apache-2.0
#include "identity/modbus_module.h"

#include <gmock/gmock.h>

#include "documents.h"
#include "identity/json.h"

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ModuleRef kModule{"gw1", "modbus1"};

Reading slaves(const std::string& slaves) { return read_modbus_module(R"({"properties":{"desired":{"SlaveConfigs":)" + slaves + "}}}", kModule); }

std::string shown(const Evidence& one) {
  std::string out = one.name + " <" + one.parent;
  for (const auto& id : one.hardware_ids) out += " " + id;
  for (const auto& address : one.addresses) out += " @" + flow::to_string(address) + "/" + std::to_string(address.protocol);
  return out;
}

std::vector<std::string> shown(const Reading& reading) {
  std::vector<std::string> out;
  for (const Evidence& one : reading.evidence) out.push_back(shown(one));
  return out;
}

TEST(ModbusModule, OneDeviceASlave) {
  const Reading reading = read_modbus_module(documents::kModbusTwin, kModule);
  EXPECT_THAT(shown(reading), ElementsAre("PowerMeter-01 <gw1 hwid:PowerMeter-01 unit:1 @192.0.2.10:502/6", "PowerMeter-02 <gw1 hwid:PowerMeter-02 unit:7 @/dev/ttyS0/0"));
  EXPECT_THAT(reading.faults, IsEmpty());
  const Evidence& meter = reading.evidence[0];
  EXPECT_EQ(meter.source, Source::modbus_module);
  EXPECT_EQ(meter.kind, flow::DeviceKind::manufactured);
  EXPECT_EQ(meter.module_id, "modbus1");
  const Json configuration = Json::parse(meter.configuration);
  EXPECT_EQ(configuration["Operations"]["Op01"]["DisplayName"], "Voltage");
  EXPECT_EQ(configuration["SlaveName"], "Slave01");
}

TEST(ModbusModule, SeveralUnitsBehindOneConnection) {
  const Reading reading = slaves(R"({"bus":{"SlaveConnection":"192.0.2.11","TcpPort":1502,"HwId":"Bridge","Operations":{
     "a":{"UnitId":"1","DisplayName":"A"},"b":{"UnitId":2,"DisplayName":"B"},"c":{"UnitId":"1"},"d":{"UnitId":"999"},"e":null,"f":7}}})");
  EXPECT_THAT(shown(reading), ElementsAre("Bridge <gw1 hwid:Bridge @192.0.2.11:1502/6", "Bridge/unit-1 <Bridge unit:1", "Bridge/unit-2 <Bridge unit:2"));
  EXPECT_EQ(reading.evidence[1].configuration, R"({"Operations":{"a":{"DisplayName":"A","UnitId":"1"},"c":{"UnitId":"1"}},"UnitId":1})");
}

TEST(ModbusModule, MissingAndRepeatedHwIds) {
  const Reading reading = slaves(R"({"A":{"SlaveConnection":"192.0.2.1","HwId":"X"},"B":{"SlaveConnection":"192.0.2.2","HwId":"X"},
     "C":{"SlaveConnection":"192.0.2.3"},"D":{"SlaveConnection":"192.0.2.4","HwId":"E"},"E":{"SlaveConnection":"192.0.2.5"},"F":null,"$version":1,"G":5})");
  EXPECT_THAT(shown(reading), ElementsAre("A <gw1 hwid:X @192.0.2.1:502/6", "B <gw1 hwid:X @192.0.2.2:502/6", "C <gw1 @192.0.2.3:502/6",
                                          "E <gw1 hwid:E @192.0.2.4:502/6", "E-E <gw1 @192.0.2.5:502/6"));
  EXPECT_THAT(reading.faults, ElementsAre("module modbus1: slave A: its HwId is used twice", "module modbus1: slave B: its HwId is used twice",
                                          "module modbus1: slave G: is no object"));
}

TEST(ModbusModule, Connections) {
  const auto address = [](const std::string& connection, const std::string& port = R"("502")") {
    const Reading reading = slaves(R"({"s":{"SlaveConnection":")" + connection + R"(","TcpPort":)" + port + "}}");
    return reading.evidence.at(0).addresses.empty() ? "none" : flow::to_string(reading.evidence[0].addresses[0]) + "/" + std::to_string(reading.evidence[0].addresses[0].port);
  };
  EXPECT_EQ(address("192.0.2.1", "0"), "192.0.2.1:502/502");
  EXPECT_EQ(address("192.0.2.1", "-5"), "192.0.2.1:502/502");
  EXPECT_EQ(address("192.0.2.1", "null"), "192.0.2.1:502/502");
  EXPECT_EQ(address("192.0.2.1", "70000"), "192.0.2.1:502/502");
  EXPECT_EQ(address("2001:db8::1", "5020"), "[2001:db8::1]:5020/5020");
  EXPECT_EQ(address("COM7"), "COM7/0");
  EXPECT_EQ(address("ttyS0"), "/dev/ttyS0/0");
  EXPECT_EQ(address("/host/ttyRS485"), "/host/ttyRS485/0");
  EXPECT_EQ(address("plc.site"), "plc.site/502");
  EXPECT_EQ(address(""), "none");
  EXPECT_EQ(address("two words"), "none");
}

TEST(ModbusModule, ReportedStandsInAndAFileToo) {
  EXPECT_THAT(shown(read_modbus_module(R"({"properties":{"desired":{"SlaveConfigs":{}},"reported":{"SlaveConfigs":{"s":{"SlaveConnection":"192.0.2.1"}}}}})", kModule)),
              ElementsAre("s <gw1 @192.0.2.1:502/6"));
  EXPECT_THAT(shown(read_modbus_module(R"({"PublishInterval":1,"SlaveConfigs":{"s":{"SlaveConnection":"192.0.2.1"}}})", kModule)), ElementsAre("s <gw1 @192.0.2.1:502/6"));
  EXPECT_THAT(shown(read_modbus_module(R"({"properties":{"desired":{}}})", kModule)), IsEmpty());
}

TEST(ModbusModule, TheAncestorOf2017) {
  const Reading reading = read_modbus_module(documents::kModbusAncestor, {"gw1", "modbus_read"});
  EXPECT_THAT(shown(reading), ElementsAre("meter-a <gw1 mac:01:01:01:01:01:01 unit:1 @192.0.2.40:502/6", "02:02:02:02:02:02 <gw1 mac:02:02:02:02:02:02 unit:3 @COM1/0"));
  EXPECT_EQ(reading.evidence[0].kind, flow::DeviceKind::leaf) << "the mapping module gives it an identity of its own";
  EXPECT_EQ(reading.evidence[1].kind, flow::DeviceKind::manufactured);
  EXPECT_THAT(read_modbus_module(R"([{"serverConnectionString":"192.0.2.1"},{"serverConnectionString":"192.0.2.1"}])", kModule).evidence, SizeIs(1));
}

}  // namespace
}  // namespace iris::identity
