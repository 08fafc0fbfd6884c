// SPDX-License-Identifier: Apache-2.0
#include "identity/clean.h"

#include <gmock/gmock.h>

#include "identity/secrets.h"

namespace iris::identity {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string clean(std::string_view text, std::size_t max_bytes = kMaxConfigurationBytes) {
  const auto parsed = parse_json(text);
  return parsed ? clean_object(*parsed, max_bytes) : "no JSON";
}

TEST(SecretName, IsToldByItsParts) {
  for (const char* name : {"password", "Opc-Authentication_Password", "AppKey", "NwkSKey", "registryCredentials", "SAS_TOKEN", "connectionString", "primaryKey", "user",
                           "UserName", "api.key", "SharedAccessKey", "x509PrivateKey", "pin", "wifi_psk", "community", "Authorization", "clientSecret", "sig", "--password"}) {
    EXPECT_TRUE(is_secret_name(name)) << name;
  }
  for (const char* name : {"", "site", "HwId", "PublishInterval", "authenticationType", "AppEUI", "keyboard", "spinRate", "passive", "OpcAuthenticationMode", "image", "users"}) {
    EXPECT_FALSE(is_secret_name(name)) << name;
  }
  EXPECT_TRUE(is_secret_name(std::string(200, 'x') + "password"));
}

TEST(HoldsSecret, KnowsTheirLooks) {
  for (const char* text :
       {"HostName=h;DeviceId=d;SharedAccessKey=abc=", "SharedAccessSignature sr=h&sig=x&se=1", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b",
        "-----BEGIN RSA PRIVATE KEY-----\nMII", "https://store.example/c?sv=1&sig=abc", "DB_PASSWORD=x", "{\"password\": \"x\"}", "{\\\"password\\\": \\\"x\\\"}",
        "run --token abc now", "Bearer abcdef0123", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=", "password : x"}) {
    EXPECT_TRUE(holds_secret(text)) << text;
    EXPECT_EQ(without_secrets(text), kRemoved);
  }
  for (const char* text : {"", "ns=2;s=Temp", "opc.tcp://192.0.2.20:4840/plc", "the token expired", "LEVEL=info", "sha256:0123456789abcdef", "registry.example/modbus:1.0",
                           "mac:00:1b:44:11:3a:b7", "a_rather_long_name_of_a_module_that_does_1_t"}) {
    EXPECT_FALSE(holds_secret(text)) << text;
    EXPECT_EQ(without_secrets(text), text);
  }
}

TEST(WithoutSecrets, TakesUserAndPasswordOutOfUrls) {
  EXPECT_EQ(without_secrets("rtsp://admin:hunter2@192.0.2.9:554/s"), "rtsp://(removed)@192.0.2.9:554/s");
  EXPECT_EQ(without_secrets("a mqtt://u@h and http://u:p/w@h/x"), "a mqtt://(removed)@h and http://(removed)@h/x");
  EXPECT_EQ(without_secrets("http://h/path@2x"), "http://h/path@2x");
}

TEST(Clean, StripsTheServiceAndSecrets) {
  EXPECT_EQ(clean(R"({"$version":3,"$metadata":{"a":1},"z":1,"a":{"$metadata":{},"b":null,"c":[1,"x"]},"password":"p","keys":{"deep":"p"}})"),
            R"({"a":{"c":[1,"x"]},"z":1})");
  EXPECT_EQ(clean(R"({"password":"p"})"), "");
  EXPECT_EQ(clean("[1]"), "");
  EXPECT_EQ(clean("{}"), "");
}

TEST(Clean, LooksThroughPairsArgumentsAndStrings) {
  EXPECT_EQ(clean(R"({"env":[{"name":"DB_PASSWORD","value":"p"},{"name":"LEVEL","value":"info"},{"key":"LEVEL","value":"x"}]})"),
            R"({"env":[{"name":"DB_PASSWORD"},{"name":"LEVEL","value":"info"},{"key":"LEVEL","value":"x"}]})");
  EXPECT_EQ(clean(R"({"Cmd":["--password","p","-p","q","-p=r","--pf=/x",["p"]]})"),
            R"j({"Cmd":["--password","(removed)","-p","(removed)","(removed)","--pf=/x",["p"]]})j");
  EXPECT_EQ(clean(R"({"o":"{\"a\":1,\"token\":\"t\"}"})"), R"({"o":"{\"a\":1}"})");
  EXPECT_EQ(clean(R"({"o":"{\"x\":\"hunter2\""})"), R"j({"o":"(removed)"})j") << "cannot be looked through";
  EXPECT_THAT(clean(R"({"o":"{\"p\":\"{\\\"q\\\":\\\"{\\\\\\\"password\\\\\\\":1}\\\"}\"}"})"), Not(HasSubstr("password")));
  EXPECT_EQ(clean(R"({"AccountKey=abc":1,"b":2})"), R"({"b":2})") << "a secret as the name of a member";
}

TEST(Clean, CutsAtWholeMembers) {
  EXPECT_EQ(clean(R"({"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","b":1,"c":2})", 60), R"({"$truncated":1,"b":1,"c":2})");
  std::string many = "{";
  for (int i = 0; i < 3000; ++i) many += "\"member" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  many += R"("nested":{)";
  for (int i = 0; i < 3000; ++i) many += "\"member" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  many += R"("end":1}})";
  const std::string cut = clean(many);
  EXPECT_LE(cut.size(), kMaxConfigurationBytes);
  EXPECT_GT(cut.size(), kMaxConfigurationBytes / 2);
  EXPECT_TRUE(Json::parse(cut).contains(kTruncated));
  EXPECT_EQ(cut, clean(cut)) << "stays what it is";
  const std::string nested = clean(R"({"desired":)" + many + "}");
  EXPECT_LE(nested.size(), kMaxConfigurationBytes);
  EXPECT_TRUE(Json::parse(nested)["desired"].contains(kTruncated)) << "an object that does not fit keeps what does";
}

}  // namespace
}  // namespace iris::identity
