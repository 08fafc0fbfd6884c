// SPDX-License-Identifier: Apache-2.0
#include "rest/api.h"

#include <openssl/crypto.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "rest/alert_answers.h"
#include "rest/answers.h"
#include "rest/metrics.h"
#include "rest/openapi.h"

namespace iris::rest {
namespace {

constexpr std::string_view kBearer = "Bearer ";

struct Route {
  std::string_view path;
  bool open;  // needs no token
  Answer (*handle)(const Sources& sources, const Request& request);
};

Answer healthz(const Sources&, const Request&) { return {.body = "{\"status\":\"ok\"}\n"}; }

Answer metrics(const Sources& sources, const Request&) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_text(sources)};
}

Answer openapi(const Sources& sources, const Request&) { return {.body = openapi_document(sources.version)}; }

constexpr Route kRoutes[] = {
    {"/healthz", true, healthz},
    {"/readyz", true, readiness},
    {"/metrics", false, metrics},
    {"/api/v1/gateways", false, list_gateways},
    {"/api/v1/owners", false, list_owners},
    {"/api/v1/flows", false, list_flows},
    {"/api/v1/devices", false, list_devices},
    {"/api/v1/security_events", false, list_security_events},
    {"/api/v1/alerts", false, list_alerts},
    {"/api/v1/profiles", false, list_profiles},
    {"/api/v1/ledger", false, list_ledgers},
    {"/api/v1/openapi.json", false, openapi},
};

const Route* route_of(std::string_view path) {
  for (const Route& route : kRoutes) {
    if (route.path == path) return &route;
  }
  return nullptr;
}

}  // namespace

Answer error_answer(int status, const std::string& message) {
  const nlohmann::json body{{"error", message}};
  return {.status = status, .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

Api::Api(Sources sources, const std::string& token) : sources_(std::move(sources)) {
  if (token.empty()) throw std::invalid_argument("an empty token would open the interface to all");
  token_hash_ = collector::hash_token(token);
}

bool Api::authorized(const std::string& authorization) const {
  if (!authorization.starts_with(kBearer)) return false;
  // Hashes are of one length, so that the time tells nothing of the token.
  const auto given = collector::hash_token(authorization.substr(kBearer.size()));
  return CRYPTO_memcmp(given.data(), token_hash_.data(), token_hash_.size()) == 0;
}

Answer Api::answer(const Request& request) const {
  const Route* route = route_of(request.path);
  // What there is and what not is for those with the token, too.
  if ((route == nullptr || !route->open) && !authorized(request.authorization)) {
    auto refused = error_answer(401, "a valid token is needed: 'Authorization: Bearer TOKEN'");
    refused.headers["WWW-Authenticate"] = "Bearer realm=\"iris-collector\"";
    return refused;
  }
  constexpr std::string_view kAlert = "/api/v1/alerts/";
  if (request.path.starts_with(kAlert)) return answer_alert(sources_, request, std::string_view(request.path).substr(kAlert.size()));
  if (route == nullptr) return error_answer(404, "there is no such path; /api/v1/openapi.json lists those there are");
  if (request.method != "GET" && request.method != "HEAD") {
    auto refused = error_answer(405, "only GET and HEAD");
    refused.headers["Allow"] = "GET, HEAD";
    return refused;
  }
  return route->handle(sources_, request);
}

}  // namespace iris::rest
