// SPDX-License-Identifier: Apache-2.0
#include "ship/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <climits>

#include "rpc/pem_file.h"
#include "rpc/process.h"

namespace iris::ship {
namespace {

constexpr int kMaxReceiveBytes = 64 << 10;      // acknowledgements are some ten bytes
constexpr std::size_t kQuotaBytes = 4 << 20;    // of gRPC's own buffers
constexpr std::size_t kMaxTokenBytes = 4096;
constexpr int kUnacknowledgedMs = 20'000;

tl::unexpected<base::Error> usage(std::string message) {
  return base::fail(std::move(message), base::Error::Kind::usage);
}

base::Result<std::string> read_token(const std::filesystem::path& path) {
  auto text = rpc::read_small_file(path);
  if (!text) return text;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  // gRPC ends the program when a header holds anything else.
  const bool printable = std::all_of(text->begin(), text->end(), [](char c) { return c > ' ' && c <= '~'; });
  if (text->empty() || text->size() > kMaxTokenBytes || !printable) {
    return base::fail(path.string() + ": not a token (one line of printable characters)");
  }
  return text;
}

base::Result<std::shared_ptr<grpc::ChannelCredentials>> tls_credentials(const UplinkOptions& options) {
  grpc::SslCredentialsOptions ssl;
  if (!options.ca_file.empty()) {
    auto authorities = rpc::read_authorities(options.ca_file);
    if (!authorities) return tl::unexpected(std::move(authorities.error()));
    ssl.pem_root_certs = std::move(*authorities);
  }
  if (!options.certificate_file.empty()) {
    auto pair = rpc::read_certificate_and_key(options.certificate_file, options.key_file);
    if (!pair) return tl::unexpected(std::move(pair.error()));
    ssl.pem_cert_chain = std::move(pair->certificate_chain);
    ssl.pem_private_key = std::move(pair->private_key);
  }
  return grpc::SslCredentials(ssl);
}

int argument_of(std::chrono::milliseconds time) {
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(time.count(), 1, INT_MAX));
}

grpc::ChannelArguments channel_arguments(const UplinkOptions& options, const rpc::Endpoint& endpoint) {
  grpc::ChannelArguments arguments;
  grpc::ResourceQuota quota("iris-uplink");
  quota.Resize(kQuotaBytes);
  arguments.SetResourceQuota(quota);
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // the spool repeats, so gRPC need not keep what it sent
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // its pings are bytes that a metered link pays for
  // A ping only after a long silence; what is on its way and not acknowledged by the
  // peer's TCP for the time-out ends the connection sooner (gRPC sets TCP_USER_TIMEOUT
  // from it), and costs nothing while there is nothing to send. The ping also finds a
  // reset that gRPC 1.51 overlooks when it comes with the last bytes (TCP_INQ).
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, argument_of(options.keepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, std::min(kUnacknowledgedMs, argument_of(options.keepalive)));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  if (endpoint.is_local()) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!options.insecure && !options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return arguments;
}

}  // namespace

base::Result<rpc::Endpoint> check_options(const UplinkOptions& options) {
  auto endpoint = rpc::parse_endpoint(options.target);
  if (!endpoint) return endpoint;
  if (!endpoint->is_unix && endpoint->port == 0) return usage("the collector's port is missing in " + options.target);
  if (options.insecure && !endpoint->is_local()) {
    return usage("plain text only goes to a unix socket or to a loopback address, not to " + options.target);
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return usage("a client certificate needs both its file and the file of its key");
  }
  if (options.token_file.empty() && options.certificate_file.empty()) {
    return usage("the collector wants to know this gateway: set a token file or a client certificate");
  }
  if (options.insecure && options.token_file.empty()) return usage("a client certificate needs TLS");
  return endpoint;
}

base::Result<Connection> open_connection(const UplinkOptions& options, const rpc::Endpoint& endpoint) {
  rpc::leave_out_lock_checks();
  Connection connection;
  if (!options.token_file.empty()) {
    auto token = read_token(options.token_file);
    if (!token) return tl::unexpected(std::move(token.error()));
    connection.token = std::move(*token);
  }
  auto credentials = grpc::InsecureChannelCredentials();
  if (!options.insecure) {
    auto tls = tls_credentials(options);
    if (!tls) return tl::unexpected(std::move(tls.error()));
    credentials = std::move(*tls);
  }
  connection.channel =
      grpc::CreateCustomChannel(endpoint.channel_target(), credentials, channel_arguments(options, endpoint));
  return connection;
}

}  // namespace iris::ship
