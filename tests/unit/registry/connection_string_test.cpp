// SPDX-License-Identifier: Apache-2.0
#include "registry/connection_string.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <ostream>
#include <type_traits>

namespace iris::registry {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = "aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=";
const std::string kHub = std::string("HostName=iris-hub.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=") + kKey;
const std::string kEvents =
    std::string("Endpoint=sb://iris-ns.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=") + kKey;

std::string hub_error(const std::string& text) {
  const auto result = parse_iot_hub_connection(text);
  return result ? "(accepted)" : result.error().message;
}

std::string event_error(const std::string& text) {
  const auto result = parse_event_hub_connection(text);
  return result ? "(accepted)" : result.error().message;
}

TEST(IotHubConnectionString, GivesHostPolicyAndDecodedKey) {
  const auto hub = parse_iot_hub_connection(kHub);
  ASSERT_TRUE(hub) << hub.error().message;
  EXPECT_EQ(hub->host_name, "iris-hub.azure-devices.net");
  EXPECT_EQ(hub->policy, "service");
  EXPECT_EQ(hub->key.reveal(), "iris-test-key-0123456789abcdef01");
}

TEST(IotHubConnectionString, NamesInAnyCaseAndOrderAndATrailingSemicolon) {
  const auto hub = parse_iot_hub_connection(std::string("sharedaccesskey=") + kKey + ";SHAREDACCESSKEYNAME=iothubowner;hostname=h.example;");
  ASSERT_TRUE(hub) << hub.error().message;
  EXPECT_EQ(hub->host_name, "h.example");
  EXPECT_EQ(hub->policy, "iothubowner");
}

TEST(IotHubConnectionString, TheLastOfARepeatedNameWinsAndEmptyElementsAreSkipped) {
  const auto hub =
      parse_iot_hub_connection("HostName=old.example;;nonsense;=x;" + kHub + ";HostName=new.example;HostName=;SharedAccessKeyName=");
  ASSERT_TRUE(hub) << hub.error().message;
  EXPECT_EQ(hub->host_name, "new.example");
  EXPECT_EQ(hub->policy, "service");
}

TEST(IotHubConnectionString, IgnoresTheGatewayHostName) {
  EXPECT_TRUE(parse_iot_hub_connection(kHub + ";GatewayHostName=gw1.site"));
}

TEST(IotHubConnectionString, TakesTheWhitespaceOfAFileAndTheQuotesOfAnEnvFile) {
  EXPECT_TRUE(parse_iot_hub_connection("  " + kHub + "\r\n"));
  EXPECT_TRUE(parse_iot_hub_connection("\"" + kHub + "\""));
}

TEST(IotHubConnectionString, RejectsTheStringOfADeviceInClearWords) {
  const std::string device = std::string("HostName=h.example;DeviceId=gw1;SharedAccessKey=") + kKey;
  EXPECT_THAT(hub_error(device), HasSubstr("of a device or module"));
  EXPECT_THAT(hub_error(device + ";ModuleId=m"), HasSubstr("of a device or module"));
  EXPECT_THAT(hub_error("HostName=h.example;DeviceId=gw1;x509=true"), HasSubstr("of a device or module"));
  EXPECT_THAT(hub_error(device), HasSubstr("shared access policy"));
}

TEST(IotHubConnectionString, RejectsAPortAndAUrlInHostName) {
  EXPECT_THAT(hub_error(std::string("HostName=h.example:8443;SharedAccessKeyName=s;SharedAccessKey=") + kKey), HasSubstr("iot_hub.address"));
  EXPECT_THAT(hub_error(std::string("HostName=https://h.example;SharedAccessKeyName=s;SharedAccessKey=") + kKey), HasSubstr("is a URL"));
  EXPECT_THAT(hub_error(std::string("HostName=h ex/ample;SharedAccessKeyName=s;SharedAccessKey=") + kKey), HasSubstr("not a DNS name"));
}

TEST(IotHubConnectionString, NamesTheMissingPart) {
  EXPECT_THAT(hub_error(""), HasSubstr("is empty"));
  EXPECT_THAT(hub_error(std::string("SharedAccessKeyName=s;SharedAccessKey=") + kKey), HasSubstr("HostName is missing"));
  EXPECT_THAT(hub_error(std::string("HostName=h;SharedAccessKey=") + kKey), HasSubstr("SharedAccessKeyName is missing"));
  EXPECT_THAT(hub_error("HostName=h;SharedAccessKeyName=s"), HasSubstr("SharedAccessKey is missing"));
  EXPECT_THAT(hub_error(kEvents), HasSubstr("Event Hubs connection string"));
}

TEST(IotHubConnectionString, NoErrorRepeatsTheKey) {
  const std::string cut = "tooShortAndSecret1";
  const std::string error = hub_error("HostName=h;SharedAccessKeyName=s;SharedAccessKey=" + cut);
  EXPECT_THAT(error, HasSubstr("not base64"));
  EXPECT_THAT(error, Not(HasSubstr(cut)));
}

TEST(IotHubConnectionString, RefusesControlCharactersAndEndlessText) {
  EXPECT_THAT(hub_error("HostName=h\r\nX: y;" + kHub), HasSubstr("control characters"));
  EXPECT_THAT(hub_error(kHub + std::string(5000, ';')), HasSubstr("longer"));
}

TEST(EventHubConnectionString, KeepsTheKeyAsText) {
  const auto events = parse_event_hub_connection(kEvents + ";EntityPath=insights-logs");
  ASSERT_TRUE(events) << events.error().message;
  EXPECT_EQ(events->host, "iris-ns.servicebus.windows.net");
  EXPECT_EQ(events->port, 0);
  EXPECT_EQ(events->key.reveal(), kKey);
  EXPECT_EQ(events->entity_path, "insights-logs");
  EXPECT_EQ(events->endpoint(), "sb://iris-ns.servicebus.windows.net/");
}

TEST(EventHubConnectionString, TheSlashAndTheEntityPathMayBeMissingAndAPortBeThere) {
  const auto events = parse_event_hub_connection(std::string("Endpoint=SB://localhost:5671;SharedAccessKeyName=n;SharedAccessKey=") + kKey);
  ASSERT_TRUE(events) << events.error().message;
  EXPECT_EQ(events->port, 5671);
  EXPECT_EQ(events->entity_path, "");
  EXPECT_EQ(events->endpoint(), "sb://localhost:5671/");
}

TEST(EventHubConnectionString, ASignatureStandsForPolicyAndKey) {
  const auto events = parse_event_hub_connection(
      "Endpoint=sb://ns.example/;SharedAccessSignature=SharedAccessSignature sr=a&sig=b%3D&se=1&skn=n;EntityPath=hub");
  ASSERT_TRUE(events) << events.error().message;
  EXPECT_EQ(events->signature.reveal(), "SharedAccessSignature sr=a&sig=b%3D&se=1&skn=n");
  EXPECT_TRUE(events->key.empty());
}

TEST(EventHubConnectionString, TheEmulatorOnlyNearby) {
  const auto with = [](const std::string& host) {
    return event_error("Endpoint=sb://" + host + ";SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=True;");
  };
  EXPECT_EQ(with("localhost"), "(accepted)");
  EXPECT_EQ(with("127.0.0.1:5672"), "(accepted)");
  EXPECT_EQ(with("emulator"), "(accepted)");
  EXPECT_EQ(with("10.1.2.3"), "(accepted)");
  EXPECT_THAT(with("ns.servicebus.windows.net"), HasSubstr("refused"));
  EXPECT_THAT(with("203.0.113.5"), HasSubstr("refused"));
  EXPECT_FALSE(parse_event_hub_connection(kEvents)->development_emulator);
}

TEST(EventHubConnectionString, NamesWhatIsWrong) {
  EXPECT_THAT(event_error(kHub), HasSubstr("IoT Hub connection string"));
  EXPECT_THAT(event_error("SharedAccessKeyName=n;SharedAccessKey=k"), HasSubstr("Endpoint is missing"));
  EXPECT_THAT(event_error("Endpoint=amqps://h/;SharedAccessKeyName=n;SharedAccessKey=k"), HasSubstr("sb://"));
  EXPECT_THAT(event_error("Endpoint=sb://h/hub;SharedAccessKeyName=n;SharedAccessKey=k"), HasSubstr("EntityPath"));
  EXPECT_THAT(event_error("Endpoint=sb://h:x/;SharedAccessKeyName=n;SharedAccessKey=k"), HasSubstr("port"));
  EXPECT_THAT(event_error("Endpoint=sb://h:70000/;SharedAccessKeyName=n;SharedAccessKey=k"), HasSubstr("port"));
  EXPECT_THAT(event_error("Endpoint=sb:///;SharedAccessKeyName=n;SharedAccessKey=k"), HasSubstr("no host"));
  EXPECT_THAT(event_error("Endpoint=sb://h/;SharedAccessKey=k"), HasSubstr("SharedAccessKeyName is missing"));
  EXPECT_THAT(event_error("Endpoint=sb://h/;SharedAccessKeyName=n"), HasSubstr("SharedAccessKey is missing"));
}

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };

TEST(SecretType, HasNoWayOut) {
  static_assert(!Streamable<Secret>);
  static_assert(!fmt::is_formattable<Secret>::value);
  static_assert(!std::is_convertible_v<Secret, std::string_view>);
  static_assert(!std::is_convertible_v<Secret, std::string>);
}

TEST(SecretType, MovesLeaveNothingBehind) {
  Secret first("short");
  const Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.reveal(), "short");
  Secret third;
  third = second;
  EXPECT_TRUE(third == second);
  EXPECT_FALSE(third == Secret("shorT"));
}

}  // namespace
}  // namespace iris::registry
