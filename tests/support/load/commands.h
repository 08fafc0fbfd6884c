// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.h"
#include "truth.h"

/// The jobs of iris-load. Each returns its truth; none prints.
namespace iris::load {

enum class Closer { client, server };

struct TcpServerOptions {
  std::vector<Endpoint> listen;
  std::uint64_t reply_bytes = 0;
  std::uint64_t request_bytes = 1;  // reply after so many; 0: reply at once
  Closer closer = Closer::client;
  bool reset = false;               // break every connection right after accept
  unsigned threads = 1;
};

struct TcpClientOptions {
  std::vector<Endpoint> to;         // taken in turn
  std::uint64_t connections = 1;    // over all targets
  unsigned threads = 1;
  std::uint64_t send_bytes = 1;
  std::uint64_t receive_bytes = 0;
  Closer closer = Closer::client;
  std::chrono::milliseconds hold{0};
};

struct TimeoutOptions {
  std::vector<Endpoint> to;
  std::uint64_t connections = 1;
  std::optional<std::chrono::milliseconds> give_up;
};

struct IdleOptions {
  std::vector<Endpoint> to;
  std::uint64_t connections = 1;
  std::chrono::milliseconds duration{1000};
  std::uint64_t trickle_bytes_per_second = 0;
};

struct UdpOptions {
  std::vector<Endpoint> to;
  std::uint64_t pairs = 1;
  std::size_t size = 64;
  bool connected = false;
  unsigned threads = 1;
};

struct ExitOptions {
  std::uint64_t count = 1;
  int code = 0;
  int signal = 0;  // SIGSEGV or SIGABRT: really done, not sent
};

struct ChurnOptions {
  std::string root;
  std::uint64_t count = 1;
  std::optional<Endpoint> connect;
};

/// Servers run until SIGINT, SIGTERM or the end of `duration`; they call
/// announce_ready() once every socket is bound.
Json run_tcp_server(const TcpServerOptions& options, std::optional<std::chrono::milliseconds> duration);
Json run_udp_server(const std::vector<Endpoint>& listen, std::optional<std::chrono::milliseconds> duration);

/// One truth for each target, in the order of `to`.
std::vector<Truth> run_tcp_client(const TcpClientOptions& options);
std::vector<Truth> run_connect_only(const std::vector<Endpoint>& to, std::uint64_t connections);
std::vector<Truth> run_timeouts(const TimeoutOptions& options);
std::vector<Truth> run_udp_client(const UdpOptions& options);
std::vector<Truth> run_bulk(const std::vector<Endpoint>& to, std::uint64_t bytes);
std::vector<Truth> run_idle(const IdleOptions& options);
Json run_exits(const ExitOptions& options);
Json run_churn(const ChurnOptions& options);

/// The sum, and under "targets" each one.
Json targets_to_json(const std::vector<Endpoint>& to, const std::vector<Truth>& truths);

/// Blocks SIGINT and SIGTERM; before any thread starts.
void block_stop_signals();
/// Returns on SIGINT, SIGTERM or after `duration`.
void wait_for_stop(std::optional<std::chrono::milliseconds> duration);
void announce_ready();

}  // namespace iris::load
