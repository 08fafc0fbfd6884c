// SPDX-License-Identifier: Apache-2.0
#include "notify/settings.h"

#include <gmock/gmock.h>

#include "notify/make_sinks.h"
#include "notify/syslog_target.h"

namespace iris::notify {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(NotifySettings, NothingSetIsNothingWrongAndNoSink) {
  EXPECT_THAT(faults_of({}), IsEmpty());
  const auto sinks = make_sinks({}, "0");
  ASSERT_TRUE(sinks);
  EXPECT_THAT(*sinks, IsEmpty());
}

TEST(NotifySettings, EachTargetIsASink) {
  NotifySettings settings;
  settings.webhook_url = "https://hooks.example/a?b=c";
  settings.webhook_min_severity = 5;
  settings.syslog_target = "tls://siem.example:6514";
  settings.syslog_framing = "octet_counting";
  settings.file_path = "/var/log/iris/alerts.jsonl";
  const auto sinks = make_sinks(settings, "0");
  ASSERT_TRUE(sinks) << sinks.error().message;
  ASSERT_EQ(sinks->size(), 3u);
  EXPECT_EQ((*sinks)[0].name, "webhook");
  EXPECT_EQ((*sinks)[0].min_severity, 5);
  EXPECT_EQ((*sinks)[1].name, "syslog");
  EXPECT_EQ((*sinks)[1].min_severity, 3);
  EXPECT_EQ((*sinks)[2].name, "alert_file");
}

TEST(NotifySettings, WebhooksAreSecretOnTheWay) {
  for (const char* good : {"https://h.example/x", "https://[2001:db8::1]:8443/", "http://127.0.0.1:9000/x", "http://[::1]/"}) {
    EXPECT_EQ(webhook_url_fault(good), "") << good;
  }
  const std::pair<const char*, const char*> bad[] = {
      {"http://h.example/x", "https"},       {"http://localhost/x", "https"},   {"http://127.0.0.1.example/", "https"},
      {"http://192.0.2.1/", "https"},        {"ftp://h.example/", "https"},     {"file:///etc/passwd", "https"},
      {"h.example/x", "not a URL"},          {"", "not a URL"},                 {"https://h.example/a b", "not a URL"},
      {"https://u:geheim@h.example/", "token_file"}, {"https://u@h.example/", "token_file"}, {"https://h.example/#x", "#"},
  };
  for (const auto& [url, words] : bad) {
    const auto fault = webhook_url_fault(url);
    EXPECT_THAT(fault, HasSubstr(words)) << url;
    EXPECT_THAT(fault, Not(HasSubstr("geheim")));
  }
}

TEST(NotifySettings, EveryFaultIsNamedWithItsKey) {
  NotifySettings settings;
  settings.webhook_token_file = "token";
  settings.webhook_min_severity = 0;
  settings.syslog_target = "udp://h.example";
  settings.syslog_format = "rfc9999";
  settings.syslog_framing = "both";
  settings.syslog_facility = "local9";
  settings.syslog_ca_file = "/ca.pem";
  settings.syslog_min_severity = 6;
  settings.file_path = "alerts.jsonl";
  settings.file_min_severity = -1;
  std::vector<std::string> keys;
  for (const auto& fault : faults_of(settings)) keys.push_back(fault.key);
  EXPECT_THAT(keys, testing::ElementsAre("webhook.token_file", "webhook.token_file", "webhook.min_severity", "syslog.target",
                                         "syslog.format", "syslog.framing", "syslog.facility", "syslog.ca_file",
                                         "syslog.min_severity", "alert_file.path", "alert_file.min_severity"));
  const auto sinks = make_sinks(settings, "0");
  ASSERT_FALSE(sinks);
  EXPECT_EQ(sinks.error().kind, base::Error::Kind::usage);
}

TEST(NotifySettings, FramingIsForTcpOnly) {
  NotifySettings settings;
  settings.syslog_framing = "newline";
  settings.syslog_target = "tcp://h.example:601";
  EXPECT_THAT(faults_of(settings), IsEmpty());
  settings.syslog_target = "tls://h.example:6514";
  ASSERT_EQ(faults_of(settings).size(), 1u);
  EXPECT_THAT(faults_of(settings)[0].message, HasSubstr("5425"));
  settings.syslog_target = "udp://h.example:514";
  EXPECT_EQ(faults_of(settings).size(), 1u);
}

TEST(SyslogTarget, IsTakenApart) {
  const auto target = parse_syslog_target("tls://[2001:db8::1]:6514");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->transport, SyslogTarget::Transport::tls);
  EXPECT_EQ(target->host, "2001:db8::1");
  EXPECT_EQ(target->port, 6514);
  EXPECT_EQ(target->host_and_port(), "[2001:db8::1]:6514");
  EXPECT_EQ(parse_syslog_target("udp://siem.example:514")->host_and_port(), "siem.example:514");
  for (const char* text : {"", "udp://", "udp://:514", "udp://h", "udp://h:0", "udp://h:65536", "udp://h:5x", "http://h:1", "h:1",
                           "udp://a/b:1", "udp://u:p@h:1", "udp://2001:db8::1:514", "udp://[h]:1", "tcp://h :1", "tcp://[::1]x:1"}) {
    EXPECT_FALSE(parse_syslog_target(text)) << text;
  }
}

}  // namespace
}  // namespace iris::notify
