// SPDX-License-Identifier: Apache-2.0
// An uplink against a collector that says what the test wants.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <thread>

#include "iris/v1/collector.grpc.pb.h"
#include "ship/cutting_proxy.h"
#include "ship/stream_fixture.h"

namespace iris::ship {
namespace {

using namespace test_support;
using testing::HasSubstr;
using testing::Not;

using Stream = grpc::ServerReaderWriter<v1::CollectorMessage, v1::AgentMessage>;
using Script = std::function<grpc::Status(const v1::Hello&, Stream&)>;

class ScriptedCollector final : public v1::Collector::Service {
 public:
  explicit ScriptedCollector(Script script) : script_(std::move(script)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedCollector() override { server_->Shutdown(std::chrono::system_clock::now()); }
  int port() const { return port_; }

  grpc::Status Ship(grpc::ServerContext*, Stream* stream) override {
    v1::AgentMessage first;
    if (!stream->Read(&first) || !first.has_hello()) return {grpc::StatusCode::INVALID_ARGUMENT, "no Hello"};
    return script_(first.hello(), *stream);
  }

 private:
  Script script_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

v1::CollectorMessage welcome(std::uint32_t version, std::uint64_t position, std::uint32_t max_bytes = 1 << 20) {
  v1::CollectorMessage message;
  message.mutable_welcome()->set_protocol_version(version);
  message.mutable_welcome()->set_acknowledged_sequence(position);
  message.mutable_welcome()->set_max_content_bytes(max_bytes);
  return message;
}

grpc::Status acknowledge_all(Stream& stream) {
  v1::AgentMessage message;
  while (stream.Read(&message)) {
    v1::CollectorMessage answer;
    answer.mutable_acknowledge()->set_sequence(message.batch().last_sequence());
    stream.Write(answer);
  }
  return grpc::Status::OK;
}

class ScriptedTest : public StreamTest {
 protected:
  ScriptedTest() { add_gateway("g1"); }
  MemorySource source{7};
};

TEST_F(ScriptedTest, NewerCollectorIsUnderstood) {
  std::atomic<std::uint32_t> version{0};
  ScriptedCollector collector([&](const v1::Hello& hello, Stream& stream) {
    version = hello.protocol_version();
    auto first = welcome(2, 0);
    // Field 100 of Welcome, and a kind of message that version 1 has not.
    first.mutable_welcome()->MergeFromString("\xa0\x06\x05");
    stream.Write(first);
    v1::CollectorMessage strange;
    strange.MergeFromString("\xa0\x06\x05");
    stream.Write(strange);
    return acknowledge_all(stream);
  });
  source.add(20);
  const auto uplink = connect(plain_options("g1", collector.port()), source);
  EXPECT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_EQ(version, 1U);
  EXPECT_EQ(uplink->status().acknowledged_sequence, 20U);
}

v1::CollectorMessage alert(const std::string& json, std::uint64_t change) {
  v1::CollectorMessage message;
  message.mutable_alert()->set_json(json);
  message.mutable_alert()->set_change(change);
  return message;
}

TEST_F(ScriptedTest, AlertsAreHandedOverAndANewStreamSaysWhichOnesAreKnown) {
  std::mutex mutex;
  std::vector<std::uint64_t> known;
  ScriptedCollector collector([&](const v1::Hello& hello, Stream& stream) {
    bool first = false;
    {
      const std::lock_guard lock(mutex);
      known.push_back(hello.alert_change());
      first = known.size() == 1;
    }
    stream.Write(welcome(1, 0));
    if (first) {
      stream.Write(alert("one", 4));
      stream.Write(alert("bad", 5));
      stream.Write(alert("two", 9));
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "again");
    }
    return acknowledge_all(stream);
  });
  std::vector<std::string> taken;
  auto options = plain_options("g1", collector.port());
  options.take_alert = [&](std::string json) {
    taken.push_back(json);
    return json != "bad";
  };
  source.add(3);
  const auto uplink = connect(options, source);
  EXPECT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_THAT(taken, testing::ElementsAre("one", "bad", "two"));
  EXPECT_EQ(uplink->status().alerts, 2U);
  EXPECT_EQ(uplink->status().malformed_alerts, 1U);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(known, testing::ElementsAre(0, 9));
}

TEST_F(ScriptedTest, ManyAlertsThatNobodyTakesAreBounded) {
  constexpr std::uint64_t kAlerts = 200;
  std::atomic<bool> written{false};
  ScriptedCollector collector([&](const v1::Hello&, Stream& stream) {
    stream.Write(welcome(1, 0));
    for (std::uint64_t i = 1; i <= kAlerts; ++i) stream.Write(alert(std::string(30'000, 'x'), i));
    written = true;
    return acknowledge_all(stream);
  });
  std::uint64_t taken = 0;
  auto options = plain_options("g1", collector.port());
  options.take_alert = [&](const std::string&) { return ++taken > 0; };
  const auto uplink = connect(options, source);
  uplink->poll(0ms);  // connects; gRPC's own threads read on
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!written && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(written);
  source.add(1);  // acknowledged behind the alerts
  EXPECT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_GT(taken, 0U);
  EXPECT_LT(taken, kAlerts);
}

TEST_F(ScriptedTest, AlertsBeforeTheWelcomeBreakTheProtocol) {
  ScriptedCollector collector([&](const v1::Hello&, Stream& stream) {
    stream.Write(alert("one", 1));
    return acknowledge_all(stream);
  });
  auto options = plain_options("g1", collector.port());
  bool taken = false;
  options.take_alert = [&](const std::string&) { return taken = true; };
  const auto uplink = connect(options, source);
  EXPECT_TRUE(poll_until(*uplink, [&] { return uplink->status().fault.find("protocol") != std::string::npos; }));
  EXPECT_FALSE(taken);
}

TEST_F(ScriptedTest, StartsBehindThePositionAndKeepsFewUnderWay) {
  std::mutex mutex;
  std::vector<std::uint64_t> firsts;
  std::atomic<bool> go{false};
  ScriptedCollector collector([&](const v1::Hello&, Stream& stream) {
    stream.Write(welcome(1, 5));
    v1::AgentMessage message;
    while (stream.Read(&message)) {
      {
        const std::lock_guard lock(mutex);
        firsts.push_back(message.batch().first_sequence());
      }
      if (!go) continue;
      v1::CollectorMessage answer;
      answer.mutable_acknowledge()->set_sequence(message.batch().last_sequence());
      stream.Write(answer);
    }
    return grpc::Status::OK;
  });
  source.add(30);
  const auto uplink = connect(plain_options("g1", collector.port()), source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return uplink->status().sent_batches == 8; }));
  poll_until(*uplink, [] { return false; }, 100ms);
  EXPECT_EQ(uplink->status().sent_batches, 8U);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(firsts.front(), 6U);
  EXPECT_EQ(source.oldest_sequence(), 6U);
}

TEST_F(ScriptedTest, BatchTooLargeBecomesAGapThatSaysSo) {
  std::mutex mutex;
  std::vector<std::string> contents;
  ScriptedCollector collector([&](const v1::Hello&, Stream& stream) {
    stream.Write(welcome(1, 0, 2000));
    v1::AgentMessage message;
    while (stream.Read(&message)) {
      {
        const std::lock_guard lock(mutex);
        contents.push_back(message.batch().content());
      }
      v1::CollectorMessage answer;
      answer.mutable_acknowledge()->set_sequence(message.batch().last_sequence());
      stream.Write(answer);
    }
    return grpc::Status::OK;
  });
  source.add(3);
  std::get<flow::FlowRecord>(source.batch(2).records[0]).processes.push_back(std::string(5000, 'x'));
  const auto uplink = connect(plain_options("g1", collector.port()), source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  const std::lock_guard lock(mutex);
  std::size_t gaps = 0;
  for (const auto& content : contents) gaps += content.find("batch_too_large") != std::string::npos ? 1 : 0;
  EXPECT_EQ(gaps, 1U);
}

TEST_F(ScriptedTest, TokenThatTheCollectorSendsBackIsNotTold) {
  ScriptedCollector collector([&](const v1::Hello&, Stream&) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "you said " + tokens["g1"] + "\n\x1b[31m");
  });
  const auto uplink = connect(plain_options("g1", collector.port()), source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return !uplink->status().fault.empty(); }));
  EXPECT_THAT(uplink->status().fault, HasSubstr("you said ***"));
  EXPECT_THAT(uplink->status().fault, Not(HasSubstr(tokens["g1"])));
  EXPECT_THAT(uplink->status().fault, Not(HasSubstr("\x1b")));
}

TEST_F(ScriptedTest, AcknowledgementOfWhatWasNeverSentIsNotBelieved) {
  ScriptedCollector collector([](const v1::Hello&, Stream& stream) {
    stream.Write(welcome(1, 0));
    v1::CollectorMessage answer;
    answer.mutable_acknowledge()->set_sequence(1000);
    stream.Write(answer);
    v1::AgentMessage message;
    while (stream.Read(&message)) {
    }
    return grpc::Status::OK;
  });
  source.add(1);
  const auto uplink = connect(plain_options("g1", collector.port()), source);
  EXPECT_TRUE(poll_until(*uplink, [&] {
    return uplink->status().fault.find("never sent") != std::string::npos;
  }));
  EXPECT_FALSE(source.empty());
}

TEST_F(ScriptedTest, SilentNetworkIsNoticed) {
  ScriptedCollector collector([](const v1::Hello&, Stream& stream) {
    stream.Write(welcome(1, 0));
    return acknowledge_all(stream);
  });
  CuttingProxy proxy(collector.port());
  auto options = plain_options("g1", proxy.port());
  options.keepalive = 1s;
  source.add(1);
  const auto uplink = connect(options, source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  proxy.set_silent(true);
  EXPECT_TRUE(poll_until(*uplink, [&] { return !uplink->status().connected; }));
  EXPECT_NE(uplink->status().fault, "");
}

TEST_F(ScriptedTest, PollKeepsItsTimeAndCanBeWoken) {
  CuttingProxy proxy(1);  // accepts; nobody behind it
  proxy.set_silent(true);
  const auto uplink = connect(plain_options("g1", proxy.port()), source);
  const auto timed = [&](std::chrono::milliseconds timeout) {
    const auto start = std::chrono::steady_clock::now();
    uplink->poll(timeout);
    return std::chrono::steady_clock::now() - start;
  };
  timed(0ms);
  for (int i = 0; i < 10; ++i) EXPECT_LT(timed(20ms), 500ms);
  EXPECT_LT(timed(0ms), 500ms);
  std::thread waker([&] {
    std::this_thread::sleep_for(50ms);
    uplink->wake();
  });
  const auto woken = timed(20s);
  waker.join();
  EXPECT_LT(woken, 5s);
}

}  // namespace
}  // namespace iris::ship
