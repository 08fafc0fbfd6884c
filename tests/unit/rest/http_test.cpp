// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "rest/http_server.h"
#include "store_fixture.h"

namespace iris::rest {
namespace {

using nlohmann::json;
using store::kNoon;
using store::kSecond;
using ::testing::HasSubstr;

constexpr const char* kToken = "iris_0123456789abcdef";
constexpr const char* kHost = "127.0.0.1";

class HttpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "iris-rest-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto opened = store::open_store("sqlite:" + (directory_ / "collector.db").string());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    for (const char* name : {"plant-1", "plant-2"}) ids_.push_back(add(name));
    commit(ids_[0], 1, 3);
    commit(ids_[1], 1, 1);
    ingest_.streams = 2;
    ingest_.batches = 4;
    start();
  }
  void TearDown() override {
    server_.reset();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::int64_t add(const std::string& name) {
    auto gateway = store_->add_gateway(name, collector::hash_token(name), kNoon);
    EXPECT_TRUE(gateway);
    return gateway->id;
  }
  void commit(std::int64_t gateway, std::uint64_t first, std::uint64_t last) {
    std::vector<store::IngestBatch> batches;
    for (auto sequence = first; sequence <= last; ++sequence) batches.push_back(store::make_batch(gateway, sequence));
    const auto done = store_->commit(batches, kNoon + 60 * kSecond);
    ASSERT_TRUE(done) << done.error().message;
  }
  void start() {
    const Sources sources{store_.get(), [this] { return ingest_; }, [] { return MaintenanceStatus{7, ""}; }, {}, {}, "1.2.3"};
    auto server = HttpServer::start(kHost, 0, Api(sources, kToken));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }

  httplib::Result get(const std::string& path, const std::string& authorization = std::string("Bearer ") + kToken) {
    httplib::Client client(kHost, server_->port());
    httplib::Headers headers;
    if (!authorization.empty()) headers.emplace("Authorization", authorization);
    return client.Get(path, headers);
  }
  json body(const std::string& path, int status = 200) {
    const auto answer = get(path);
    EXPECT_TRUE(answer) << path;
    if (!answer) return {};
    EXPECT_EQ(answer->status, status) << path << ": " << answer->body;
    EXPECT_EQ(answer->get_header_value("Content-Type"), "application/json");
    return json::parse(answer->body);
  }
  /// The answer to bytes that need not be HTTP.
  std::string raw(const std::string& bytes) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;) answer.append(buffer, static_cast<std::size_t>(got));
    ::close(fd);
    return answer;
  }

  std::filesystem::path directory_;
  std::unique_ptr<store::Store> store_;
  std::vector<std::int64_t> ids_;
  collector::IngestStatus ingest_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpTest, HealthAndReadinessNeedNoToken) {
  EXPECT_EQ(get("/healthz", "")->status, 200);
  EXPECT_EQ(get("/readyz", "")->status, 200);
}

TEST_F(HttpTest, IsNotReadyWhileTheStoreFails) {
  server_.reset();
  ingest_.fault = "disk full on /secret";
  start();
  const auto answer = get("/readyz", "");
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(get("/healthz", "")->status, 200);
}

TEST_F(HttpTest, AllElseNeedsTheRightToken) {
  const std::string wrong[] = {"", "Bearer", "Bearer ", "Bearer x", std::string("bearer ") + kToken, kToken,
                               std::string("Bearer ") + kToken + "0", "Basic aXJpczppcmlz",
                               "Bearer " + std::string(4'000, 'a')};
  for (const char* path : {"/api/v1/gateways", "/api/v1/owners", "/api/v1/flows", "/api/v1/ledger", "/metrics",
                           "/api/v1/openapi.json", "/no/such/path"}) {
    for (const auto& authorization : wrong) {
      const auto answer = get(path, authorization);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->status, 401) << path << " with '" << authorization.substr(0, 40) << "'";
      EXPECT_TRUE(json::parse(answer->body).contains("error"));
      EXPECT_THAT(answer->get_header_value("WWW-Authenticate"), HasSubstr("Bearer"));
    }
  }
}

TEST_F(HttpTest, GatewaysAreListed) {
  const auto list = body("/api/v1/gateways").at("gateways");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("name"), "plant-1");
  EXPECT_EQ(list[0].at("revoked"), false);
  EXPECT_EQ(list[0].at("created"), "2026-01-02T12:00:00Z");
  EXPECT_EQ(list[0].at("last_seen"), "2026-01-02T12:01:00Z");
  EXPECT_TRUE(list[0].at("agent_version").is_null());
  EXPECT_THAT(get("/api/v1/gateways")->body, ::testing::Not(HasSubstr("token")));
}

TEST_F(HttpTest, OwnersHaveTheFieldsOfTheContract) {
  const auto answer = body("/api/v1/owners?gateway=plant-1");
  ASSERT_EQ(answer.at("owners").size(), 1U);
  const auto& owner = answer.at("owners")[0];
  EXPECT_EQ(owner.at("name"), "modbus");
  EXPECT_EQ(owner.at("kind"), "container");
  EXPECT_EQ(owner.at("labels").at("site"), "north \"1\"");
  EXPECT_EQ(answer.at("more"), false);
  EXPECT_EQ(body("/api/v1/owners?offset=5").at("owners").size(), 0U);
}

TEST_F(HttpTest, FlowsHaveTheFieldsOfTheContractAndTheirGateway) {
  const auto answer = body("/api/v1/flows");
  ASSERT_EQ(answer.at("flows").size(), 4U);
  EXPECT_EQ(answer.at("limit"), 1'000);
  EXPECT_EQ(answer.at("more"), false);
  const auto& flow = answer.at("flows")[0];
  EXPECT_EQ(flow.at("type"), "flow");
  EXPECT_EQ(flow.at("peer_address"), "198.51.100.7");
  EXPECT_EQ(flow.at("service_port"), 502);
  EXPECT_EQ(flow.at("originator_bytes"), 100);
  EXPECT_EQ(flow.at("owner").at("name"), "modbus");
  EXPECT_THAT(flow.at("gateway").get<std::string>(), ::testing::StartsWith("plant-"));
}

TEST_F(HttpTest, FlowsAreFiltered) {
  const std::pair<const char*, std::size_t> cases[] = {
      {"gateway=plant-1", 3},
      {"gateway=plant-2", 1},
      {"owner=modbus", 4},
      {"owner=other", 0},
      {"owner=%27%20OR%201%3D1%20--", 0},
      {"peer=198.51.100.7", 4},
      {"peer=198.51.100.0%2F24", 4},
      {"peer=203.0.113.0/24", 0},
      {"peer=::1", 0},
      {"port=502", 4},
      {"port=503", 0},
      {"from=2026-01-02T12:00:20Z&gateway=plant-1", 2},
      {"to=2026-01-02T12:00:20Z&gateway=plant-1", 1},
      {"from=2026-01-02T13:00:20%2B01:00&gateway=plant-1", 2},
  };
  for (const auto& [query, count] : cases) {
    EXPECT_EQ(body(std::string("/api/v1/flows?") + query).at("flows").size(), count) << query;
  }
}

TEST_F(HttpTest, FlowsComeInPages) {
  std::size_t seen = 0;
  for (int page = 0; page < 4; ++page) {
    const auto answer = body("/api/v1/flows?limit=1&offset=" + std::to_string(page));
    seen += answer.at("flows").size();
    EXPECT_EQ(answer.at("more"), page < 3);
  }
  EXPECT_EQ(seen, 4U);
}

TEST_F(HttpTest, DevicesAndWhatTheCloudReportsOfThem) {
  flow::DeviceRecord change;
  change.wall_ns = kNoon;
  change.device.id = "thermostat";
  change.device.kind = flow::DeviceKind::leaf;
  change.device.tags = R"({"site":"plant-a","owner":"J4"})";
  change.device.addresses = {{base::IpAddress::parse("2001:db8::7"), 0, 0, ""}};
  flow::SecurityRecord knock;
  knock.wall_ns = kNoon + kSecond;
  knock.device_id = "thermostat";
  store::IngestBatch ingest{ids_[0], 7, 4, 4, {}};
  ingest.batch = {kNoon, kNoon + kSecond, {change, knock}, {}};
  ASSERT_TRUE(store_->commit(std::span(&ingest, 1), kNoon));

  const auto devices = body("/api/v1/devices?gateway=plant-1");
  ASSERT_EQ(devices.at("devices").size(), 1U);
  const auto& device = devices.at("devices")[0];
  EXPECT_EQ(device.at("tags").at("owner"), "J4");
  EXPECT_EQ(device.at("gateway"), "plant-1");
  EXPECT_EQ(device.at("valid_from"), "2026-01-02T12:00:00Z");
  EXPECT_TRUE(device.at("valid_to").is_null());
  EXPECT_EQ(device.at("removed"), false);
  EXPECT_EQ(body("/api/v1/devices?address=2001:db8:0::7").at("devices").size(), 1U);
  EXPECT_EQ(body("/api/v1/devices?address=2001:db8::8").at("devices").size(), 0U);
  EXPECT_EQ(body("/api/v1/devices?gateway=plant-2").at("devices").size(), 0U);
  EXPECT_EQ(body("/api/v1/devices?history=true&device=thermostat").at("devices").size(), 1U);
  EXPECT_THAT(body("/api/v1/devices?history=perhaps", 400).at("error"), HasSubstr("true or false"));

  const auto events = body("/api/v1/security_events").at("security_events");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].at("reason"), "unauthorized");
  EXPECT_EQ(events[0].at("gateway"), "plant-1");
  EXPECT_EQ(events[0].at("device").at("tags").at("site"), "plant-a");

  const auto schemas = body("/api/v1/openapi.json").at("components").at("schemas");
  for (const auto& [field, value] : device.items()) EXPECT_TRUE(schemas.at("Device").at("properties").contains(field)) << field;
  for (const auto& [field, value] : events[0].items()) {
    EXPECT_TRUE(schemas.at("SecurityEvent").at("properties").contains(field)) << field;
  }
}

TEST_F(HttpTest, LedgerGivesVerdictAndFigures) {
  auto lossy = store::make_batch(ids_[1], 2);
  lossy.batch.records.back() = store::make_ledger(lossy.batch.start_wall_ns, 10, 3);
  ASSERT_TRUE(store_->commit(std::span(&lossy, 1), kNoon));
  const auto list = body("/api/v1/ledger").at("ledgers");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("gateway"), "plant-1");
  EXPECT_EQ(list[0].at("verdict"), "complete");
  EXPECT_EQ(list[0].at("produced"), 3);
  EXPECT_EQ(list[0].at("delivered"), 3);
  EXPECT_EQ(list[1].at("verdict"), "3 lost");
  EXPECT_EQ(list[1].at("lost"), 3);
  EXPECT_EQ(list[1].at("dropped").at("ring_full"), 3);
  EXPECT_EQ(body("/api/v1/ledger?gateway=plant-2").at("ledgers").size(), 1U);
}

TEST_F(HttpTest, BadParametersAreNamed) {
  for (const char* query : {"limit=0", "limit=10001", "offset=-1", "offset=1000001", "port=70000", "peer=nowhere",
                            "from=yesterday", "to=", "gateway=nobody", "colour=red", "limit=1&limit=2", "limit=%00",
                            "owner=", "%FF%FE=1",
                            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"}) {
    const auto answer = body(std::string("/api/v1/flows?") + query, 400);
    EXPECT_FALSE(answer.at("error").get<std::string>().empty()) << query;
  }
  body("/api/v1/gateways?limit=1", 400);
  body("/api/v1/ledger?port=1", 400);
  body("/api/v1/owners?peer=::1", 400);
}

TEST_F(HttpTest, UnknownPathsAndMethodsAreRefused) {
  for (const char* path : {"/", "/api", "/api/v1", "/api/v1/flows/", "/api/v2/flows", "/../etc/passwd", "/%2e%2e/x"}) {
    body(path, 404);
  }
  httplib::Client client(kHost, server_->port());
  const httplib::Headers headers{{"Authorization", std::string("Bearer ") + kToken}};
  const auto post = client.Post("/api/v1/flows", headers, "{}", "application/json");
  ASSERT_TRUE(post);
  EXPECT_EQ(post->status, 405);
  EXPECT_EQ(post->get_header_value("Allow"), "GET, HEAD");
  EXPECT_EQ(client.Delete("/api/v1/gateways", headers)->status, 405);
  EXPECT_EQ(client.Options("/api/v1/gateways", headers)->status, 405);
  EXPECT_EQ(client.Post("/api/v1/flows", headers, std::string(5'000, 'x'), "text/plain")->status, 413);
  EXPECT_EQ(client.Put("/healthz", headers, "", "text/plain")->status, 405);
  const auto head = client.Head("/api/v1/flows", headers);
  EXPECT_EQ(head->status, 200);
  EXPECT_TRUE(head->body.empty());
}

TEST_F(HttpTest, RangesAreNotServed) {
  httplib::Client client(kHost, server_->port());
  std::string ranges = "bytes=0-1";
  for (int i = 0; i < 500; ++i) ranges += ",0-1";
  const auto answer = client.Get("/api/v1/openapi.json", {{"Authorization", std::string("Bearer ") + kToken}, {"Range", ranges}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 416);
  EXPECT_LT(answer->body.size(), 100'000U);
}

TEST_F(HttpTest, SurvivesWhatIsNotHttp) {
  for (const std::string& bytes :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\r\n\r\n", 9),
        "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n", std::string("GET / HTTP/9.9\r\n\r\n"),
        "GET /healthz HTTP/1.1\r\nX: " + std::string(20'000, 'b') + "\r\n\r\n"}) {
    EXPECT_THAT(raw(bytes), ::testing::Not(HasSubstr("200 OK"))) << bytes.substr(0, 30);
  }
  // A body is not taken for the next request.
  const auto smuggled = raw("POST /healthz HTTP/1.1\r\nContent-Length: 44\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n");
  EXPECT_THAT(smuggled, HasSubstr("405"));
  EXPECT_THAT(smuggled, ::testing::Not(HasSubstr("200 OK")));
  EXPECT_EQ(get("/healthz", "")->status, 200);
}

TEST_F(HttpTest, MetricsAreInTheTextFormat) {
  const auto answer = get("/metrics");
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->get_header_value("Content-Type"), HasSubstr("version=0.0.4"));
  EXPECT_THAT(answer->body, HasSubstr("# TYPE iris_ingest_batches_total counter\niris_ingest_batches_total 4\n"));
  EXPECT_THAT(answer->body, HasSubstr("iris_gateways{state=\"active\"} 2\n"));
  EXPECT_THAT(answer->body, HasSubstr("iris_gateway_last_seen_timestamp_seconds{gateway=\"plant-1\"} 1767355260"));
  EXPECT_THAT(answer->body, HasSubstr("iris_collector_build_info{version=\"1.2.3\"} 1\n"));
}

TEST_F(HttpTest, DescriptionNamesEveryPathAndResolves) {
  const auto document = body("/api/v1/openapi.json");
  EXPECT_EQ(document.at("openapi"), "3.0.3");
  for (const auto& [path, item] : document.at("paths").items()) {
    const auto id = path.find("{id}");
    EXPECT_TRUE(item.contains("get") || item.contains("post")) << path;
    if (id == std::string::npos) {
      EXPECT_NE(get(path)->status, 404) << path;
    } else if (item.contains("post")) {
      EXPECT_EQ(get(path)->status, 405) << path;  // it is there, for others than GET
    } else {
      EXPECT_EQ(get(std::string(path).replace(id, 4, "none"))->body, "{\"error\":\"there is no such alert\"}\n") << path;
    }
  }
  EXPECT_EQ(document.at("paths").size(), 17U);
  const auto flat = document.flatten();
  for (const auto& [key, value] : flat.items()) {
    if (!key.ends_with("$ref")) continue;
    EXPECT_TRUE(document.contains(json::json_pointer(value.get<std::string>().substr(1)))) << value;
  }
  // The contract and its description name the same fields.
  const auto flows = body("/api/v1/flows?limit=1").at("flows");
  for (const auto& [field, value] : flows[0].items()) {
    EXPECT_TRUE(document.at("components").at("schemas").at("Flow").at("properties").contains(field)) << field;
  }
}

TEST_F(HttpTest, TwoServersDoNotShareAPort) {
  const Sources sources{store_.get(), [this] { return ingest_; }, [] { return MaintenanceStatus{}; }, {}, {}, "1"};
  const auto second = HttpServer::start(kHost, server_->port(), Api(sources, kToken));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("cannot listen"));
}

TEST_F(HttpTest, AnswersManyAtOnceWhileBatchesCome) {
  std::vector<std::thread> askers;
  std::atomic<int> answered{0};
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&] {
      for (int j = 0; j < 10; ++j) answered += get("/api/v1/flows")->status == 200 ? 1 : 0;
    });
  }
  for (std::uint64_t sequence = 4; sequence < 14; ++sequence) commit(ids_[0], sequence, sequence);
  for (auto& asker : askers) asker.join();
  EXPECT_EQ(answered, 40);
}

TEST_F(HttpTest, StopsWhileAPeerIsSilent) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  ASSERT_EQ(::send(fd, "GET /he", 7, MSG_NOSIGNAL), 7);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(3'500));
  ::close(fd);
}

/// Sends a byte now and then until it is cut off or stopped.
void drip(int port, const std::atomic<bool>& stop) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  while (!stop && ::send(fd, "G", 1, MSG_NOSIGNAL) == 1) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ::close(fd);
}

TEST_F(HttpTest, ClientsThatDripDoNotHoldItUp) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> drippers;
  for (int i = 0; i < 16; ++i) drippers.emplace_back([&] { drip(server_->port(), stop); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  httplib::Client good(kHost, server_->port());
  good.set_read_timeout(60);  // for ever, as they would go on
  const auto answer = good.Get("/healthz");
  stop = true;
  for (auto& dripper : drippers) dripper.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

TEST(Api, RefusesAnEmptyToken) { EXPECT_THROW(Api({}, ""), std::invalid_argument); }

}  // namespace
}  // namespace iris::rest
