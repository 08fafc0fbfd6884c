// SPDX-License-Identifier: Apache-2.0
#include "registry/https_client.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <set>
#include <thread>

#include "registry/scripted_server.h"
#include "registry/slow_names.h"
#include "registry/tunnel_proxy.h"

namespace iris::registry {
namespace {

using test_support::ScriptedServer;
using test_support::TestAuthority;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kNames = "DNS:iris-hub.test";

HttpsOptions options_for(const ScriptedServer& server) {
  HttpsOptions options;
  options.connect_to = server.address();
  options.ca_file = server.ca_file();
  return options;
}

HttpRequest get(const std::string& path = "/twins/gw1") {
  HttpRequest request;
  request.url = "https://iris-hub.test" + path;
  return request;
}

struct HttpsClientTest : testing::Test {
  TestAuthority authority;
  ScriptedServer server{authority, kNames, [](const auto&, auto& response) { response.set_content("hello", "text/plain"); }};
};

TEST_F(HttpsClientTest, SaysTheBareHostWhateverIsDialled) {
  HttpsClient client(options_for(server));
  auto request = get("/twins/gw1?api-version=1");
  request.authorization = Secret("SharedAccessSignature sr=x&sig=y");
  request.headers = {{"X-One", "a b"}};
  const auto response = client.perform(request);
  ASSERT_TRUE(response.answered()) << response.error;
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
  ASSERT_EQ(server.seen().size(), 1u);
  const auto seen = server.seen().front();
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/twins/gw1?api-version=1");
  EXPECT_EQ(seen.header("Host"), "iris-hub.test");
  EXPECT_EQ(seen.header("Authorization"), "SharedAccessSignature sr=x&sig=y");
  EXPECT_EQ(seen.header("X-One"), "a b");
}

TEST_F(HttpsClientTest, PostsAndReadsHeadersInAnyCase) {
  server.answer([](const auto&, auto& response) {
    response.set_header("X-MS-Continuation", R"({"a":"%20\"+/=="})");
    response.status = 404;
  });
  HttpsClient client(options_for(server));
  auto request = get("/devices/query");
  request.post = true;
  request.body = R"({"query":"SELECT * FROM devices"})";
  const auto response = client.perform(request);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.header("x-ms-continuation"), R"({"a":"%20\"+/=="})");
  EXPECT_EQ(response.header("x-ms-item-type"), std::nullopt);
  EXPECT_EQ(server.seen().front().method, "POST");
  EXPECT_EQ(server.seen().front().body, request.body);
}

TEST_F(HttpsClientTest, RefusesAnAuthorityItDoesNotKnowAndAnotherName) {
  const TestAuthority other;
  test_support::TemporaryDirectory folder;
  test_support::write_file(folder / "other.pem", other.certificate());
  auto options = options_for(server);
  options.ca_file = folder / "other.pem";
  const auto unknown = HttpsClient(options).perform(get());
  EXPECT_EQ(unknown.failure, HttpFailure::tls);
  EXPECT_THAT(unknown.error, HasSubstr("TLS failed"));
  options = options_for(server);
  auto request = get();
  request.url = "https://another-hub.test/";
  EXPECT_EQ(HttpsClient(options).perform(request).failure, HttpFailure::tls);
  options.ca_file = folder / "missing.pem";
  const auto missing = HttpsClient(options).perform(get());
  EXPECT_EQ(missing.failure, HttpFailure::ca_file);
  EXPECT_THAT(missing.error, HasSubstr("missing.pem"));
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(HttpsClientTest, StopsReadingABodyAboveTheLimit) {
  server.answer([](const auto&, auto& response) {
    response.set_chunked_content_provider("text/plain", [](std::size_t, httplib::DataSink& sink) {
      return sink.write(std::string(1000, 'x').c_str(), 1000);  // without an end
    });
  });
  auto options = options_for(server);
  options.max_body_bytes = 100'000;
  const auto response = HttpsClient(options).perform(get());
  EXPECT_EQ(response.failure, HttpFailure::too_large);
  EXPECT_THAT(response.error, HasSubstr("100000 bytes"));
  EXPECT_TRUE(response.body.empty());
}

TEST_F(HttpsClientTest, StopsReadingHeadersThatDoNotEnd) {
  server.answer([](const auto&, auto& response) {
    for (int i = 0; i < 100; ++i) response.set_header("X-Header-" + std::to_string(i), std::string(1000, 'x'));
  });
  EXPECT_EQ(HttpsClient(options_for(server)).perform(get()).failure, HttpFailure::cut);
}

TEST_F(HttpsClientTest, ACutConnectionIsNoAnswer) {
  server.answer([](const auto&, auto& response) {
    response.set_content_provider(1000, "text/plain", [](std::size_t offset, std::size_t, httplib::DataSink& sink) {
      return offset == 0 && sink.write("half", 4);
    });
  });
  const auto response = HttpsClient(options_for(server)).perform(get());
  EXPECT_EQ(response.failure, HttpFailure::cut);
  EXPECT_EQ(response.status, 0);
  EXPECT_TRUE(response.body.empty());
}

TEST_F(HttpsClientTest, DoesNotWaitForEver) {
  server.answer([this](const auto&, auto&) { server.hang(); });
  auto options = options_for(server);
  options.total_timeout = std::chrono::milliseconds(100);
  const auto silent = HttpsClient(options).perform(get());
  EXPECT_EQ(silent.failure, HttpFailure::timed_out);
  EXPECT_EQ(silent.error, "no answer in time");
}

TEST_F(HttpsClientTest, DoesNotWaitForEverForTheEndOfABody) {
  server.answer([this](const auto&, auto& response) {
    response.set_content_provider(1000, "text/plain", [this](std::size_t offset, std::size_t, httplib::DataSink& sink) {
      if (offset > 0) server.hang();
      return offset == 0 && sink.write("half", 4);
    });
  });
  auto options = options_for(server);
  options.total_timeout = std::chrono::milliseconds(500);
  const auto slow = HttpsClient(options).perform(get());
  EXPECT_EQ(slow.failure, HttpFailure::timed_out);
}

TEST_F(HttpsClientTest, FollowsNoRedirectionAndNoProxyOfTheEnvironment) {
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  server.answer([](const auto&, auto& response) { response.set_redirect("https://iris-hub.test/elsewhere"); });
  const auto response = HttpsClient(options_for(server)).perform(get());
  unsetenv("https_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_EQ(response.status, 302) << response.error;
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST_F(HttpsClientTest, SendsNoHeaderWithANewLine) {
  HttpsClient client(options_for(server));
  auto request = get();
  request.headers = {{"x-ms-continuation", "a\r\nX-Injected: b"}};
  EXPECT_EQ(client.perform(request).failure, HttpFailure::refused_by_us);
  request = get("/twins/a\nb");
  EXPECT_EQ(client.perform(request).failure, HttpFailure::refused_by_us);
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(HttpsClientTest, NoErrorTellsTheToken) {
  server.end();
  HttpsClient client(options_for(server));
  auto request = get();
  request.authorization = Secret("SharedAccessSignature sig=verysecret");
  const auto response = client.perform(request);
  EXPECT_EQ(response.failure, HttpFailure::unreachable);
  EXPECT_THAT(response.error, Not(HasSubstr("verysecret")));
  EXPECT_THAT(response.error, HasSubstr("no connection"));
}

TEST_F(HttpsClientTest, AHeaderWithAControlCharacterIsNoHttp) {
  server.answer([](const auto&, auto& response) { response.set_header("X-One", "a\x01z"); });
  const auto response = HttpsClient(options_for(server)).perform(get());
  EXPECT_EQ(response.failure, HttpFailure::cut);
  EXPECT_THAT(response.error, HasSubstr("not HTTP"));
}

TEST_F(HttpsClientTest, KeepsTheConnectionWhileTheServerDoes) {
  HttpsClient client(options_for(server));
  std::set<int> ports;
  server.answer([&ports](const auto& request, auto&) { ports.insert(request.remote_port); });
  EXPECT_EQ(client.perform(get("/1")).status, 200);
  EXPECT_EQ(client.perform(get("/2")).status, 200);
  EXPECT_EQ(ports.size(), 1u);
  server.answer([&ports](const auto& request, auto& response) {
    ports.insert(request.remote_port);
    response.set_header("Connection", "close");
  });
  EXPECT_EQ(client.perform(get("/3")).status, 200);
  EXPECT_EQ(client.perform(get("/4")).status, 200);
  EXPECT_EQ(ports.size(), 2u);
}

TEST_F(HttpsClientTest, AProxyIsAskedForATunnelAndSeesNoMore) {
  test_support::TunnelProxy proxy(server.address());
  auto options = options_for(server);
  options.connect_to.clear();
  options.proxy = "http://user:p%40ss@" + proxy.address();
  HttpsClient client(options);
  auto request = get();
  request.authorization = Secret("SharedAccessSignature sig=verysecret");
  EXPECT_EQ(client.perform(request).body, "hello");
  EXPECT_THAT(proxy.request(), StartsWith("CONNECT iris-hub.test:443 HTTP/1.1\r\n"));
  EXPECT_THAT(proxy.request(), HasSubstr("\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n"));  // user:p@ss
  EXPECT_THAT(proxy.request(), Not(HasSubstr("verysecret")));
  EXPECT_EQ(server.seen().front().header("Proxy-Authorization"), "");
}

TEST_F(HttpsClientTest, AProxyThatRefusesIsSaid) {
  ScriptedServer proxy([](const auto&, auto&) {});
  auto options = options_for(server);
  options.proxy = proxy.address();  // knows no CONNECT
  const auto response = HttpsClient(options).perform(get());
  EXPECT_EQ(response.failure, HttpFailure::cut);
  EXPECT_THAT(response.error, HasSubstr("proxy does not let us through: status 4"));
  EXPECT_TRUE(server.seen().empty());
}

TEST(HttpsClientPlain, AProxyGetsTheWholeUrl) {
  ScriptedServer proxy([](const auto&, auto& response) { response.set_content("pong", "text/plain"); });
  HttpRequest request;
  request.url = "http://core.test:59881/api/v3/ping?a=b";
  HttpsOptions options;
  options.allow_plain_http = true;
  options.proxy = "http://" + proxy.address();
  EXPECT_EQ(HttpsClient(options).perform(request).body, "pong");
  EXPECT_EQ(proxy.seen().front().target, "http://core.test:59881/api/v3/ping?a=b");
  EXPECT_EQ(proxy.seen().front().header("Host"), "core.test:59881");
}

TEST_F(HttpsClientTest, AbortEndsARequestThatHangs) {
  server.answer([this](const auto&, auto&) { server.hang(); });
  HttpsClient client(options_for(server));
  HttpResponse response;
  std::thread thread([&] { response = client.perform(get()); });
  server.await(1);
  client.abort();
  thread.join();  // the server hangs still
  EXPECT_EQ(response.failure, HttpFailure::stopped);
  EXPECT_EQ(client.perform(get()).failure, HttpFailure::stopped);
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST(HttpsClientNames, AbortDoesNotWaitForANameThatIsLookedUp) {
  HttpsClient client({});
  HttpRequest request;
  request.url = "https://hang.test/";
  HttpResponse response;
  std::thread thread([&] { response = client.perform(request); });
  test_support::await_hanging_lookup();
  client.abort();
  thread.join();  // the look-up goes on
  EXPECT_EQ(response.failure, HttpFailure::stopped);
  test_support::let_names_go();
}

TEST(HttpsClientNames, AnUnknownHostIsSaid) {
  HttpRequest request;
  request.url = "https://no-such-hub.invalid/";
  const auto response = HttpsClient({}).perform(request);
  EXPECT_EQ(response.failure, HttpFailure::host_not_found);
  EXPECT_THAT(response.error, HasSubstr("DNS"));
}

TEST(HttpsClientPlain, OnlyWhenAllowed) {
  ScriptedServer server([](const auto&, auto& response) { response.set_content("pong", "text/plain"); });
  HttpRequest request;
  request.url = "http://" + server.address() + "/";
  HttpsOptions options;
  EXPECT_EQ(HttpsClient(options).perform(request).failure, HttpFailure::refused_by_us);
  options.allow_plain_http = true;
  EXPECT_EQ(HttpsClient(options).perform(request).body, "pong");
}

TEST(HttpDate, OfRfc9110) {
  EXPECT_EQ(parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT"), 1445412480);
  EXPECT_EQ(parse_http_date("soon"), std::nullopt);
  EXPECT_EQ(parse_http_date(""), std::nullopt);
}

}  // namespace
}  // namespace iris::registry
