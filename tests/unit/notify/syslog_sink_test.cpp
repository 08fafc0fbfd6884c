// SPDX-License-Identifier: Apache-2.0
#include "notify/syslog_sink.h"

#include <gmock/gmock.h>

#include "notify/cef.h"
#include "notify/cef_reader.h"
#include "notify/receivers.h"
#include "notify/sample_alerts.h"

namespace iris::notify {
namespace {

using test_support::notice_of;
using test_support::StreamReceiver;
using testing::HasSubstr;
using testing::Not;
using Transport = SyslogTarget::Transport;

SyslogOptions options_for(Transport transport, std::uint16_t port) {
  SyslogOptions options;
  options.target = {transport, "127.0.0.1", port};
  options.product_version = "0.1.0";
  return options;
}

/// What the sink must have sent, with nothing in front or behind.
std::string message_of(const Notice& notice, std::size_t max_bytes = kMaxStreamMessageBytes) {
  const auto event = to_cef(notice.json, "0.1.0", max_bytes - kMaxSyslogHeaderBytes);
  return syslog_message(SyslogFormat::rfc5424, {16, event->severity, event->wall_ns, event->gateway, event->alert_class},
                        event->line, max_bytes);
}

std::string counted(const Notice& notice) { return framed(SyslogFraming::octet_counting, message_of(notice)); }

Notice numbered(std::uint64_t number) {
  auto alert = test_support::sample_alert();
  alert.id = "ID" + std::to_string(number);
  return notice_of(number, alert);
}

TEST(SyslogSink, TcpCountsBytesAndKeepsItsConnection) {
  StreamReceiver receiver;
  SyslogSink sink(options_for(Transport::tcp, receiver.port()));
  const auto expected = counted(numbered(1)) + counted(numbered(2));
  ASSERT_TRUE(sink.deliver(numbered(1)));
  ASSERT_TRUE(sink.deliver(numbered(2)));
  EXPECT_EQ(receiver.await(expected.size()), expected);
  EXPECT_EQ(receiver.connections(), 1u);
}

TEST(SyslogSink, TcpEndsLinesForOldReaders) {
  StreamReceiver receiver;
  auto options = options_for(Transport::tcp, receiver.port());
  options.framing = SyslogFraming::newline;
  options.format = SyslogFormat::rfc3164;
  SyslogSink sink(options);
  ASSERT_TRUE(sink.deliver(numbered(1)));
  const auto event = to_cef(numbered(1).json, "0.1.0", kMaxStreamMessageBytes - kMaxSyslogHeaderBytes);
  const auto expected = "<131>Nov  2 10:00:00 gw-17.example.net " + event->line + "\n";
  EXPECT_EQ(receiver.await(expected.size()), expected);
}

TEST(SyslogSink, TlsAlwaysCounts) {
  const iris::test_support::TestAuthority authority;
  StreamReceiver receiver(authority, "IP:127.0.0.1");
  auto options = options_for(Transport::tls, receiver.port());
  options.ca_file = receiver.ca_file();
  options.framing = SyslogFraming::newline;
  SyslogSink sink(options);
  const auto expected = counted(numbered(1)) + counted(numbered(2));
  ASSERT_TRUE(sink.deliver(numbered(1)));
  ASSERT_TRUE(sink.deliver(numbered(2)));
  EXPECT_EQ(receiver.await(expected.size()), expected);
  EXPECT_EQ(receiver.connections(), 1u);
}

TEST(SyslogSink, TlsWantsTheRightNameAndAuthority) {
  const iris::test_support::TestAuthority authority;
  const iris::test_support::TestAuthority other;
  StreamReceiver wrong_name(authority, "IP:127.0.0.2,DNS:receiver");
  auto options = options_for(Transport::tls, wrong_name.port());
  options.ca_file = wrong_name.ca_file();
  auto refused = SyslogSink(options).deliver(numbered(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, base::Error::Kind::failed);
  EXPECT_THAT(refused.error().message, HasSubstr("TLS failed"));

  StreamReceiver right_name(authority, "IP:127.0.0.1");
  collector::TemporaryDirectory folder;
  options = options_for(Transport::tls, right_name.port());
  options.ca_file = folder.write("other.pem", other.certificate());
  refused = SyslogSink(options).deliver(numbered(1));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("TLS failed"));
  options.ca_file = folder.path() / "missing.pem";
  refused = SyslogSink(options).deliver(numbered(1));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("CA file"));
  EXPECT_EQ(wrong_name.received() + right_name.received(), "");
}

/// The receiver restarts between two alerts, and again.
void lose_nothing(StreamReceiver& receiver, const SyslogOptions& options, bool reset) {
  SyslogSink sink(options);
  std::string expected;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto delivered = sink.deliver(numbered(i));
    ASSERT_TRUE(delivered) << i << ": " << delivered.error().message;
    expected += counted(numbered(i));
    ASSERT_EQ(receiver.await(expected.size()), expected);
    receiver.drop(reset);
  }
  EXPECT_EQ(receiver.connections(), 5u);
}

TEST(SyslogSink, AReceiverThatClosesBetweenAlertsLosesNone) {
  StreamReceiver receiver;
  lose_nothing(receiver, options_for(Transport::tcp, receiver.port()), false);
}

TEST(SyslogSink, NorOneThatResets) {
  StreamReceiver receiver;
  lose_nothing(receiver, options_for(Transport::tcp, receiver.port()), true);
}

TEST(SyslogSink, NorOverTls) {
  const iris::test_support::TestAuthority authority;
  for (const bool reset : {false, true}) {
    StreamReceiver receiver(authority, "IP:127.0.0.1");
    auto options = options_for(Transport::tls, receiver.port());
    options.ca_file = receiver.ca_file();
    lose_nothing(receiver, options, reset);
  }
}

TEST(SyslogSink, NobodyThereIsAnErrorThatPasses) {
  auto receiver = std::make_unique<StreamReceiver>();
  const auto port = receiver->port();
  SyslogSink sink(options_for(Transport::tcp, port));
  ASSERT_TRUE(sink.deliver(numbered(1)));
  receiver->await(1);
  receiver->end();
  const auto failed = sink.deliver(numbered(2));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, base::Error::Kind::failed);
  receiver = std::make_unique<StreamReceiver>(port);
  ASSERT_TRUE(sink.deliver(numbered(2)));
  EXPECT_EQ(receiver->await(counted(numbered(2)).size()), counted(numbered(2)));
}

TEST(SyslogSink, WhatNobodyTakesIsNotDelivered) {
  // The kernel completes the connection and fills its buffers; no program reads them.
  const auto listening = test_support::bound_socket(SOCK_STREAM);
  const int small = 4096;
  ::setsockopt(listening.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  auto options = options_for(Transport::tcp, test_support::port_of(listening.get()));
  options.timeout = std::chrono::milliseconds(200);
  SyslogSink sink(options);
  base::Result<void> delivered;
  int count = 0;
  while ((delivered = sink.deliver(numbered(1))) && count < 1000) ++count;
  ASSERT_FALSE(delivered);
  EXPECT_THAT(delivered.error().message, HasSubstr("acknowledge"));
}

TEST(SyslogSink, UdpIsADatagramOfBoundedSize) {
  const auto socket = test_support::bound_socket(SOCK_DGRAM);
  SyslogSink sink(options_for(Transport::udp, test_support::port_of(socket.get())));
  std::array<char, 65'536> buffer;
  ASSERT_TRUE(sink.deliver(numbered(1)));
  auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(got)), message_of(numbered(1), kMaxDatagramBytes));

  auto alert = test_support::sample_alert();
  alert.summary.clear();
  for (int i = 0; i < 2000; ++i) alert.summary += "\u00e4=";
  ASSERT_TRUE(sink.deliver(notice_of(2, alert)));
  got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  ASSERT_GT(got, 0);
  ASSERT_LE(got, 2048);
  const std::string message(buffer.data(), static_cast<std::size_t>(got));
  const auto line = test_support::read_cef(message.substr(message.find("CEF:0")));
  ASSERT_TRUE(line) << message;
  EXPECT_THAT(line->extension.at("msg"), testing::StartsWith("\u00e4=\u00e4="));
}

TEST(SyslogSink, UdpToANameAndToNobody) {
  const auto socket = test_support::bound_socket(SOCK_DGRAM);
  auto options = options_for(Transport::udp, test_support::port_of(socket.get()));
  options.target.host = "localhost";
  // Which of its two addresses that is, is the host's business: it is a name that resolves.
  EXPECT_TRUE(SyslogSink(options).deliver(numbered(1)));
  options.target.host = "nobody.invalid";
  const auto failed = SyslogSink(options).deliver(numbered(1));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, base::Error::Kind::failed);
}

TEST(SyslogSink, AnAlertThatIsNoneIsRefusedForGood) {
  StreamReceiver receiver;
  SyslogSink sink(options_for(Transport::tcp, receiver.port()));
  const auto refused = sink.deliver({1, 3, "nonsense"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, base::Error::Kind::usage);
  EXPECT_EQ(receiver.connections(), 0u);
}

TEST(SyslogSink, WithoutAGatewayThisHostSpeaks) {
  StreamReceiver receiver;
  SyslogSink sink(options_for(Transport::tcp, receiver.port()));
  ASSERT_TRUE(sink.deliver({1, 3, "{}"}));
  const auto text = receiver.await(20);
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  EXPECT_THAT(text, HasSubstr(std::string(" ") + name.data() + " iris - - - CEF:0|"));
  EXPECT_THAT(text, Not(HasSubstr("1 - ")));  // the time is now
}

}  // namespace
}  // namespace iris::notify
