// SPDX-License-Identifier: Apache-2.0
#include "collector/listener.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "rpc/endpoint.h"
#include "rpc/pem_file.h"
#include "rpc/process.h"
#include "wire/batch_codec.h"

namespace iris::collector {
namespace {

using Credentials = std::shared_ptr<grpc::ServerCredentials>;

constexpr unsigned kReloadSeconds = 1;
constexpr int kMaxMessageBytes = static_cast<int>(wire::kMaxContentBytes) + (64 << 10);
constexpr std::size_t kQuotaBytes = 512U << 20;  // of gRPC's buffers, all streams together
constexpr int kHandshakeMs = 15'000;
constexpr int kIdleMs = 60'000;         // a connection without a stream
constexpr int kKeepaliveMs = 300'000;   // silence of a gateway: it ships each minute
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kShortestPingMs = 5'000;  // of a gateway

base::Result<Credentials> tls_credentials(const IngestOptions& options) {
  // gRPC itself would start without them and refuse every handshake.
  if (auto pair = rpc::read_certificate_and_key(options.certificate_file, options.key_file); !pair) {
    return tl::unexpected(std::move(pair.error()));
  }
  if (!options.client_ca_file.empty()) {
    if (auto ca = rpc::read_authorities(options.client_ca_file); !ca) return tl::unexpected(std::move(ca.error()));
  }
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.key_file, options.certificate_file, options.client_ca_file, kReloadSeconds));
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  if (!options.client_ca_file.empty()) {
    tls.watch_root_certs();
    tls.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(tls);
}

base::Result<Credentials> credentials_for(const IngestOptions& options, const rpc::Endpoint& endpoint) {
  if (!options.insecure) return tls_credentials(options);
  if (endpoint.is_local()) return grpc::InsecureServerCredentials();
  return base::fail("plain text only on a unix socket or on a loopback address, not on " + options.listen,
                    base::Error::Kind::usage);
}

}  // namespace

base::Result<Listener> listen(const IngestOptions& options, grpc::Service& service) {
  const auto endpoint = rpc::parse_endpoint(options.listen);
  if (!endpoint) return tl::unexpected(endpoint.error());
  const auto credentials = credentials_for(options, *endpoint);
  if (!credentials) return tl::unexpected(credentials.error());

  rpc::leave_out_lock_checks();
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota("iris-ingest");
  quota.Resize(kQuotaBytes);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two collectors on one port would share gateways
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 4);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kShortestPingMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // its pings cost the gateways bytes
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);

  Listener listener;
  int port = 0;
  builder.AddListeningPort(endpoint->listen_address(), *credentials, &port);
  builder.RegisterService(&service);
  listener.server = builder.BuildAndStart();
  if (!listener.server || port == 0) return base::fail("cannot listen on " + options.listen);
  if (!endpoint->is_unix) listener.port = port;
  return listener;
}

}  // namespace iris::collector
