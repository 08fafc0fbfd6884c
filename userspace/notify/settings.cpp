// SPDX-License-Identifier: Apache-2.0
#include "notify/settings.h"

#include <curl/curl.h>

#include <memory>

#include "base/ip_address.h"
#include "notify/syslog_frame.h"
#include "notify/syslog_target.h"

namespace iris::notify {
namespace {

using Transport = SyslogTarget::Transport;

struct UrlCloser {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

/// Empty: the URL has no such part.
std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

class Faults {
 public:
  void add(const char* key, std::string message) { all_.push_back({key, std::move(message)}); }
  void path(const char* key, const std::string& value) {
    if (!value.empty() && value.front() != '/') add(key, "'" + value + "' is not an absolute path");
  }
  void severity(const char* key, int value) {
    if (value < 1 || value > 5) add(key, "wants a severity, from 1 (information) to 5 (critical)");
  }
  void only_with(const char* key, const std::string& value, bool used, const char* what) {
    if (!value.empty() && !used) add(key, std::string("is of no use without ") + what);
  }
  std::vector<SettingFault> take() { return std::move(all_); }

 private:
  std::vector<SettingFault> all_;
};

void check_webhook(const NotifySettings& settings, Faults& faults) {
  const bool used = !settings.webhook_url.empty();
  if (used) {
    if (auto wrong = webhook_url_fault(settings.webhook_url); !wrong.empty()) faults.add("webhook.url", std::move(wrong));
  }
  const std::pair<const char*, const std::string*> files[] = {{"webhook.token_file", &settings.webhook_token_file},
                                                              {"webhook.secret_file", &settings.webhook_secret_file},
                                                              {"webhook.ca_file", &settings.webhook_ca_file}};
  for (const auto& [key, value] : files) {
    faults.path(key, *value);
    faults.only_with(key, *value, used, "webhook.url");
  }
  faults.severity("webhook.min_severity", settings.webhook_min_severity);
}

void check_syslog(const NotifySettings& settings, Faults& faults) {
  const bool used = !settings.syslog_target.empty();
  const auto target = parse_syslog_target(settings.syslog_target);
  if (used && !target) faults.add("syslog.target", target.error().message);
  if (settings.syslog_format != "rfc5424" && settings.syslog_format != "rfc3164") {
    faults.add("syslog.format", "wants rfc5424 or rfc3164");
  }
  const auto& framing = settings.syslog_framing;
  if (!framing.empty() && framing != "octet_counting" && framing != "newline") {
    faults.add("syslog.framing", "wants octet_counting or newline");
  } else if (target && target->transport == Transport::tls && framing == "newline") {
    faults.add("syslog.framing", "syslog over TLS always counts octets (RFC 5425)");
  } else if (target && target->transport == Transport::udp && !framing.empty()) {
    faults.add("syslog.framing", "is of no use over UDP");
  }
  if (!syslog_facility(settings.syslog_facility)) {
    faults.add("syslog.facility", "wants a facility by name, as local0 or daemon");
  }
  faults.path("syslog.ca_file", settings.syslog_ca_file);
  faults.only_with("syslog.ca_file", settings.syslog_ca_file, target && target->transport == Transport::tls,
                   "a syslog.target of tls://");
  faults.severity("syslog.min_severity", settings.syslog_min_severity);
}

}  // namespace

std::string webhook_url_fault(const std::string& url) {
  const std::unique_ptr<CURLU, UrlCloser> parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "is not a URL";
  if (!part_of(parsed.get(), CURLUPART_USER).empty() || !part_of(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return "must not hold a user and password: put a token into a file and name that as webhook.token_file";
  }
  if (!part_of(parsed.get(), CURLUPART_FRAGMENT).empty()) return "must not have a part behind #";
  const auto scheme = part_of(parsed.get(), CURLUPART_SCHEME);
  if (scheme == "https") return {};
  if (scheme != "http") return "wants https://";
  auto host = part_of(parsed.get(), CURLUPART_HOST);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const auto address = base::IpAddress::parse(host);
  if (address && address->is_loopback()) return {};
  return "wants https://: without it anybody on the way could read the alerts (http:// only to 127.0.0.1 or [::1])";
}

std::vector<SettingFault> faults_of(const NotifySettings& settings) {
  Faults faults;
  check_webhook(settings, faults);
  check_syslog(settings, faults);
  faults.path("alert_file.path", settings.file_path);
  faults.severity("alert_file.min_severity", settings.file_min_severity);
  return faults.take();
}

}  // namespace iris::notify
