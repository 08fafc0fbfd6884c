// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

/// Where alerts go, as plain values. A target that is empty is not in use.
namespace iris::notify {

inline constexpr int kDefaultMinSeverity = 3;  // medium

struct NotifySettings {
  std::string webhook_url;          // https; plain http to a loopback address only
  std::string webhook_token_file;   // of Authorization: Bearer; read at each attempt
  std::string webhook_secret_file;  // of X-Iris-Signature; read at each attempt
  std::string webhook_ca_file;      // PEM; the only authorities then; empty: those of the system
  int webhook_min_severity = kDefaultMinSeverity;

  std::string syslog_target;               // "udp://host:port", "tcp://...", "tls://..."
  std::string syslog_format = "rfc5424";   // or "rfc3164"
  std::string syslog_framing;              // of TCP: "octet_counting" (also when empty) or "newline"
  std::string syslog_facility = "local0";  // by name
  std::string syslog_ca_file;              // as webhook_ca_file, of TLS
  int syslog_min_severity = kDefaultMinSeverity;

  std::string file_path;  // JSON lines; made with mode 0640
  int file_min_severity = kDefaultMinSeverity;
};

/// `key` as in the configuration of the collector: "webhook.url".
struct SettingFault {
  std::string key;
  std::string message;  // says nothing of a secret, nor of the URL
};

/// Everything that is wrong, with each value and with how they go together.
std::vector<SettingFault> faults_of(const NotifySettings& settings);

/// What is wrong with the URL of a webhook; empty: nothing.
std::string webhook_url_fault(const std::string& url);

}  // namespace iris::notify
