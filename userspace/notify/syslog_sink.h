// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "notify/sink.h"
#include "notify/stream_connection.h"
#include "notify/syslog_frame.h"
#include "notify/udp_socket.h"

namespace iris::notify {

struct SyslogOptions {
  SyslogTarget target;
  SyslogFormat format = SyslogFormat::rfc5424;
  SyslogFraming framing = SyslogFraming::octet_counting;  // of TCP; TLS always counts
  int facility = 16;
  std::string ca_file;           // of TLS; empty: the system's
  std::string product_version;   // of Iris
  std::chrono::milliseconds timeout{5'000};  // of one delivery, connecting included
};

/// CEF in syslog. HOSTNAME is the gateway that the alert is about, and this host when
/// that is not known; MSGID is the class of the alert; the time is that of its last finding.
class SyslogSink final : public Sink {
 public:
  explicit SyslogSink(SyslogOptions options);
  base::Result<void> deliver(const Notice& notice) override;

 private:
  const SyslogOptions options_;
  const std::string own_host_;
  std::unique_ptr<StreamConnection> stream_;  // one of the two
  std::unique_ptr<UdpSocket> datagrams_;
};

}  // namespace iris::notify
