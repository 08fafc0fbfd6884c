// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "notify/syslog_target.h"

namespace iris::notify {

/// A connection over TCP or TLS into which one only writes. Kept, and made again when it
/// broke. TLS 1.2 or later; the name or address in the target must be in the certificate.
/// For one thread.
class StreamConnection {
 public:
  using Clock = std::chrono::steady_clock;

  /// `ca_file`: PEM, the only authorities then; empty: those of the system.
  StreamConnection(SyslogTarget target, std::string ca_file);
  ~StreamConnection();
  StreamConnection(const StreamConnection&) = delete;

  /// All of it, or an error; after an error nobody knows how much arrived. Returns when the
  /// system at the other end has acknowledged all bytes: into a connection that is cut
  /// somewhere, nothing is "written". (Whether the program there has read them, TCP does
  /// not tell.) Takes no longer than until `deadline`.
  base::Result<void> send(std::string_view bytes, Clock::time_point deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::notify
