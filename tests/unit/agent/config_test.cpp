// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "agent/config_keys.h"
#include "agent/config_reader.h"

namespace iris::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConfigFile : public ::testing::Test {
 protected:
  ConfigFile() : path_(::testing::TempDir() + "irisd_" + std::to_string(getpid()) + ".toml") {}
  ~ConfigFile() override { unlink(path_.c_str()); }

  ConfigReading read(const std::string& text, const Environment& environment = {}) {
    std::ofstream(path_) << text;
    return read_config(path_, true, environment);
  }
  /// "LINE message" of each fault; the variable's name where it has no line.
  std::vector<std::string> faults(const std::string& text, const Environment& environment = {}) {
    std::vector<std::string> found;
    for (const Fault& fault : read(text, environment).faults) {
      const bool in_file = fault.where.starts_with(path_ + ":");
      found.push_back((in_file ? fault.where.substr(path_.size() + 1) : fault.where) + " " + fault.message);
    }
    return found;
  }

  const std::string path_;
};

TEST_F(ConfigFile, EveryKeyIsRead) {
  const auto reading = read(R"(window = "500ms"
[log]
level = "debug"
format = "json"
[capture]
ring_bytes = "1MiB"
max_flows = 100
max_sockets = 200
cgroup_root = "/c2"
cgroup1_controller = "pids"
[runtimes]
docker_socket = "/d"
containerd_socket = ""
[spool]
directory = "/s"
max_bytes = "2 GiB"
[uplink]
target = "[::1]:4319"
insecure = true
ca_file = "/dev/null"
token_file = "/dev/zero"
certificate_file = "/dev/full"
key_file = "/dev/random"
server_name = "n"
[local]
socket = "/l"
group = "g"
[metrics]
enabled = true
listen = "127.0.0.1:1"
)");
  EXPECT_THAT(reading.faults, IsEmpty());
  Config wanted;
  wanted.window = std::chrono::milliseconds(500);
  wanted.log = {"debug", "json"};
  wanted.capture = {1U << 20, 100, 200, "/c2", "pids"};
  wanted.runtimes = {"/d", ""};
  wanted.spool = {"/s", 2ULL << 30};
  wanted.uplink = {"[::1]:4319", true, "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "n"};
  wanted.local = {"/l", "g"};
  wanted.metrics = {true, "127.0.0.1:1"};
  EXPECT_EQ(reading.config, wanted);
}

TEST_F(ConfigFile, TheEnvironmentWeighsMoreThanTheFile) {
  const auto reading = read("window = 5\n[spool]\nmax_bytes = 2097152\n",
                            {{"IRIS_WINDOW", "1m"}, {"IRIS_METRICS_ENABLED", "true"}, {"IRIS_CAPTURE_MAX_FLOWS", "77"}});
  EXPECT_THAT(reading.faults, IsEmpty());
  EXPECT_EQ(reading.config.window, std::chrono::minutes(1));
  EXPECT_EQ(reading.config.spool.max_bytes, 2097152U);
  EXPECT_TRUE(reading.config.metrics.enabled);
  EXPECT_EQ(reading.config.capture.max_flows, 77U);
}

TEST_F(ConfigFile, EveryKeyRefusesWhatItCannotUse) {
  for (const Key& key : config_keys()) {
    Config config;
    EXPECT_NE(key.set(config, Value(-1.5)), "") << key.name;
    EXPECT_EQ(config, Config{}) << key.name;
  }
}

TEST_F(ConfigFile, AllFaultsAreNamedAtOnceWithTheirLines) {
  EXPECT_THAT(
      faults(R"(window = "10 days"
[log]
level = "inof"
[capture]
max_flow = 1
max_sockets = 1
[spoool]
directory = "/x"
[spool]
directory = "relative"
max_bytes = [1]
[uplink]
target = "198.51.100.1:4319"
insecure = true
key_file = "/dev/null"
token_file = "/nowhere/token"
[metrics]
listen = "somewhere"
)",
             {{"IRIS_LOG_FORMAT", "txt"}}),
      ::testing::UnorderedElementsAre(
          HasSubstr("1 window wants a time"),
          "3 log.level wants one of trace, debug, info, warning, error, critical, off; did you mean 'info'?",
          "5 unknown key 'capture.max_flow'; did you mean 'capture.max_flows'?",
          HasSubstr("6 capture.max_sockets is out of range"), "7 unknown section 'spoool'; did you mean 'spool'?",
          HasSubstr("10 spool.directory 'relative' is not an absolute path"), "11 spool.max_bytes wants a single value",
          HasSubstr("14 uplink.insecure is for"), HasSubstr("15 uplink.key_file needs uplink.certificate_file"),
          HasSubstr("16 uplink.token_file '/nowhere/token' cannot be read"),
          HasSubstr("18 metrics.listen 'somewhere' is not"), HasSubstr("IRIS_LOG_FORMAT wants one of auto, text")));
}

TEST_F(ConfigFile, AnUplinkNeedsATargetAndACredential) {
  EXPECT_THAT(faults("[uplink]\ninsecure = true\n"), ElementsAre(HasSubstr("uplink.target is missing")));
  EXPECT_THAT(faults("[uplink]\ntarget = \"unix:/x\"\n"), ElementsAre(HasSubstr("2 uplink.target needs uplink.token_file")));
  EXPECT_THAT(faults("[uplink]\ntarget = \"nonsense\"\ntoken_file = \"/dev/null\"\n"), ElementsAre(HasSubstr("2 uplink.target:")));
}

TEST_F(ConfigFile, WhatIsNoTomlIsNamedWithItsLine) {
  EXPECT_THAT(faults("window = 1\n[log\n"), ElementsAre(::testing::StartsWith("2 ")));
}

TEST_F(ConfigFile, AMissingFileIsAFaultOnlyWhenItWasNamed) {
  EXPECT_EQ(read_config("/nowhere/irisd.toml", true, {}).faults.size(), 1U);
  EXPECT_THAT(read_config("/nowhere/irisd.toml", false, {}).faults, IsEmpty());
}

TEST_F(ConfigFile, AVariableThatLooksLikeOursIsAWarning) {
  const auto reading = read("", {{"IRIS_WINDOWS", "5"}, {"IRIS_SOCKET", "/x"}});
  EXPECT_THAT(reading.faults, IsEmpty());
  ASSERT_EQ(reading.warnings.size(), 1U);
  EXPECT_EQ(reading.warnings[0].message, "is no variable of irisd; did you mean 'IRIS_WINDOW'?");
}

TEST_F(ConfigFile, MappingAndTranslationAreTables) {
  const auto reading = read(R"(
[identity]
device_id = "gateway-7"
neighbours = false
[identity.mapping]
"boiler-3" = "Boiler3"
"mac:00:1b:44:11:3a:b7" = "thermostat"
[[translation]]
module = "acme/bacnet*"
path = "/devices/*"
id = "name"
address = "network/host"
protocol = "udp"
default_port = 47808
)");
  EXPECT_THAT(reading.faults, IsEmpty());
  const auto& identity = reading.config.identity;
  EXPECT_EQ(identity.device_id, "gateway-7");
  EXPECT_FALSE(identity.neighbours);
  EXPECT_EQ(identity.mapping, (std::map<std::string, std::string>{{"boiler-3", "Boiler3"}, {"mac:00:1b:44:11:3a:b7", "thermostat"}}));
  ASSERT_EQ(identity.translation.size(), 1U);
  EXPECT_EQ(identity.translation[0].address, "network/host");
  EXPECT_EQ(identity.translation[0].protocol, 17);
  EXPECT_EQ(identity.translation[0].default_port, 47808);
}

TEST_F(ConfigFile, FaultsInTablesAreAllNamed) {
  const auto reading = read(R"([identity.mapping]
a = 1
[[translation]]
module = "x"
adress = "host"
default_port = 70000
protocol = "sctp"
[[translation]]
path = "/x"
)");
  std::string all;
  for (const auto& fault : reading.faults) all += fault.where.substr(fault.where.rfind(':')) + " " + fault.message + "\n";
  for (const char* part : {":2 identity.mapping.a wants", ":5 unknown key 'translation.adress'; did you mean 'address'?",
                           ":6 translation.default_port wants a port", ":7 translation.protocol wants"}) {
    EXPECT_THAT(all, HasSubstr(part));
  }
  EXPECT_EQ(reading.faults.size(), 6U) << all;  // the first row has no address, the second no module
}

TEST_F(ConfigFile, TheExampleSaysTheDefaults) {
  std::ifstream example(IRIS_EXAMPLE_CONFIG);
  std::string text;
  for (std::string line; std::getline(example, line);) {
    const bool key = line.starts_with("# ") && line.find(" = ") != std::string::npos;
    text += (key ? line.substr(2) : line) + "\n";
  }
  const auto uplink = text.find("[uplink]");  // examples, not defaults
  const auto local = text.find("[local]");
  ASSERT_NE(uplink, std::string::npos);
  ASSERT_NE(local, std::string::npos);
  const auto registries = text.find("[iot_hub]");  // the same
  const auto metrics = text.find("[metrics]");
  ASSERT_NE(registries, std::string::npos);
  ASSERT_NE(metrics, std::string::npos);
  const auto reading = read(text.substr(0, uplink) + text.substr(local, registries - local) + text.substr(metrics));
  EXPECT_THAT(reading.faults, IsEmpty());
  EXPECT_EQ(reading.config, Config{});
  for (const Key& key : config_keys()) {
    EXPECT_THAT(text, HasSubstr("\n" + key.name.substr(key.name.rfind('.') + 1) + " = ")) << key.name;
  }
}

}  // namespace
}  // namespace iris::agent
