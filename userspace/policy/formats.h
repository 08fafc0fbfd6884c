// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "policy/grant.h"
#include "policy/policy.h"

/// Policies as documents. Deterministic: the same policy gives the same bytes.
namespace iris::policy {

struct Document {
  std::string text;
  std::vector<std::string> notes;  // what the reader must know; also comments, where the format has any
};

/// RFC 8520, application/mud+json. It has no place for notes.
/// `url`: "https://..", where the file will be published.
base::Result<Document> write_mud(const Policy& policy, const std::string& url);

/// For `nft -f` on the gateway: a table of its own that counts what it would drop or, with
/// `enforce`, drops it. All places must be on one gateway.
base::Result<Document> write_nftables(const Policy& policy, bool enforce);

/// networking.k8s.io/v1 NetworkPolicy, as YAML.
base::Result<Document> write_network_policy(const Policy& policy);

}  // namespace iris::policy
