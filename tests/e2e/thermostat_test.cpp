// SPDX-License-Identifier: Apache-2.0
// IoT Hub refuses a thermostat, and says so in the logs that it streams to an event hub:
// what the collector has of it, once and with what the device is, whatever happens to
// irisd and to the hubs meanwhile.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/rfc3339.h"
#include "emulators/event_hub/emulator.h"
#include "identity_fixture.h"

namespace iris::test {
namespace {

using event_hub_emulator::Seen;
using iot_hub_emulator::Hub;
using ::testing::HasSubstr;

constexpr const char* kEventHost = "iris-ns.servicebus.windows.net";
constexpr const char* kScope = "ms-azure-iot-edge://gw1-638000000000000000";

Hub plant(const std::string& owner = "facility-2") {
  Hub hub;
  hub.put_device({{"deviceId", "gw1"}, {"capabilities", {{"iotEdge", true}}}, {"deviceScope", kScope}});
  hub.put_device({{"deviceId", "thermostat"},
                  {"deviceScope", kScope},
                  {"parentScopes", {kScope}},
                  {"tags", {{"site", "plant-a"}, {"owner", owner}}},
                  {"properties", {{"desired", {{"celsius", 21}}}, {"reported", {{"firmware", "1.2.3"}}}}}});
  hub.put_device({{"deviceId", "camera"}, {"deviceScope", kScope}, {"parentScopes", {kScope}}});
  return hub;
}

class Thermostat : public IdentityTest {
 protected:
  void SetUp() override {
    IdentityTest::SetUp();
    const auto issued = authority_.issue(kEventHost, std::string("DNS:") + kEventHost);
    event_hub_emulator::Options options;
    options.policies = {{"listen", {kKey, true}}};
    options.certificate_file = write("event-hub.crt", issued.certificate);
    options.key_file = write("event-hub.key", issued.key);
    event_hub_ = std::make_unique<event_hub_emulator::Emulator>(std::move(options));
    start_iot_hub(plant());
    set("IRIS_IDENTITY_DEVICE_ID", "gw1");
    set("IRIS_IDENTITY_NEIGHBOURS", "false");  // of the machine that runs the test
    set("IRIS_EVENT_HUB_ADDRESS", "127.0.0.1:" + std::to_string(event_hub_->tls_port()));
    set("IRIS_EVENT_HUB_CA_FILE", path("ca.pem"));
    set("IRIS_EVENT_HUB_START", "earliest");
  }
  static std::string event_hub_connection(const std::string& key = kKey) {
    return std::string("Endpoint=sb://") + kEventHost + "/;SharedAccessKeyName=listen;SharedAccessKey=" + key +
           ";EntityPath=insights-logs";
  }
  /// As the documents say: from the environment.
  void name_hubs_by_variables() {
    set("AZURE_IOT_HUB_CONNECTION_STRING", iot_hub_connection());
    set("AZURE_EVENT_HUB_CONNECTION_STRING", event_hub_connection());
  }

  /// A connect of `device`, `ago` before now; refused with `code` when there is one.
  void log_connect(const std::string& device, std::chrono::seconds ago, const std::string& code = {},
                   const std::string& description = {}) {
    const Json properties{{"deviceId", device}, {"protocol", "Mqtt"}, {"authType", nullptr}, {"maskedIpAddress", "203.0.113.XXX"},
                          {"statusCode", code.empty() ? Json() : Json(code.substr(0, 3))}};
    Json record{{"time", base::format_rfc3339(wall_now() - static_cast<std::uint64_t>(ago.count()) * 1'000'000'000)},
                {"resourceId", "/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000001/RESOURCEGROUPS/PLANT-A/PROVIDERS/"
                               "MICROSOFT.DEVICES/IOTHUBS/IRIS-HUB"},
                {"operationName", "deviceConnect"},
                {"category", "Connections"},
                {"level", code.empty() ? "Information" : "Error"},
                {"properties", properties.dump()},
                {"location", "westeurope"}};
    if (!code.empty()) record["resultType"] = code;
    if (!description.empty()) record["resultDescription"] = description;
    event_hub_->inject("0", Json{{"records", {record}}}.dump());
  }
  void refuse_thermostat() { log_connect("thermostat", std::chrono::seconds(180), "401003", "IoTHubUnauthorized"); }
  /// Another device connects, now: so the thermostat has not come back with a new token.
  void let_time_pass_in_the_logs() { log_connect("camera", std::chrono::seconds(0)); }
  /// Not held back for an explanation as a 401003 is.
  void report_disabled(const std::string& mark) { log_connect("camera", std::chrono::seconds(0), "403012", mark); }

  std::vector<Json> security_events(const std::string& mark = {}) const {
    std::vector<Json> found;
    const Json answer = get("/api/v1/security_events?limit=1000");
    for (const auto& event : answer.at("security_events")) {
      if (event.at("description").get<std::string>().find(mark) != std::string::npos) found.push_back(event);
    }
    return found;
  }
  /// As `iris-trace alerts --json` prints them.
  std::vector<Json> alerts_at_the_gateway() const {
    Child trace({IRIS_TRACE_PATH, "alerts", "--json", "--socket", agent_socket()}, Place{});
    if (trace.wait() != 0) throw std::runtime_error(trace.err());
    return parse_lines(trace.out());
  }
  Json wait_for_alert(const std::string& alert_class) {
    Json found;
    wait("an alert at the gateway: " + alert_class, [&] {
      for (const auto& alert : alerts_at_the_gateway()) {
        if (alert.at("class") == alert_class) found = alert;
      }
      return found.is_object();
    });
    return found;
  }
  void wait_for_events(const std::string& mark, std::size_t count = 1) {
    wait("security events " + mark, [&] { return security_events(mark).size() >= count; });
  }
  void wait_until_seen(const std::string& what, const std::function<bool(const Seen&)>& holds) {
    if (!event_hub_->wait(holds, std::chrono::seconds(60))) throw std::runtime_error(what + " was not seen\n" + agent_->words());
  }

  std::unique_ptr<event_hub_emulator::Emulator> event_hub_;
};

TEST_F(Thermostat, ThatIsRefusedIsReportedOnceWithWhatItIsThoughIrisdIsKilled) {
  name_hubs_by_variables();
  make_agent();
  agent_->start();
  wait_for_device("thermostat");

  refuse_thermostat();
  wait_until_seen("the event", [](const Seen& seen) { return seen.sent >= 1; });
  // It is held for an explanation; a position behind it would be kept by now.
  std::this_thread::sleep_for(milliseconds(4'000));
  EXPECT_TRUE(security_events().empty());
  agent_->kill();
  agent_->start();
  wait_until_seen("the event, read anew", [](const Seen& seen) { return seen.sent >= 2; });
  let_time_pass_in_the_logs();
  wait_for_events("IoTHubUnauthorized");

  const Json event = security_events("IoTHubUnauthorized").front();
  EXPECT_EQ(event.at("reason"), "unauthorized") << event;
  EXPECT_EQ(event.at("severity"), 3);
  EXPECT_EQ(event.at("device_id"), "thermostat");
  EXPECT_EQ(event.at("code"), "401003");
  EXPECT_EQ(event.at("category"), "Connections");
  EXPECT_EQ(event.at("operation"), "deviceConnect");
  EXPECT_EQ(event.at("protocol"), "Mqtt");
  EXPECT_EQ(event.at("remote_address"), "203.0.113.XXX");
  EXPECT_EQ(event.at("hub"), "iris-hub");
  EXPECT_EQ(event.at("gateway"), "gateway");
  ASSERT_TRUE(event.at("device").is_object()) << event;
  EXPECT_EQ(event.at("device").at("id"), "thermostat");
  EXPECT_EQ(event.at("device").at("tags"), (Json{{"site", "plant-a"}, {"owner", "facility-2"}}));
  EXPECT_EQ(event.at("device").at("configuration").at("desired").at("celsius"), 21);
  EXPECT_EQ(event.at("device").at("configuration").at("reported").at("firmware"), "1.2.3");

  // The collector judges it, and the gateway hears of it: the same, with the device's tags.
  const Json alert = wait_for_alert("unauthorized_access");
  EXPECT_EQ(alert.at("type"), "alert");
  EXPECT_EQ(alert.at("gateway"), "gateway");
  EXPECT_EQ(alert.at("device").at("id"), "thermostat") << alert;
  EXPECT_EQ(alert.at("device").at("tags").at("site"), "plant-a") << alert;
  EXPECT_EQ(alert.at("rule"), "unauthorized_device");
  EXPECT_EQ(alert.at("status"), "open");

  // Nor does it come again from the events that were read already.
  agent_->kill();
  agent_->start();
  report_disabled("marker");
  wait_for_events("marker");
  EXPECT_EQ(security_events("IoTHubUnauthorized").size(), 1U);
  EXPECT_EQ(security_events().size(), 2U);
  // irisd keeps no alerts; the collector tells a new stream of the last day's.
  EXPECT_EQ(wait_for_alert("unauthorized_access").at("id"), alert.at("id"));
  EXPECT_EQ(agent_->stop(), 0) << agent_->words();
}

TEST_F(Thermostat, WheneverIrisdAndCollectorAreKilledEachRecordArrivesOnce) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  name_hubs_by_variables();
  make_agent();
  agent_->start();
  const int rounds = std::getenv("IRIS_LONG") != nullptr ? 40 : 4;
  int reported = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 5; ++i) report_disabled("record " + std::to_string(++reported) + ".");
    std::this_thread::sleep_for(milliseconds(random() % 3'000));
    if (round % 2 == 1) collector_->kill();
    std::this_thread::sleep_for(milliseconds(random() % 1'500));
    agent_->kill();
    if (!collector_->runs()) collector_->start();
    agent_->start();
  }
  report_disabled("the last");
  wait_for_events("the last");
  for (int i = 1; i <= reported; ++i) EXPECT_EQ(security_events("record " + std::to_string(i) + ".").size(), 1U) << i << " seed " << seed;
  EXPECT_EQ(security_events().size(), static_cast<std::size_t>(reported) + 1);
  EXPECT_EQ(agent_->stop(), 0) << agent_->words();
}

TEST_F(Thermostat, HubsThatComeBackAndKeysThatChangeInTheirFilesNeedNoRestart) {
  set("IRIS_IOT_HUB_CONNECTION_STRING_FILE", write("iot-hub.connection", iot_hub_connection() + "\n"));
  set("IRIS_EVENT_HUB_CONNECTION_STRING_FILE", write("event-hub.connection", event_hub_connection() + "\n"));
  make_agent();
  stop_iot_hub();
  event_hub_->set_silent(true);
  agent_->start();
  agent_->wait_for("iot_hub: ");  // that it cannot be reached
  wait_until_seen("a try", [](const Seen& seen) { return seen.connections >= 1; });
  report_disabled("while silent");
  EXPECT_TRUE(device("thermostat").is_null());

  start_iot_hub(plant());
  event_hub_->set_silent(false);
  wait_for_device("thermostat");
  wait_for_events("while silent");

  // Both hubs get other keys. irisd asks IoT Hub every few minutes, so it does not know yet.
  start_iot_hub(plant("facility-3"), kOtherKey);
  event_hub_->set_key("listen", kOtherKey);
  event_hub_->cut_connections();
  agent_->wait_for("refused by the service", milliseconds(60'000));
  report_disabled("behind the other key");
  write("iot-hub.connection", iot_hub_connection(kOtherKey) + "\n");
  write("event-hub.connection", event_hub_connection(kOtherKey) + "\n");
  agent_->signal(SIGHUP);
  wait_for_events("behind the other key");
  wait_for_device("thermostat", [](const Json& found) { return found.at("tags").at("owner") == "facility-3"; });

  EXPECT_EQ(security_events().size(), 2U);
  EXPECT_TRUE(agent_->runs());
  EXPECT_EQ(agent_->stop(), 0) << agent_->words();
}

}  // namespace
}  // namespace iris::test
