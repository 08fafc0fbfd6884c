// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/sas.h"

#include <gmock/gmock.h>

namespace iris::iot_hub_emulator {
namespace {

using testing::HasSubstr;

// The vendor's own vectors; tests/vendor runs azure-iot-common against the same.
constexpr const char* kKey1 = "aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=";
constexpr const char* kKey2 = "YW5vdGhlci9tYWRlK3VwPWtleX5mb3JfdGVzdHMhISE=";
constexpr const char* kTokenA =
    "SharedAccessSignature sr=iris-hub.azure-devices.net&sig=HivUlwPAZGw2ns9zZPsnsnIWAH0J9ac%2Fp4CEWXfrdAs%3D&skn=service&se=1893456000";
constexpr std::int64_t kBefore = 1893455999;

const Policies kPolicies{{"service", {kKey1, kServiceConnect}}, {"registryRead+name/x", {kKey1, kRegistryRead}},
                         {"iothubowner", {kKey2, kAll}}};

std::string encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '+') out += "%2B";
    else if (c == '/') out += "%2F";
    else if (c == '=') out += "%3D";
    else out += c;
  }
  return out;
}

std::string token(const std::string& sr, const std::string& policy, const char* key, const std::string& se = "1893456000") {
  return "SharedAccessSignature sr=" + sr + "&sig=" + encoded(sas_signature(key, sr, se)) + "&se=" + se + "&skn=" + policy;
}

std::string refusal(const std::string& authorization, const std::string& resource = "iris-hub.azure-devices.net/twins/gw1",
                    std::int64_t now = kBefore) {
  const auto permissions = verify_token(authorization, resource, kPolicies, now);
  return permissions ? "" : permissions.error().message;
}

TEST(Sas, SignsAsTheVendorDoes) {
  EXPECT_EQ(encoded(sas_signature(kKey1, "iris-hub.azure-devices.net", "1893456000")), "HivUlwPAZGw2ns9zZPsnsnIWAH0J9ac%2Fp4CEWXfrdAs%3D");
  EXPECT_EQ(encoded(sas_signature(kKey2, "contoso-edge.azure-devices.net", "2000000000")), "yaps%2FvJfhmCMnj3PhEYZMduzm9%2FuABQC2plgnj4plFo%3D");
  EXPECT_EQ(encoded(sas_signature(kKey1, "localhost", "1700003600")), "hO7yC%2FkNHRA7YzU3ZdloZrbvDtUKPiyYp2dKkmRW%2BxA%3D");
  EXPECT_EQ(encoded(sas_signature(kKey1, "iris-hub.azure-devices.net%2Fdevices%2Fgw%2001", "1893456000")),
            "DzjrsgkqnU1Iqm88dl2vGiFfHxYcUjd97PxEzktIbYg%3D");
  EXPECT_EQ(sas_signature("no base64", "localhost", "1"), "");
}

TEST(Sas, AcceptsTheVendorsToken) {
  const auto permissions = verify_token(kTokenA, "iris-hub.azure-devices.net/devices/query", kPolicies, kBefore);
  ASSERT_TRUE(permissions) << permissions.error().message;
  EXPECT_EQ(*permissions, kServiceConnect);
}

TEST(Sas, EndsWithItsExpiry) {
  EXPECT_EQ(refusal(kTokenA, "iris-hub.azure-devices.net", 1893456000), "an expired token");
  EXPECT_EQ(refusal(token("iris-hub.azure-devices.net", "service", kKey1, "1893456000x")), "an expiry that is no number");
  EXPECT_EQ(refusal(token("iris-hub.azure-devices.net", "service", kKey1, "99999999999999999999999")), "an expiry that is no number");
}

TEST(Sas, ComputesOverTheResourceAsSent) {
  EXPECT_EQ(refusal(token("iris-hub.azure-devices.net%2ftwins%2fgw1", "service", kKey1)), "");
  EXPECT_EQ(refusal(token("iris-hub.azure-devices.net%2Ftwins%2Fgw1", "service", kKey1)), "");
  EXPECT_EQ(refusal(token("IRIS-HUB.azure-devices.net", "service", kKey1)), "");
}

TEST(Sas, CoversWholeSegmentsOnly) {
  const auto of_gateway = token("iris-hub.azure-devices.net%2Ftwins%2Fgw1", "service", kKey1);
  EXPECT_EQ(refusal(of_gateway, "iris-hub.azure-devices.net/twins/gw1"), "");
  EXPECT_EQ(refusal(of_gateway, "iris-hub.azure-devices.net/twins/gw1/modules/x"), "");
  EXPECT_EQ(refusal(of_gateway, "iris-hub.azure-devices.net/twins/gw10"), "a token for another resource");
  EXPECT_EQ(refusal(of_gateway, "iris-hub.azure-devices.net/devices/query"), "a token for another resource");
  EXPECT_EQ(refusal(token("iris-hub.azure-devices", "service", kKey1)), "a token for another resource");
  EXPECT_EQ(refusal(token("other.azure-devices.net", "service", kKey1)), "a token for another resource");
}

TEST(Sas, PolicyNamesAreDecoded) {
  EXPECT_EQ(refusal(token("iris-hub.azure-devices.net", "registryRead%2Bname%2Fx", kKey1)), "");
  EXPECT_EQ(refusal(token("iris-hub.azure-devices.net", "nosuch", kKey1)), "an unknown policy");
}

TEST(Sas, RefusesWhatIsWrong) {
  EXPECT_EQ(refusal(""), "no Authorization");
  EXPECT_EQ(refusal("Bearer x"), "no shared access signature");
  EXPECT_EQ(refusal("SharedAccessSignature "), "a token without sr");
  EXPECT_EQ(refusal("SharedAccessSignature sr=a&sr=b"), "a malformed token");
  EXPECT_EQ(refusal("SharedAccessSignature sr"), "a malformed token");
  EXPECT_EQ(refusal(token("iris-hub.azure-devices.net", "service", kKey2)), "a wrong signature");
  std::string unescaped = kTokenA;  // base64 that was not URL-encoded is the same here, since nothing turns '+' into a blank
  unescaped.replace(unescaped.find("%2F"), 3, "/");
  EXPECT_EQ(refusal(unescaped), "");
  std::string changed = kTokenA;
  changed[changed.find("Hiv")] = 'h';
  EXPECT_EQ(refusal(changed), "a wrong signature");
  std::string device = kTokenA;
  device.erase(device.find("&skn=service"), 12);
  EXPECT_THAT(refusal(device), HasSubstr("without skn"));
}

TEST(Sas, RefusalsNeverHoldTheToken) {
  for (const auto& text : {std::string(kTokenA) + "x", std::string(kTokenA) + "&skn=x", token("other", "service", kKey1)}) {
    EXPECT_THAT(refusal(text), testing::Not(HasSubstr("sig")));
    EXPECT_THAT(refusal(text), testing::Not(HasSubstr("Hiv")));
  }
}

}  // namespace
}  // namespace iris::iot_hub_emulator
