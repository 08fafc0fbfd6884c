// SPDX-License-Identifier: Apache-2.0
#include "collector/gateway_login.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>

#include <string_view>

#include "collector/ingest_server.h"

namespace iris::collector {
namespace {

constexpr std::string_view kScheme = "Bearer ";

}  // namespace

Credential credential_of(const grpc::ServerContextBase& context, bool certificates_count) {
  Credential credential;
  const auto& metadata = context.client_metadata();
  const auto [first, last] = metadata.equal_range("authorization");
  if (first != last) {
    const std::string_view value(first->second.data(), first->second.size());
    if (std::next(first) == last && value.starts_with(kScheme) && value.size() > kScheme.size()) {
      credential.token_hash = hash_token(std::string(value.substr(kScheme.size())));
    }
    return credential;
  }
  if (!certificates_count) return credential;
  const auto names = context.auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (names.size() == 1) credential.common_name.assign(names[0].data(), names[0].size());
  return credential;
}

base::Result<std::optional<store::Gateway>> find_gateway(store::Store& store, const Credential& credential) {
  base::Result<std::optional<store::Gateway>> gateway;
  if (!credential.token_hash.empty()) {
    gateway = store.gateway_by_token(credential.token_hash);
  } else if (!credential.common_name.empty()) {
    gateway = store.gateway_by_name(credential.common_name);
  }
  if (gateway && *gateway && (*gateway)->revoked) gateway->reset();
  return gateway;
}

}  // namespace iris::collector
