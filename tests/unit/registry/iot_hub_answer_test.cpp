// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_answer.h"

#include <gmock/gmock.h>

namespace iris::registry {
namespace {

using testing::HasSubstr;
using Kind = IotHubAnswer::Kind;
using std::chrono::seconds;

constexpr std::int64_t kNow = 1445412480;  // Wed, 21 Oct 2015 07:28:00 GMT

HttpResponse response(long status, const std::string& body = "", std::map<std::string, std::string> headers = {}) {
  HttpResponse response;
  response.status = status;
  response.body = body;
  response.headers = std::move(headers);
  return response;
}

IotHubAnswer judged(HttpResponse response) { return judge(std::move(response), "hub.example", kNow); }

TEST(IotHubAnswer, TellsWhatToDoByTheStatus) {
  EXPECT_TRUE(judged(response(200)).ok());
  EXPECT_EQ(judged(response(401)).kind, Kind::unauthorized);
  EXPECT_EQ(judged(response(403)).kind, Kind::forbidden);
  EXPECT_EQ(judged(response(404)).kind, Kind::not_found);
  EXPECT_EQ(judged(response(429)).kind, Kind::throttled);
  for (const long status : {408, 500, 502, 503, 504}) EXPECT_EQ(judged(response(status)).kind, Kind::busy) << status;
  for (const long status : {204, 302, 400, 405, 412}) EXPECT_EQ(judged(response(status)).kind, Kind::refused) << status;
  for (const long status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(judged(response(status)).retry()) << status;
  for (const long status : {400, 401, 403, 404}) EXPECT_FALSE(judged(response(status)).retry()) << status;
}

TEST(IotHubAnswer, TransportErrorsAreTriedAgain) {
  HttpResponse none;
  none.failure = HttpFailure::tls;
  none.error = "TLS failed";
  EXPECT_TRUE(judged(none).retry());
  EXPECT_EQ(judged(none).detail, "hub.example: TLS failed");
  none.failure = HttpFailure::too_large;
  EXPECT_EQ(judged(none).kind, Kind::too_large);
  none.failure = HttpFailure::stopped;
  EXPECT_EQ(judged(none).kind, Kind::stopped);
}

TEST(IotHubAnswer, AQuotaIsNotAMissingPermission) {
  EXPECT_EQ(judged(response(403, "", {{"iothub-errorcode", "IotHubQuotaExceeded"}})).kind, Kind::quota);
  EXPECT_EQ(judged(response(403, R"({"Message":"ErrorCode:IotHubQuotaExceeded;Total number of messages"})")).kind, Kind::quota);
  EXPECT_EQ(judged(response(403, R"({"Message":"{\"errorCode\":403002,\"message\":\"x\"}"})")).kind, Kind::quota);
}

TEST(IotHubAnswer, ReadsTheErrorsNameFromTheHeaderAndBothSpellings) {
  EXPECT_EQ(error_name(response(404, "", {{"iothub-errorcode", "DeviceNotFound"}})), "DeviceNotFound");
  EXPECT_EQ(error_name(response(404, R"({"Message":"ErrorCode:DeviceNotFound;no such device 'x1'","ExceptionMessage":""})")),
            "DeviceNotFound");
  EXPECT_EQ(error_name(response(404, R"({"Message":"{\"errorCode\":404001,\"message\":\"no such device\"}"})")), "404001");
}

TEST(IotHubAnswer, ForeignErrorBodiesHaveNoName) {
  for (const char* body : {"", "<html>", "[]", "7", "{}", R"({"Message":7})", R"({"Message":"text"})", R"({"Message":"[1]"})",
                           R"({"Message":"{\"errorCode\":{}}"})"}) {
    EXPECT_EQ(error_name(response(500, body)), "") << body;
  }
  EXPECT_EQ(error_name(response(500, "", {{"iothub-errorcode", "Bad\x1b[31m"}})), "Bad");
  EXPECT_EQ(error_name(response(500, "", {{"iothub-errorcode", std::string(1000, 'x')}})).size(), 64u);
}

TEST(IotHubAnswer, RedirectionsNameTheProxy) { EXPECT_THAT(judged(response(302)).detail, HasSubstr("proxy")); }

TEST(RetryAfter, SecondsOrADate) {
  EXPECT_EQ(parse_retry_after("7", kNow), seconds(7));
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:30 GMT", kNow), seconds(30));
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:00:00 GMT", kNow), seconds(0));
  EXPECT_EQ(parse_retry_after("-5", kNow), seconds(0));
  EXPECT_EQ(parse_retry_after("99999999999999999999999", kNow), seconds(3600));
  EXPECT_EQ(parse_retry_after("86400", kNow), seconds(3600));
  EXPECT_EQ(parse_retry_after("soon", kNow), std::nullopt);
  EXPECT_EQ(judged(response(429, "", {{"retry-after", "12"}})).retry_after, seconds(12));
  EXPECT_EQ(judged(response(503, "", {{"retry-after", "12"}})).retry_after, seconds(12));
  EXPECT_EQ(judged(response(400, "", {{"retry-after", "12"}})).retry_after, std::nullopt);
}

}  // namespace
}  // namespace iris::registry
