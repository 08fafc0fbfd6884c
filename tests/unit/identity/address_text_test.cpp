// SPDX-License-Identifier: Apache-2.0
#include "identity/address_text.h"

#include <gtest/gtest.h>

#include "identity/image_name.h"

namespace iris::identity {
namespace {

/// "kind scheme host port path", for a short comparison.
std::string shown(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) return "none";
  const char* kinds[] = {"ip", "host", "serial"};
  return std::string(kinds[static_cast<int>(target->kind)]) + " " + target->scheme + " " + target->host + " " + std::to_string(target->port) + " " +
         target->path;
}

TEST(ParseTarget, UnderstandsUsualSpellings) {
  EXPECT_EQ(shown(" 192.0.2.10 "), "ip  192.0.2.10 0 ");
  EXPECT_EQ(shown("192.0.2.10:502"), "ip  192.0.2.10 502 ");
  EXPECT_EQ(shown("2001:db8::1"), "ip  2001:db8::1 0 ");
  EXPECT_EQ(shown("[2001:db8::1]:502"), "ip  2001:db8::1 502 ");
  EXPECT_EQ(shown("opc.tcp://192.0.2.20:4840/plc?x=1"), "ip opc.tcp 192.0.2.20 4840 /plc");
  EXPECT_EQ(shown("OPC.TCP://User:pass@PLC7.site/a"), "host opc.tcp plc7.site 0 /a");
  EXPECT_EQ(shown("http://u:p/w@192.0.2.1/x"), "none") << "a password that is badly written";
  EXPECT_EQ(shown("plc7:502"), "host  plc7 502 ");
  EXPECT_EQ(shown("/dev/ttyS0"), "serial  /dev/ttyS0 0 ");
  EXPECT_EQ(shown("ttyUSB0"), "serial  /dev/ttyUSB0 0 ");
  EXPECT_EQ(shown("COM3"), "serial  COM3 0 ");
}

TEST(ParseTarget, RefusesWhatIsNoAddress) {
  for (const std::string& bad : {std::string(), std::string("40001"), std::string("1.2"), std::string("1.2.3.4.5"), std::string("/etc/passwd"),
                                 std::string("two words"), std::string("a..b"), std::string("-x"), std::string("plc:0"), std::string("plc:99999"),
                                 std::string("[2001:db8::1"), std::string("[2001:db8::1]x"), std::string("://x"), std::string("192.0.2.1\0x", 11),
                                 std::string("registry.example/modbus:1.0"), std::string(3000, 'a'), std::string("\xff\xff")}) {
    EXPECT_EQ(shown(bad), "none") << bad;
  }
}

TEST(SerialLine, IsToldFromHosts) {
  EXPECT_TRUE(is_serial_line("/dev/ttymxc1"));
  EXPECT_TRUE(is_serial_line("/dev/tty.usbserial-1"));
  for (const char* not_one : {"ttyname", "COM", "COMPUTER1", "COM1.site", "/dev/sda", "tty", "/dev/tty", "/dev/tty/../x"}) EXPECT_FALSE(is_serial_line(not_one)) << not_one;
}

TEST(Mac, InOneSpelling) {
  for (const char* text : {"00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001B.4411.3AB7", "001b44113ab7"}) EXPECT_EQ(normalized_mac(text), "00:1b:44:11:3a:b7") << text;
  for (const char* bad : {"", "00:00:00:00:00:00", "ff-ff-ff-ff-ff-ff", "00:1b:44:11:3a", "00:1b:44:11:3a:b7:00", "0:1b:44:11:3a:b70", "zz:1b:44:11:3a:b7"}) {
    EXPECT_EQ(normalized_mac(bad), "") << bad;
  }
}

TEST(ToAddress, FillsInDefaults) {
  EXPECT_EQ(flow::to_string(to_address(*parse_target("192.0.2.1"), {6, 502})), "192.0.2.1:502");
  EXPECT_EQ(flow::to_string(to_address(*parse_target("opc.tcp://192.0.2.1"), {17, 9})), "192.0.2.1:4840") << "the scheme goes first";
  const auto serial = to_address(*parse_target("COM1"), {6, 502});
  EXPECT_EQ(serial.port, 0);
  EXPECT_EQ(serial.protocol, 0);
  EXPECT_EQ(protocol_defaults("BACnet-IP")->protocol, 17);
  EXPECT_EQ(protocol_defaults("modbus-tcp")->port, 502);
  EXPECT_FALSE(protocol_defaults("other"));
}

TEST(ImageName, RepositoryAlone) {
  EXPECT_EQ(image_repository("registry.example:5000/AzureIotEdge/modbus:1.0@sha256:00"), "azureiotedge/modbus");
  EXPECT_EQ(image_repository("localhost/modbus"), "modbus");
  EXPECT_EQ(image_repository("azureiotedge/modbus"), "azureiotedge/modbus");
  EXPECT_TRUE(is_modbus_image("registry.example/modbus:1.0"));
  EXPECT_TRUE(is_modbus_image("x/azureiotedge-modbus-tcp:1.0-amd64"));
  EXPECT_FALSE(is_modbus_image("registry.example/modbus-dashboard:1.0"));
  EXPECT_FALSE(is_modbus_image("modbus.example/other:modbus"));
  EXPECT_TRUE(is_opc_publisher_image("mcr.example/iotedge/opc-publisher:2.9"));
  EXPECT_EQ(image_repository(""), "");
}

}  // namespace
}  // namespace iris::identity
