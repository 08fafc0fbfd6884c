// SPDX-License-Identifier: Apache-2.0
#include "notify/syslog_sink.h"

#include <unistd.h>

#include <array>

#include "notify/cef.h"

namespace iris::notify {
namespace {

using Transport = SyslogTarget::Transport;

std::string own_host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

SyslogSink::SyslogSink(SyslogOptions options) : options_(std::move(options)), own_host_(own_host()) {
  if (options_.target.transport == Transport::udp) {
    datagrams_ = std::make_unique<UdpSocket>(options_.target);
  } else {
    stream_ = std::make_unique<StreamConnection>(options_.target, options_.ca_file);
  }
}

base::Result<void> SyslogSink::deliver(const Notice& notice) {
  const auto max_bytes = datagrams_ ? kMaxDatagramBytes : kMaxStreamMessageBytes;
  const auto event = to_cef(notice.json, options_.product_version, max_bytes - kMaxSyslogHeaderBytes);
  if (!event) return tl::unexpected(event.error());
  SyslogHeader header;
  header.facility = options_.facility;
  header.severity = event->severity;
  header.wall_ns = event->wall_ns != 0 ? event->wall_ns : now_ns();
  header.host = event->gateway.empty() ? own_host_ : event->gateway;
  header.message_id = event->alert_class;
  const auto message = syslog_message(options_.format, header, event->line, max_bytes);
  const auto deadline = StreamConnection::Clock::now() + options_.timeout;
  if (datagrams_) return datagrams_->send(message, deadline);
  const bool counted = options_.target.transport == Transport::tls || options_.framing == SyslogFraming::octet_counting;
  return stream_->send(framed(counted ? SyslogFraming::octet_counting : SyslogFraming::newline, message), deadline);
}

}  // namespace iris::notify
