// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "registry/connection_string.h"
#include "registry/https_client.h"
#include "registry/iot_hub_answer.h"
#include "registry/pace.h"

namespace iris::registry {

/// Signed requests to one hub's service API, one at a time, each tried once (twice on 401, the
/// second time with a new token). Keeps the token and an eye on the clock: tokens carry the
/// hub's time when this host's is more than five minutes off.
class IotHubSession {
 public:
  IotHubSession(HttpsOptions https, IotHubConnection connection, Pace& pace);

  /// From the thread of the requests.
  void set_connection(IotHubConnection connection);
  const IotHubConnection& connection() const { return connection_; }

  /// `path` with its ids already encoded: "/twins/gw1", without api-version.
  IotHubAnswer get(const std::string& path) { return send({}, path, true); }
  /// What a policy may not be allowed to: no second try with a new token.
  IotHubAnswer get_optional(const std::string& path) { return send({}, path, false); }
  /// One page. `continuation` as the page before gave it; empty: the first.
  IotHubAnswer query(const std::string& text, unsigned page_size, const std::string& continuation);

  void abort() { https_.abort(); }

  std::uint64_t requests() const { return requests_; }
  std::uint64_t throttled() const { return throttled_; }
  /// A token of this connection has been accepted.
  bool accepted() const { return accepted_; }
  /// How far this host's clock is behind the hub's; 0 within five minutes, or when not known.
  std::chrono::seconds clock_behind() const;
  std::int64_t hub_seconds() const;  // Unix time, by the hub's clock where ours is wrong

 private:
  IotHubAnswer send(HttpRequest request, const std::string& path, bool renew);
  IotHubAnswer attempt(HttpRequest& request);
  const Secret& token();
  void watch_clock(const HttpResponse& response);
  std::int64_t own_seconds() const;

  HttpsClient https_;
  IotHubConnection connection_;
  Pace& pace_;
  Secret token_;
  std::int64_t token_expiry_ = 0;
  std::int64_t skew_seconds_ = 0;  // the hub's clock minus ours
  bool accepted_ = false;
  std::uint64_t requests_ = 0;
  std::uint64_t throttled_ = 0;
};

}  // namespace iris::registry
