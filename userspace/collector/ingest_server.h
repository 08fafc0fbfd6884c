// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace iris::collector {

struct IngestOptions {
  std::string listen{"0.0.0.0:4319"};  // or "unix:/path"
  bool insecure = false;               // plain text; only on a unix socket or on loopback
  std::filesystem::path certificate_file;  // PEM, read again when they change
  std::filesystem::path key_file;
  std::filesystem::path client_ca_file;    // set: client certificates are accepted too
  std::chrono::milliseconds commit_interval{20};  // how long batches of several gateways are gathered
  std::size_t max_waiting_batches = 4096;         // beyond this streams are not read: back-pressure
  bool judged = true;                   // each batch is put up for the judge, too
};

struct IngestStatus {
  std::uint64_t streams = 0;            // connected gateways
  std::uint64_t batches = 0;            // committed
  std::uint64_t flows = 0;              // summaries in them
  std::uint64_t duplicates = 0;
  std::uint64_t refused_streams = 0;    // token or certificate wrong, revoked, foreign; two streams of one gateway
  std::uint64_t malformed_batches = 0;
  std::uint64_t received_bytes = 0;     // encoded batches
  std::uint64_t waiting_batches = 0;
  std::string fault;                    // last error of the store; empty: none
};

/// The gRPC end of v1.Collector: authenticates, decodes, hands to the store in
/// groups, acknowledges after the commit. Own threads, few whatever the number of
/// streams; a newer stream of a gateway ends its older one.
class IngestServer {
 public:
  using WallClock = std::function<std::uint64_t()>;  // nanoseconds since the Unix epoch

  static base::Result<std::unique_ptr<IngestServer>> start(const IngestOptions& options, store::Store& store,
                                                           WallClock clock);
  ~IngestServer();  // as stop()

  int port() const;  // 0 for a unix socket
  IngestStatus status() const;
  /// Commits what waits, acknowledges, ends the streams. At most `timeout`.
  void stop(std::chrono::milliseconds timeout);

 private:
  class Impl;
  explicit IngestServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// SHA-256 of a token, 32 bytes: what the store keeps.
std::string hash_token(const std::string& token);
/// 32 random bytes as text for `gateway add` to print once.
std::string new_token();

}  // namespace iris::collector
