// SPDX-License-Identifier: Apache-2.0
#include "notify/webhook_sink.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "collector_program/temporary_directory.h"
#include "notify/notifier.h"
#include "notify/memory_feed.h"
#include "notify/sample_alerts.h"
#include "registry/scripted_server.h"

namespace iris::notify {
namespace {

using iris::test_support::ScriptedServer;
using iris::test_support::TestAuthority;
using test_support::notice_of;
using testing::HasSubstr;
using testing::Not;

struct WebhookTest : testing::Test {
  WebhookOptions options(const ScriptedServer& receiver, const std::string& path = "/hooks/s3cr3t-path?key=s3cr3t-query") {
    WebhookOptions made;
    made.url = "https://" + receiver.address() + path;
    made.ca_file = receiver.ca_file();
    made.product_version = "0.1.0";
    return made;
  }
  static ScriptedServer::Handler status(int code) {
    return [code](const auto&, auto& response) { response.status = code; };
  }
  base::Error failure(WebhookSink& sink) {
    const auto delivered = sink.deliver(notice_of(7));
    EXPECT_FALSE(delivered);
    return delivered ? base::Error{} : delivered.error();
  }

  collector::TemporaryDirectory folder;
  TestAuthority authority;
  ScriptedServer server{authority, "IP:127.0.0.1", status(200)};
};

TEST_F(WebhookTest, PostsTheAlertItself) {
  WebhookSink sink(options(server));
  ASSERT_TRUE(sink.deliver(notice_of(7)));
  ASSERT_EQ(server.seen().size(), 1u);
  const auto seen = server.seen().front();
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/hooks/s3cr3t-path?key=s3cr3t-query");
  EXPECT_EQ(seen.body, notice_of(7).json);
  EXPECT_EQ(seen.header("Content-Type"), "application/json");
  EXPECT_EQ(seen.header("Idempotency-Key"), "01JBX4-7");
  EXPECT_EQ(seen.header("User-Agent"), "iris-collector/0.1.0");
  EXPECT_EQ(seen.header("Authorization"), "");
  EXPECT_EQ(seen.header("X-Iris-Signature"), "");
}

TEST_F(WebhookTest, TheTokenIsReadAtEachAttempt) {
  auto made = options(server);
  made.token_file = folder.write("token", "first\n");
  WebhookSink sink(made);
  ASSERT_TRUE(sink.deliver(notice_of(1)));
  folder.write("token", "second\r\n");
  ASSERT_TRUE(sink.deliver(notice_of(2)));
  EXPECT_EQ(server.seen()[0].header("Authorization"), "Bearer first");
  EXPECT_EQ(server.seen()[1].header("Authorization"), "Bearer second");

  for (const char* bad : {"", " \n", "two\nlines", "a\x01" "b", "t\xc3\xa4g"}) {
    folder.write("token", bad);
    const auto error = failure(sink);
    EXPECT_EQ(error.kind, base::Error::Kind::failed) << bad;  // it can be mended
    EXPECT_THAT(error.message, HasSubstr(made.token_file));
    EXPECT_THAT(error.message, Not(HasSubstr("lines")));
  }
  std::filesystem::remove(made.token_file);
  EXPECT_EQ(failure(sink).kind, base::Error::Kind::failed);
  EXPECT_EQ(server.seen().size(), 2u);
}

TEST_F(WebhookTest, TheSignatureIsTheHmacOfTheBody) {
  auto made = options(server);
  made.secret_file = folder.write("secret", "what only we two know\n");
  WebhookSink sink(made);
  ASSERT_TRUE(sink.deliver({1, 3, "{}"}));
  // printf '{}' | openssl dgst -sha256 -hmac 'what only we two know'
  EXPECT_EQ(server.seen()[0].header("X-Iris-Signature"), "sha256=68b3f5332b8cb70a8b74c9afeba161c329a4a86c37305b134a0d8080390ad3a3");
}

TEST_F(WebhookTest, AForeignIdBreaksNoHeader) {
  WebhookSink sink(options(server));
  const nlohmann::json alert{{"id", "a\r\nX-Evil: 1\u00e4" + std::string(500, 'x')}};
  ASSERT_TRUE(sink.deliver({7, 3, alert.dump()}));
  EXPECT_EQ(server.seen()[0].header("X-Evil"), "");
  EXPECT_EQ(server.seen()[0].header("Idempotency-Key").substr(0, 16), "a__X-Evil:_1__xx");
  EXPECT_LE(server.seen()[0].header("Idempotency-Key").size(), 130u);
}

TEST_F(WebhookTest, WhatIsWorthAnotherAttempt) {
  WebhookSink sink(options(server));
  for (const int code : {500, 502, 503, 429, 408, 425, 401, 301, 307}) {
    server.answer(status(code));
    const auto error = failure(sink);
    EXPECT_EQ(error.kind, base::Error::Kind::failed) << code;
    EXPECT_THAT(error.message, HasSubstr(std::to_string(code)));
    EXPECT_THAT(error.message, Not(HasSubstr("s3cr3t")));
  }
  for (const int code : {400, 403, 404, 405, 410, 413, 422}) {
    server.answer(status(code));
    EXPECT_EQ(failure(sink).kind, base::Error::Kind::usage) << code;
  }
  for (const int code : {200, 201, 202, 204}) {
    server.answer(status(code));
    EXPECT_TRUE(sink.deliver(notice_of(7))) << code;
  }
}

TEST_F(WebhookTest, HearsHowLongToWait) {
  WebhookSink sink(options(server));
  server.answer([](const auto&, auto& response) {
    response.status = 503;
    response.set_header("Retry-After", "7");
  });
  failure(sink);
  EXPECT_EQ(sink.retry_after(), std::chrono::seconds(7));
  for (const char* nonsense : {"soon", "-5", ""}) {
    server.answer([nonsense](const auto&, auto& response) {
      response.status = 503;
      response.set_header("Retry-After", nonsense);
    });
    failure(sink);
    EXPECT_EQ(sink.retry_after(), std::chrono::seconds(0)) << nonsense;
  }
}

TEST_F(WebhookTest, RedirectsAreNotFollowed) {
  WebhookSink sink(options(server));
  server.answer([this](const auto&, auto& response) { response.set_redirect("https://" + server.address() + "/other", 302); });
  EXPECT_THAT(failure(sink).message, HasSubstr("redirect"));
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST_F(WebhookTest, AnAnswerThatIsTooLongIsCutOff) {
  WebhookSink sink(options(server));
  server.answer([](const auto&, auto& response) { response.set_content(std::string(8u << 20, 'x'), "text/plain"); });
  EXPECT_TRUE(sink.deliver(notice_of(1)));
  server.answer([](const auto&, auto& response) {
    response.status = 500;
    response.set_content(std::string(8u << 20, 'x'), "text/plain");
  });
  EXPECT_EQ(failure(sink).kind, base::Error::Kind::failed);
}

TEST_F(WebhookTest, WantsTheRightNameAndAuthority) {
  ScriptedServer wrong_name(authority, "IP:127.0.0.2,DNS:localhost", status(200));
  WebhookSink first(options(wrong_name));
  EXPECT_THAT(failure(first).message, HasSubstr("TLS failed"));
  const TestAuthority other;
  auto made = options(server);
  made.ca_file = folder.write("other.pem", other.certificate());
  WebhookSink second(made);
  const auto error = failure(second);
  EXPECT_EQ(error.kind, base::Error::Kind::failed);
  EXPECT_THAT(error.message, HasSubstr("TLS failed"));
  EXPECT_TRUE(wrong_name.seen().empty());
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(WebhookTest, NobodyThereAndNoAnswerAreErrorsThatPass) {
  auto made = options(server);
  made.timeout = std::chrono::milliseconds(200);
  WebhookSink sink(made);
  server.answer([this](const auto&, auto&) { server.hang(); });
  auto error = failure(sink);
  EXPECT_EQ(error.kind, base::Error::Kind::failed);
  EXPECT_THAT(error.message, HasSubstr("no answer in time"));
  server.end();
  error = failure(sink);
  EXPECT_EQ(error.kind, base::Error::Kind::failed);
  EXPECT_THAT(error.message, Not(HasSubstr("s3cr3t")));
}

TEST_F(WebhookTest, TogetherWithTheNotifierNothingIsLostOrTurnedRound) {
  std::atomic<int> count = 0;
  server.answer([&count](const httplib::Request& request, httplib::Response& response) {
    const auto number = ++count;
    response.status = number == 1 ? 503 : request.get_header_value("Idempotency-Key") == "01JBX4-2" ? 400 : 200;
    if (number == 1) response.set_header("Retry-After", "1");
  });
  test_support::MemoryFeed feed;
  feed.add(notice_of(1));
  feed.add(notice_of(2));
  feed.add(notice_of(3));
  std::vector<NamedSink> sinks;
  sinks.push_back({"webhook", 3, std::make_unique<WebhookSink>(options(server))});
  Notifier notifier(feed, std::move(sinks), test_support::quick());
  feed.await("webhook", 3);
  const auto state = notifier.status().at(0);
  EXPECT_EQ(state.delivered, 2u);
  EXPECT_EQ(state.failed_attempts, 1u);
  EXPECT_EQ(state.given_up, 1u);
  std::vector<std::string> keys;
  for (const auto& seen : server.seen()) keys.push_back(seen.header("Idempotency-Key"));
  EXPECT_THAT(keys, testing::ElementsAre("01JBX4-1", "01JBX4-1", "01JBX4-2", "01JBX4-3"));
}

}  // namespace
}  // namespace iris::notify
