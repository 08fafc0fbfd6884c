// SPDX-License-Identifier: Apache-2.0
#include "emulators/http/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "curl_client.h"

namespace iris::emulator {
namespace {

using test_support::CurlClient;
using Cut = WireFault::Cut;

std::unique_ptr<Server> start(RequestHandler handler) {
  auto server = Server::start({}, std::move(handler));
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
}

std::unique_ptr<Server> start_echo() {
  return start([](const Request& request) {
    Response response;
    response.body = request.method + " " + request.target + " [" + request.header("x-test") + "] " + request.body;
    return response;
  });
}

base::UniqueFd connected_to(int port) {
  base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

std::string read_to_end(int fd) {
  std::string all;
  char buffer[4096];
  for (ssize_t got; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;) all.append(buffer, static_cast<std::size_t>(got));
  return all;
}

TEST(Server, GivesTheHandlerWhatWasSent) {
  const auto server = start_echo();
  // Percent escapes in headers mean something in tokens: nobody may decode them.
  const auto answer = CurlClient(server->port()).post("http://any/a%24b?c=%20d", {"X-Test: sig=a%2Fb%3D+c"}, "body");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "POST /a%24b?c=%20d [sig=a%2Fb%3D+c] body");
  EXPECT_EQ(answer.headers.at("content-type"), "application/json; charset=utf-8");
}

TEST(Server, AnswersSeveralRequestsOnAConnection) {
  const auto server = start_echo();
  const auto fd = connected_to(server->port());
  const std::string requests = "GET /1 HTTP/1.1\r\nHost: a\r\nX-Test: one\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nX-Test: two\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(send(fd.get(), requests.data(), requests.size(), MSG_NOSIGNAL), static_cast<ssize_t>(requests.size()));
  const auto answers = read_to_end(fd.get());
  EXPECT_THAT(answers, testing::HasSubstr("GET /1 [one] "));
  EXPECT_THAT(answers, testing::HasSubstr("GET /2 [two] "));
}

TEST(Server, CutsWhereItIsAsked) {
  Cut cut = Cut::none;
  const auto server = start([&cut](const Request&) {
    Response response;
    response.body = std::string(1'000, 'x');
    response.wire.cut = cut;
    return response;
  });
  CurlClient client(server->port());
  EXPECT_EQ(client.get("http://any/").body.size(), 1'000U);
  cut = Cut::before_answer;
  EXPECT_EQ(client.get("http://any/").code, CURLE_GOT_NOTHING);
  cut = Cut::in_head;
  EXPECT_NE(client.get("http://any/").code, CURLE_OK);
  cut = Cut::in_body;
  const auto half = client.get("http://any/");
  EXPECT_EQ(half.code, CURLE_PARTIAL_FILE);
  EXPECT_EQ(half.body.size(), 500U);
  cut = Cut::none;
  EXPECT_EQ(client.get("http://any/").code, CURLE_OK);
}

TEST(Server, SlowAnswersArriveWhole) {
  const auto server = start([](const Request&) {
    Response response;
    response.body = std::string(100, 'x');
    response.wire.piece_bytes = 7;
    response.wire.pause = std::chrono::milliseconds(1);
    return response;
  });
  EXPECT_EQ(CurlClient(server->port()).get("http://any/").body.size(), 100U);
}

TEST(Server, StopEndsSlowAnswersAndIdleConnections) {
  const auto server = start([](const Request&) {
    Response response;
    response.body = "xx";
    response.wire.piece_bytes = 1;
    response.wire.pause = std::chrono::hours(1);
    return response;
  });
  const auto idle = connected_to(server->port());
  const auto slow = connected_to(server->port());
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(send(slow.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string begun;
  for (char c = 0; !begun.ends_with("\r\n\r\nx"); begun += c) ASSERT_EQ(recv(slow.get(), &c, 1, 0), 1) << begun;
  server->stop();
  EXPECT_EQ(read_to_end(slow.get()), "");
  EXPECT_EQ(read_to_end(idle.get()), "");
}

TEST(Server, StopEndsWhatIsDelayed) {
  const auto server = start([](const Request&) {
    Response response;
    response.wire.delay = std::chrono::hours(1);
    return response;
  });
  const auto fd = connected_to(server->port());
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  server->stop();
  EXPECT_EQ(read_to_end(fd.get()), "");
}

TEST(Server, RefusesBrokenAndEndlessTargets) {
  const auto server = start_echo();
  CurlClient client(server->port());
  EXPECT_EQ(client.get("http://any/%zz").status, 400);
  EXPECT_EQ(client.get("http://any/" + std::string(3'000, 'a')).status, 414);
  EXPECT_EQ(client.post("http://any/", {}, std::string(300'000, 'a')).status, 413);
}

TEST(Server, NeedsAGoodCertificate) {
  ServerOptions options;
  options.certificate = {"no certificate", "no key"};
  EXPECT_FALSE(Server::start(options, [](const Request&) { return Response{}; }));
}

TEST(Server, APortIsNotShared) {
  const auto server = start_echo();
  ServerOptions options;
  options.port = server->port();
  EXPECT_FALSE(Server::start(options, [](const Request&) { return Response{}; }));
}

}  // namespace
}  // namespace iris::emulator
