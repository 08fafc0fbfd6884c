// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "identity/edgex_devices.h"
#include "registry/edgex_client.h"
#include "registry/evidence_set.h"
#include "registry/https_client.h"

namespace iris::registry {

/// Where core-metadata may be: the URL without "/api/..", by version of the API.
struct EdgexEndpoint {
  std::string base;     // for v3 and v2: "http://localhost:59881"
  std::string base_v1;  // "http://localhost:48081"
  std::string host;
  bool tls = false;
};
base::Result<EdgexEndpoint> parse_edgex_url(const std::string& url);

/// One round of questions: which version, then all devices.
class EdgexSession {
 public:
  EdgexSession(const EdgexOptions& options, EdgexEndpoint endpoint);

  struct Round {
    bool ok = false;
    bool stopped = false;
    bool retry_soon = false;  // transport, 5xx; else it is asked again at the usual interval
    std::string detail;       // what is wrong; when ok, what was cut
    std::optional<EvidenceSet> devices;
    std::size_t skipped = 0;
  };
  Round ask();
  void abort() { https_.abort(); }

  /// 0: not known yet.
  int version() const { return version_; }
  std::uint64_t requests() const { return requests_; }
  std::uint64_t throttled() const { return throttled_; }

 private:
  HttpResponse get(const std::string& url);
  std::optional<Round> probe();
  bool is_ping(const HttpResponse& response, int version) const;
  Round list();
  Round failure(const HttpResponse& response) const;
  static void take(const identity::EdgexPage& page, Round& round);

  const EdgexOptions& options_;
  const EdgexEndpoint endpoint_;
  HttpsClient https_;
  int version_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t throttled_ = 0;
};

}  // namespace iris::registry
