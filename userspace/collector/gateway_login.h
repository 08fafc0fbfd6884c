// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace grpc {
class ServerContextBase;
}

namespace iris::collector {

/// What a stream shows of itself when it opens.
struct Credential {
  std::string token_hash;   // of "authorization: Bearer TOKEN"
  std::string common_name;  // of the client certificate that TLS has checked
};

/// A token goes before a certificate. Both empty: neither is there.
Credential credential_of(const grpc::ServerContextBase& context, bool certificates_count);

/// The gateway, or none when the credential is not that of a gateway, or revoked.
base::Result<std::optional<store::Gateway>> find_gateway(store::Store& store, const Credential& credential);

}  // namespace iris::collector
