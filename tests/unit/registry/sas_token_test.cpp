// SPDX-License-Identifier: Apache-2.0
#include "registry/sas_token.h"

#include <gtest/gtest.h>

namespace iris::registry {
namespace {

constexpr const char* kFirst = "aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=";
constexpr const char* kSecond = "YW5vdGhlci9tYWRlK3VwPWtleX5mb3JfdGVzdHMhISE=";

std::string part(std::string_view token, std::string_view name) {
  const auto start = token.find(std::string(name) + "=");
  if (start == std::string_view::npos) return "(none)";
  const auto value = token.substr(start + name.size() + 1);
  return std::string(value.substr(0, value.find('&')));
}

std::string token(std::string_view resource, std::string_view policy, std::int64_t expiry, const Secret& key) {
  return std::string(make_sas_token(resource, policy, key, expiry).reveal());
}

// The expected signatures were computed with azure-iot-common 1.13.3 and
// azure-iothub 1.16.6 (IoT Hub), and @azure/core-amqp 4.4.2 (Event Hubs).
TEST(SasToken, IotHubPolicy) {
  EXPECT_EQ(token("iris-hub.azure-devices.net", "service", 1893456000, decode_base64(kFirst).value()),
            "SharedAccessSignature sr=iris-hub.azure-devices.net&sig=HivUlwPAZGw2ns9zZPsnsnIWAH0J9ac%2Fp4CEWXfrdAs%3D"
            "&skn=service&se=1893456000");
}

TEST(SasToken, IotHubOtherKey) {
  const auto text = token("contoso-edge.azure-devices.net", "iothubowner", 2000000000, decode_base64(kSecond).value());
  EXPECT_EQ(part(text, "sig"), "yaps%2FvJfhmCMnj3PhEYZMduzm9%2FuABQC2plgnj4plFo%3D");
  EXPECT_EQ(part(text, "se"), "2000000000");
}

TEST(SasToken, PolicyThatNeedsEncoding) {
  const auto text = token("localhost", "registryRead+name/x", 1700003600, decode_base64(kFirst).value());
  EXPECT_EQ(part(text, "sig"), "hO7yC%2FkNHRA7YzU3ZdloZrbvDtUKPiyYp2dKkmRW%2BxA%3D");
  EXPECT_EQ(part(text, "skn"), "registryRead%2Bname%2Fx");
}

TEST(SasToken, ResourceThatNeedsEncodingAndNoPolicy) {
  const auto text = token("iris-hub.azure-devices.net/devices/gw 01", "", 1893456000, decode_base64(kFirst).value());
  EXPECT_EQ(part(text, "sr"), "iris-hub.azure-devices.net%2Fdevices%2Fgw%2001");
  EXPECT_EQ(part(text, "sig"), "DzjrsgkqnU1Iqm88dl2vGiFfHxYcUjd97PxEzktIbYg%3D");
  EXPECT_EQ(part(text, "skn"), "(none)");
}

TEST(SasToken, EventHubsKeyIsTheText) {
  const auto text = token("sb://iris-ns.servicebus.windows.net/insights-logs", "listen", 1893456000, Secret(kFirst));
  EXPECT_EQ(part(text, "sr"), "sb%3A%2F%2Firis-ns.servicebus.windows.net%2Finsights-logs");
  EXPECT_EQ(part(text, "sig"), "X%2FKmx7y4q%2FJAQq5FCzIMUm0oLuZMomsdqjoYpwlUE0s%3D");
}

TEST(SasToken, EventHubsPartition) {
  const auto text = token("sb://iris-ns.servicebus.windows.net/insights-logs/ConsumerGroups/$Default/Partitions/0", "listen",
                          1893456000, Secret(kFirst));
  EXPECT_NE(part(text, "sr").find("%2F%24Default%2F"), std::string::npos);
  EXPECT_EQ(part(text, "sig"), "%2FVpgNclC8yLYjRwwvXGAXY1lzJTYN%2FzJZ9vC%2FzXhd0s%3D");
}

TEST(PercentEncode, LeavesOnlyTheUnreserved) {
  EXPECT_EQ(percent_encode("$edgeAgent"), "%24edgeAgent");
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c'%\xc3\xbc"), "a%20b%2Fc%27%25%C3%BC");
}

TEST(Base64, StrictlyDecoded) {
  EXPECT_EQ(decode_base64("TQ==").value().reveal(), "M");
  EXPECT_EQ(decode_base64("TWE=").value().reveal(), "Ma");
  EXPECT_EQ(decode_base64("TWFu").value().reveal(), "Man");
  for (const char* bad : {"", "=", "==", "====", "TQ=", "TQ", "T===", " TQ==", "TQ==\n", "TQ=a", "TW-_", "TWFuTQ"}) {
    EXPECT_FALSE(decode_base64(bad)) << bad;
  }
}

}  // namespace
}  // namespace iris::registry
