// SPDX-License-Identifier: Apache-2.0
#include "collector_program/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_directory.h"

namespace iris::collector {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kDay = 86'400ULL * 1'000'000'000;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigReading read(const std::string& toml, const Environment& environment = {}, const Flags& flags = {}) {
    return read_config(directory_.write("c.toml", toml), true, environment, flags);
  }
  TemporaryDirectory directory_;
};

TEST_F(ConfigTest, DefaultsNeedNoFile) {
  const auto reading = read_config(directory_.path() / "none.toml", false, {}, {});
  EXPECT_TRUE(reading.faults.empty());
  EXPECT_EQ(reading.config.listen, "0.0.0.0:4319");
  EXPECT_EQ(reading.config.http, "127.0.0.1:8319");
  EXPECT_EQ(reading.config.store, "sqlite:/var/lib/iris-collector/collector.db");
  EXPECT_EQ(reading.config.retention.raw_ns, 7 * kDay);
}

TEST_F(ConfigTest, AFileThatWasAskedForMustBeThere) {
  const auto reading = read_config(directory_.path() / "none.toml", true, {}, {});
  ASSERT_EQ(reading.faults.size(), 1U);
  EXPECT_THAT(reading.faults[0].message, HasSubstr("cannot be read"));
}

TEST_F(ConfigTest, TheExampleHoldsTheDefaults) {
  std::string example = content_of(IRIS_EXAMPLE);
  for (std::size_t at = 0; (at = example.find("\n# ", at)) != std::string::npos;) {
    // What is commented out is the default: make it effective, and leave the prose.
    const auto end = example.find('\n', at + 1);
    const auto line = example.substr(at + 3, end - at - 3);
    const auto equals = line.find(" = ");
    if (equals != std::string::npos && line.find(' ') == equals) example.erase(at + 1, 2);
    ++at;
  }
  const auto given = read(example);
  for (const auto& fault : given.faults) ADD_FAILURE() << fault.where << ": " << fault.message;
  const auto defaults = read("");
  EXPECT_EQ(given.config.listen, defaults.config.listen);
  EXPECT_EQ(given.config.http, defaults.config.http);
  EXPECT_EQ(given.config.data_directory, defaults.config.data_directory);
  EXPECT_EQ(given.config.store, defaults.config.store);
  EXPECT_EQ(given.config.insecure, defaults.config.insecure);
  EXPECT_EQ(given.config.retention.raw_ns, defaults.config.retention.raw_ns);
  EXPECT_EQ(given.config.retention.hourly_ns, defaults.config.retention.hourly_ns);
  EXPECT_EQ(given.config.retention.daily_ns, defaults.config.retention.daily_ns);
  EXPECT_EQ(given.config.log_level, defaults.config.log_level);
  EXPECT_EQ(given.config.notify.syslog_format, defaults.config.notify.syslog_format);
  EXPECT_EQ(given.config.notify.syslog_facility, defaults.config.notify.syslog_facility);
  EXPECT_EQ(given.config.notify.webhook_min_severity, defaults.config.notify.webhook_min_severity);
  EXPECT_EQ(given.config.notify.syslog_min_severity, defaults.config.notify.syslog_min_severity);
  EXPECT_EQ(given.config.notify.file_min_severity, defaults.config.notify.file_min_severity);
  // Of these there is no default but "off": the example shows each.
  EXPECT_EQ(given.config.notify.webhook_url, "https://hooks.example.net/iris");
  EXPECT_EQ(given.config.notify.syslog_target, "tls://siem.example.net:6514");
  EXPECT_EQ(given.config.notify.file_path, "/var/lib/iris-collector/alerts.jsonl");
  EXPECT_EQ(defaults.config.notify.webhook_url + defaults.config.notify.syslog_target + defaults.config.notify.file_path, "");
}

TEST_F(ConfigTest, FlagsGoBeforeTheEnvironmentAndThatBeforeTheFile) {
  const std::string file = "listen = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:2\"\ndata_dir = \"/a\"\n[retention]\nraw_days = 3\n";
  const auto reading = read(file, {{"IRIS_COLLECTOR_HTTP", "127.0.0.1:3"}, {"IRIS_COLLECTOR_DATA_DIR", "/b"}},
                            {{"data_dir", "/c"}});
  EXPECT_TRUE(reading.faults.empty());
  EXPECT_EQ(reading.config.listen, "127.0.0.1:1");
  EXPECT_EQ(reading.config.http, "127.0.0.1:3");
  EXPECT_EQ(reading.config.data_directory, "/c");
  EXPECT_EQ(reading.config.store, "sqlite:/c/collector.db");
  EXPECT_EQ(reading.config.retention.raw_ns, 3 * kDay);
}

TEST_F(ConfigTest, EveryKeyHasAVariable) {
  const auto reading = read("", {{"IRIS_COLLECTOR_LISTEN", "unix:/run/x.sock"},
                                 {"IRIS_COLLECTOR_STORE", "sqlite:/d/e.db"},
                                 {"IRIS_COLLECTOR_TLS_INSECURE", "true"},
                                 {"IRIS_COLLECTOR_RETENTION_HOURLY_DAYS", "30"},
                                 {"IRIS_COLLECTOR_RETENTION_DAILY_DAYS", "400"},
                                 {"IRIS_COLLECTOR_WEBHOOK_URL", "https://hooks.example.net/"},
                                 {"IRIS_COLLECTOR_WEBHOOK_TOKEN_FILE", "/run/token"},
                                 {"IRIS_COLLECTOR_SYSLOG_TARGET", "udp://127.0.0.1:514"},
                                 {"IRIS_COLLECTOR_SYSLOG_MIN_SEVERITY", "5"},
                                 {"IRIS_COLLECTOR_ALERT_FILE_PATH", "/a.jsonl"},
                                 {"IRIS_COLLECTOR_LOG_LEVEL", "debug"}});
  EXPECT_TRUE(reading.faults.empty());
  EXPECT_TRUE(reading.warnings.empty());
  EXPECT_EQ(reading.config.store, "sqlite:/d/e.db");
  EXPECT_TRUE(reading.config.insecure);
  EXPECT_EQ(reading.config.retention.daily_ns, 400 * kDay);
  EXPECT_EQ(reading.config.log_level, "debug");
  EXPECT_EQ(reading.config.notify.webhook_token_file, "/run/token");
  EXPECT_EQ(reading.config.notify.syslog_target, "udp://127.0.0.1:514");
  EXPECT_EQ(reading.config.notify.syslog_min_severity, 5);
  EXPECT_EQ(reading.config.notify.file_path, "/a.jsonl");
}

TEST_F(ConfigTest, EachFaultIsNamedWithItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"listen = 4319", "text in quotes"},
      {"listen = \"nowhere\"", "host:port"},
      {"http = \"unix:/x\"", "not a unix socket"},
      {"data_dir = \"relative\"", "absolute"},
      {"store = \"postgresql://x\"", "sqlite:"},
      {"store = \"sqlite:relative.db\"", "absolute"},
      {"colour = 1", "unknown key 'colour'"},
      {"[colours]\nred = 1", "unknown key 'colours'"},
      {"[tls]\nred = 1", "unknown key 'tls.red'"},
      {"tls = 1", "unknown key 'tls'"},
      {"listen = { a = 1 }", "text in quotes"},
      {"listen = [\"127.0.0.1:1\"]", "text in quotes"},
      {"[tls]\ncertificate = \"/x\"", "go together"},
      {"[tls]\nkey = \"/x\"", "go together"},
      {"[tls]\ninsecure = \"true\"", "true or false"},
      {"[tls]\ninsecure = true", "loopback"},
      {"listen = \"127.0.0.1:1\"\n[tls]\ninsecure = true\ncertificate = \"/x\"\nkey = \"/y\"", "no use"},
      {"listen = \"localhost:1\"\n[tls]\ninsecure = true", "loopback"},
      {"[retention]\nraw_days = 0", "from 1 to"},
      {"[retention]\nraw_days = -1", "from 1 to"},
      {"[retention]\nraw_days = 1.5", "whole number"},
      {"[retention]\nraw_days = 36501", "from 1 to"},
      {"[retention]\nraw_days = 100", "must not be above"},
      {"[log]\nlevel = \"loud\"", "trace, debug"},
      {"[webhook]\nurl = \"http://hooks.example.net/\"", "webhook.url: wants https"},
      {"[webhook]\nurl = \"https://user:word@hooks.example.net/\"", "webhook.token_file"},
      {"[webhook]\ntoken_file = \"/x\"", "no use without webhook.url"},
      {"[webhook]\nmin_severity = 6", "from 1"},
      {"[webhook]\nmin_severity = \"high\"", "whole number"},
      {"[webhook]\ntoken = \"x\"", "unknown key 'webhook.token'"},
      {"[syslog]\ntarget = \"siem:514\"", "udp://host:port"},
      {"[syslog]\nfacility = \"local9\"", "by name"},
      {"[syslog]\ntarget = \"tls://siem:6514\"\nframing = \"newline\"", "counts octets"},
      {"[alert_file]\npath = \"a.jsonl\"", "absolute"},
      {"listen = ", "c.toml:1"},
      {"a = 1\na = 2", "c.toml:2"},
  };
  for (const auto& [toml, words] : cases) {
    const auto reading = read(toml);
    ASSERT_FALSE(reading.faults.empty()) << toml;
    const auto& fault = reading.faults[0];
    EXPECT_THAT(fault.where + ": " + fault.message, HasSubstr(words)) << toml;
    EXPECT_THAT(fault.where, HasSubstr("c.toml:")) << toml;
  }
}

TEST_F(ConfigTest, FaultsAreAllToldAtOnceWhereverTheyAre) {
  const auto reading = read("x = 1\nlisten = 5\n[webhook]\nurl = \"http://a.example/\"\n[syslog]\ntarget = \"x\"\n", {{"IRIS_COLLECTOR_HTTP", "bad"}, {"IRIS_COLLECTOR_RETENTION_RAW_DAYS", "x"}},
                            {{"tls.client_ca", "relative"}});
  ASSERT_EQ(reading.faults.size(), 7U);
  EXPECT_EQ(reading.faults[2].where, "IRIS_COLLECTOR_HTTP");
  EXPECT_EQ(reading.faults[4].where, "--client-ca");
  EXPECT_THAT(reading.faults[5].where, HasSubstr("c.toml:4"));
  EXPECT_THAT(reading.faults[6].where, HasSubstr("c.toml:6"));
}

TEST_F(ConfigTest, ForeignVariablesAreAWarningOnly) {
  // Kubernetes makes such ones for a service of that name.
  const auto reading = read("", {{"IRIS_COLLECTOR_SERVICE_HOST", "10.0.0.1"}, {"IRIS_COLLECTOR_CONFIG", "/x"}});
  EXPECT_TRUE(reading.faults.empty());
  ASSERT_EQ(reading.warnings.size(), 1U);
  EXPECT_EQ(reading.warnings[0].where, "IRIS_COLLECTOR_SERVICE_HOST");
}

}  // namespace
}  // namespace iris::collector
