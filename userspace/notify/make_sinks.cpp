// SPDX-License-Identifier: Apache-2.0
#include "notify/make_sinks.h"

#include "notify/file_sink.h"
#include "notify/syslog_sink.h"
#include "notify/webhook_sink.h"

namespace iris::notify {
namespace {

std::unique_ptr<Sink> webhook(const NotifySettings& settings, const std::string& version) {
  WebhookOptions options;
  options.url = settings.webhook_url;
  options.token_file = settings.webhook_token_file;
  options.secret_file = settings.webhook_secret_file;
  options.ca_file = settings.webhook_ca_file;
  options.product_version = version;
  return std::make_unique<WebhookSink>(std::move(options));
}

std::unique_ptr<Sink> syslog(const NotifySettings& settings, const std::string& version) {
  SyslogOptions options;
  options.target = *parse_syslog_target(settings.syslog_target);
  options.format = settings.syslog_format == "rfc3164" ? SyslogFormat::rfc3164 : SyslogFormat::rfc5424;
  options.framing = settings.syslog_framing == "newline" ? SyslogFraming::newline : SyslogFraming::octet_counting;
  options.facility = *syslog_facility(settings.syslog_facility);
  options.ca_file = settings.syslog_ca_file;
  options.product_version = version;
  return std::make_unique<SyslogSink>(std::move(options));
}

}  // namespace

base::Result<std::vector<NamedSink>> make_sinks(const NotifySettings& settings, const std::string& product_version) {
  if (const auto faults = faults_of(settings); !faults.empty()) {
    return base::fail(faults.front().key + ": " + faults.front().message, base::Error::Kind::usage);
  }
  std::vector<NamedSink> sinks;
  if (!settings.webhook_url.empty()) {
    sinks.push_back({"webhook", settings.webhook_min_severity, webhook(settings, product_version)});
  }
  if (!settings.syslog_target.empty()) {
    sinks.push_back({"syslog", settings.syslog_min_severity, syslog(settings, product_version)});
  }
  if (!settings.file_path.empty()) {
    sinks.push_back({"alert_file", settings.file_min_severity, std::make_unique<FileSink>(settings.file_path)});
  }
  return sinks;
}

}  // namespace iris::notify
