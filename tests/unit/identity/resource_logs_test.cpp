// SPDX-License-Identifier: Apache-2.0
#include "identity/resource_logs.h"

#include <gmock/gmock.h>

#include "documents.h"
#include "identity/json.h"

namespace iris::identity {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum flow::SecurityReason;

constexpr std::uint64_t kTime = 1'893'553'445'000'000'000;  // 2030-01-02T03:04:05Z

/// A record of the hub with these members added or replaced.
Json record(const Json& changes) {
  Json out{{"time", "2030-01-02T03:04:05Z"}, {"resourceId", documents::kHubPath}, {"operationName", "deviceConnect"}, {"category", "Connections"}, {"level", "Error"}};
  out.update(changes);
  return out;
}

LogReading read(const Json& one) { return read_log_event(Json{{"records", {one}}}.dump(), kTime); }

flow::SecurityRecord security(const Json& changes) {
  const LogReading reading = read(record(changes));
  if (reading.records.size() == 1) return reading.records[0];
  ADD_FAILURE() << "not taken: " << changes;
  return {};
}

TEST(ResourceLogs, ARejectedConnection) {
  const LogReading reading = read_log_event(documents::kRejectedEvent, 0);
  ASSERT_THAT(reading.records, SizeIs(1));
  const auto& one = reading.records[0];
  EXPECT_EQ(one.wall_ns, kTime);
  EXPECT_EQ(one.reason, unauthorized);
  EXPECT_EQ(one.severity, 3);
  EXPECT_EQ(one.device_id, "thermostat");
  EXPECT_EQ(one.category, "Connections");
  EXPECT_EQ(one.operation, "deviceConnect");
  EXPECT_EQ(one.code, "401003");
  EXPECT_EQ(one.protocol, "Mqtt");
  EXPECT_EQ(one.remote_address, "203.0.113.XXX");
  EXPECT_EQ(one.hub, "iris-hub");
  EXPECT_EQ(one.description, "IoTHubUnauthorized; (removed); authentication sas");
  EXPECT_EQ(one.device, "");
}

TEST(ResourceLogs, EveryEnvelope) {
  const Json one = record({{"resultType", "401003"}});
  for (const Json& body : {Json{{"records", {one, one}}}, Json::array({one, one})}) EXPECT_THAT(read_log_event(body.dump(), kTime).records, SizeIs(2));
  EXPECT_THAT(read_log_event(one.dump(), kTime).records, SizeIs(1));
  EXPECT_THAT(read_log_event(Json{{"Records", one}}.dump(), kTime).records, SizeIs(1));
  const LogReading old = read_log_event(R"({"time":"2030-01-02T03:04:05","operationName":"deviceConnect","category":"Connections","level":"Error","statusCode":401,
     "statusType":401003,"statusDescription":"MQTT sub-code: 'Unauthorized'","deviceId":"d1","protocol":"Mqtt","authType":"{\"scope\":\"device\",\"type\":\"x509\"}","durationMs":5})", kTime);
  ASSERT_THAT(old.records, SizeIs(1));
  EXPECT_EQ(old.records[0].code, "401003");
  EXPECT_EQ(old.records[0].device_id, "d1");
  EXPECT_EQ(old.records[0].hub, "");
  EXPECT_EQ(old.records[0].description, "MQTT sub-code: 'Unauthorized'; authentication x509");
}

TEST(ResourceLogs, PropertiesInAnyForm) {
  const Json properties{{"deviceId", "d1"}, {"moduleId", "m1"}, {"protocol", "Amqp"}};
  for (const Json& form : {properties, Json(properties.dump()), Json(" " + properties.dump())}) {
    const auto one = security({{"resultType", "401003"}, {"properties", form}});
    EXPECT_EQ(one.device_id, "d1") << form;
    EXPECT_EQ(one.module_id, "m1");
    EXPECT_EQ(one.protocol, "Amqp");
  }
  const auto broken = security({{"resultType", "401003"}, {"properties", R"({"deviceId":"d1","protocol":"Mqtt","x")"}});
  EXPECT_EQ(broken.device_id, "d1");
  EXPECT_THAT(broken.description, HasSubstr(R"("protocol":"Mqtt")")) << "the raw text is kept";
  EXPECT_EQ(security({{"resultType", 401003}, {"properties", nullptr}}).code, "401003");
  EXPECT_EQ(security({{"resultType", "401003"}, {"properties", 7}}).device_id, "");
}

TEST(ResourceLogs, DeviceIdInATextAlone) {
  const auto id = [](const char* description) { return security({{"resultType", "404001"}, {"resultDescription", description}}).device_id; };
  EXPECT_EQ(id("DeviceNotFound: device 'x 1' or so, deviceId: therm-2."), "therm-2");
  EXPECT_EQ(id("no such device 'x1'"), "x1");
  EXPECT_EQ(id("DeviceId=a,b.c, x"), "a");
  EXPECT_EQ(id("Device Id: \"$odd'(1)\" is unknown"), "$odd'(1)");
  EXPECT_EQ(id("the device connected"), "");
  EXPECT_EQ(id("device"), "");
  EXPECT_EQ(id("deviceId="), "");
}

TEST(ResourceLogs, IdsKeepEveryAllowedCharacter) {
  const std::string id = "token=-.+%_#*?!(),@$'";
  EXPECT_EQ(security({{"resultType", "401003"}, {"properties", {{"deviceId", id}}}}).device_id, id);
  EXPECT_EQ(security({{"resultType", "401003"}, {"properties", {{"deviceId", "a/b\n"}}}}).device_id, "");
}

TEST(ResourceLogs, Classes) {
  const auto expect = [](const char* code, flow::SecurityReason reason, int severity) {
    const auto one = security({{"resultType", code}});
    EXPECT_EQ(one.reason, reason) << code;
    EXPECT_EQ(one.severity, severity) << code;
    EXPECT_EQ(one.code, code);
  };
  for (const char* code : {"401000", "401001", "401002", "401003", "401999"}) expect(code, unauthorized, 3);
  expect("401100", privilege_violation, 4);
  for (const char* code : {"403000", "403001", "403999"}) expect(code, forbidden, 3);
  for (const char* code : {"403011", "403012"}) expect(code, disabled, 3);
  for (const char* code : {"403002", "403004", "403006"}) expect(code, exhausted, 2);
  expect("403005", exhausted, 3);
  for (const char* code : {"404001", "404010"}) expect(code, unknown_identity, 3);
  for (const char* code : {"400027", "409002"}) expect(code, duplicate_identity, 3);
  for (const char* code : {"409001", "409301"}) expect(code, registration_conflict, 3);
  for (const char* code : {"429000", "429001", "429005"}) expect(code, throttled, 2);
  for (const char* code : {"404104", "404103", "400001", "500001", "409000", "412002"}) EXPECT_THAT(read(record({{"resultType", code}})).records, IsEmpty()) << code;
}

TEST(ResourceLogs, StatusCodeAlone) {
  const auto with_status = [](const Json& status) { return Json{{"properties", {{"statusCode", status}}}}; };
  EXPECT_EQ(security(with_status("401")).reason, unauthorized);
  EXPECT_EQ(security(with_status(403)).reason, forbidden);
  EXPECT_EQ(security(with_status(429)).reason, throttled);
  EXPECT_EQ(security(with_status("404")).reason, unknown_identity);
  EXPECT_EQ(security(with_status("400")).reason, connection_refused);
  Json method = with_status("404");
  method["category"] = "DirectMethods";
  method["operationName"] = "send";
  EXPECT_THAT(read(record(method)).records, IsEmpty()) << "a device that is offline";
  EXPECT_THAT(read(record(with_status(nullptr))).records, IsEmpty());
  EXPECT_THAT(read(record(with_status("500"))).records, IsEmpty());
}

TEST(ResourceLogs, NamesAndTexts) {
  const auto expect = [](const char* description, flow::SecurityReason reason, const char* code) {
    const auto one = security({{"resultDescription", description}});
    EXPECT_EQ(one.reason, reason) << description;
    EXPECT_EQ(one.code, code) << description;
  };
  expect("IoTHubUnauthorized", unauthorized, "401003");
  expect("IotHubUnauthorized", unauthorized, "401003");
  expect("devicedisabled", disabled, "403012");
  expect("Authorization rule 'x' does not allow access for operation y", unauthorized, "401002");
  expect("Thumbprint does not match the configured ones", unauthorized, "401003");
  expect("The registry does not contain the specified device", unknown_identity, "404001");
  expect("Principal p is not authorized for x", unauthorized, "401002");
  expect("{\"Message\":\"ErrorCode:IotHubUnauthorizedAccess;Unauthorized\"}", unauthorized, "401002");
  EXPECT_THAT(read(record({{"level", "Information"}, {"resultDescription", "Authentication failed"}, {"operationName", "x"}})).records, IsEmpty()) << "a success";
  EXPECT_THAT(read(record({{"resultDescription", "The sky is blue"}})).records, IsEmpty());
  EXPECT_EQ(security({{"resultType", "IotHubUnauthorized"}}).code, "401003") << "a name in the place of the code";
  EXPECT_EQ(security({{"properties", {{"statusCode", "401"}, {"errorMessage", "LinkCreationConflict"}}}}).reason, duplicate_identity) << "the name says more than three digits";
}

TEST(ResourceLogs, CountsWhatItDoesNotTake) {
  LogReading reading = read_log_event(
      Json{{"records",
            {record({{"resultType", "401003"}}), record({{"level", "Information"}, {"properties", R"({"deviceId":"d1"})"}}), record({{"resultType", "404104"}}),
             record({{"resourceId", "/SUBSCRIPTIONS/0/PROVIDERS/MICROSOFT.DEVICES/PROVISIONINGSERVICES/X"}, {"resultType", "401003"}}),
             Json{{"metricName", "connectedDeviceCount"}, {"resourceId", documents::kHubPath}}, Json{{"x", 1}}, 7, nullptr}}}
          .dump(),
      kTime);
  EXPECT_EQ(reading.counts.records, 8U);
  EXPECT_EQ(reading.counts.security, 1U);
  EXPECT_EQ(reading.counts.connects, 1U);
  EXPECT_EQ(reading.counts.not_relevant, 1U);
  EXPECT_EQ(reading.counts.not_iot_hub, 2U);
  EXPECT_EQ(reading.counts.metrics, 1U);
  EXPECT_EQ(reading.counts.broken, 2U);
  for (const char* broken : {"", "x", "7", R"({"records":7})", R"({"records":[)"}) {
    reading = read_log_event(broken, kTime);
    EXPECT_EQ(reading.counts.broken, 1U) << broken;
    EXPECT_EQ(reading.counts.records, 1U) << broken;
  }
}

TEST(ResourceLogs, Connects) {
  const LogReading reading = read(record({{"level", "Information"}, {"operationName", "moduleConnect"}, {"resultType", "0"}, {"properties", R"({"deviceId":"gw1","moduleId":"m","statusCode":200})"}}));
  ASSERT_THAT(reading.connects, SizeIs(1));
  EXPECT_EQ(reading.connects[0].device_id, "gw1");
  EXPECT_EQ(reading.connects[0].module_id, "m");
  EXPECT_EQ(reading.connects[0].hub, "iris-hub");
  EXPECT_EQ(reading.connects[0].wall_ns, kTime);
  EXPECT_THAT(read(record({{"level", "Information"}, {"operationName", "deviceDisconnect"}, {"properties", {{"deviceId", "d"}}}})).connects, IsEmpty());
  EXPECT_THAT(read(record({{"level", "Error"}, {"resultType", "500001"}, {"properties", {{"deviceId", "d"}}}})).connects, IsEmpty());
}

TEST(ResourceLogs, TimesThatCannotBe) {
  const auto time = [](const Json& text, std::uint64_t enqueued) { return read_log_event(record({{"resultType", "401003"}, {"time", text}}).dump(), enqueued).records.at(0).wall_ns; };
  EXPECT_EQ(time("2030-01-02T03:04:05.1234567Z", kTime), kTime + 123'456'700);
  EXPECT_EQ(time("nonsense", kTime), kTime);
  EXPECT_EQ(time(7, kTime), kTime);
  EXPECT_EQ(time("2200-01-02T03:04:05Z", kTime), kTime);
  EXPECT_EQ(time("2029-12-31T00:00:00Z", kTime), kTime - 183'845'000'000'000);
  EXPECT_EQ(time("nonsense", 0), 0U);
}

}  // namespace
}  // namespace iris::identity
