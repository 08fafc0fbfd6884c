// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "flow/batch.h"

namespace iris::ship {

/// Where to and how. Read again (certificates, token) at each connection.
struct UplinkOptions {
  std::string target;                   // "host:port", or "unix:/path"
  bool insecure = false;                // plain text; only to a unix socket or to loopback
  std::filesystem::path ca_file;        // PEM; empty: the system's roots
  std::filesystem::path token_file;     // one line; empty: client certificate
  std::filesystem::path certificate_file;
  std::filesystem::path key_file;
  std::string server_name;              // to check against the certificate; empty: the host of target
  std::string agent_version;
  std::chrono::milliseconds min_backoff{500};
  std::chrono::milliseconds max_backoff{60'000};
  /// Silence after which the collector is asked for a sign of life. What it has not
  /// received 20 s after sending ends the stream anyway, so this is for idle streams.
  std::chrono::milliseconds keepalive{60'000};
  /// Gets the alerts of this gateway as the collector sends them: foreign bytes. On the
  /// thread of poll(); false: it is none. Empty: they are passed over.
  std::function<bool(std::string json)> take_alert;
};

struct UplinkStatus {
  bool connected = false;
  std::string fault;                    // why not, or what the source says; empty: all is well, or not tried yet
  std::uint64_t sent_batches = 0;
  std::uint64_t acknowledged_sequence = 0;
  std::uint64_t sent_bytes = 0;         // encoded batches, without gRPC and TLS
  std::uint64_t connections = 0;        // attempts that got a Welcome
  std::uint64_t alerts = 0;             // told by the collector, the same again when it has changed
  std::uint64_t malformed_alerts = 0;
};

/// What the uplink needs of the spool. Called from the thread of poll() only.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  struct Next {
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
    flow::Batch batch;
  };
  virtual std::uint64_t epoch() const = 0;
  virtual std::uint64_t oldest_sequence() const = 0;
  /// Told at the begin of each stream up to where the collector has everything. False:
  /// never that much was given, and the source has begun a new epoch because of it.
  virtual base::Result<bool> resume(std::uint64_t /*sequence*/) { return true; }
  /// What to send behind `sequence`, windows merged; none: nothing, or it may wait.
  virtual base::Result<std::optional<Next>> next_after(std::uint64_t sequence) = 0;
  virtual base::Result<void> acknowledge(std::uint64_t sequence) = 0;
};

/// Keeps one stream to the collector: connects, ships with a few batches under way,
/// takes acknowledgements, backs off with jitter. gRPC's threads stay inside; all
/// calls come from one thread, status() and wake() from anywhere.
class Uplink {
 public:
  /// Faults of the options (no such file, plain text to a far host) come at once.
  static base::Result<std::unique_ptr<Uplink>> create(UplinkOptions options, BatchSource& source);
  ~Uplink();

  /// Does what can be done now and returns after at most `timeout`, or when woken,
  /// or when an acknowledgement came.
  void poll(std::chrono::milliseconds timeout);
  void wake();
  UplinkStatus status() const;

 private:
  class Impl;
  explicit Uplink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::ship
