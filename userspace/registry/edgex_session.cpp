// SPDX-License-Identifier: Apache-2.0
#include "registry/edgex_session.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "identity/json.h"
#include "registry/connection_string.h"
#include "registry/gateway_reading.h"
#include "registry/url.h"

namespace iris::registry {
namespace {

constexpr const char* kPort = ":59881";
constexpr const char* kPortV1 = ":48081";
constexpr int kServerMaximum = -1;  // as a limit: what the server gives at most

HttpsOptions https_options(const EdgexOptions& options) {
  HttpsOptions https;
  https.ca_file = options.ca_file;
  https.proxy = options.proxy;
  https.allow_plain_http = true;
  https.connect_timeout = options.connect_timeout;
  https.total_timeout = options.total_timeout;
  https.max_body_bytes = options.max_body_bytes;
  https.user_agent = options.user_agent;
  return https;
}

bool transient(const HttpResponse& response) {
  return !response.answered() || response.status == 408 || response.status == 429 || response.status >= 500;
}

}  // namespace

base::Result<EdgexEndpoint> parse_edgex_url(const std::string& text) {
  const auto scheme_end = text.find("://");
  if (scheme_end != std::string::npos && !text.starts_with("http://") && !text.starts_with("https://")) {
    return base::fail("the URL of EdgeX begins with neither http:// nor https://");
  }
  const auto url = parse_url(text);
  if (!url) {
    return base::fail("the URL of EdgeX is not one: it looks like http://localhost or https://gateway:8443/core-metadata");
  }
  if (!url->user.empty() || !url->query.empty()) {
    return base::fail("the URL of EdgeX has a user name or a query in it: EdgeX knows tokens only (edgex.token_file)");
  }
  EdgexEndpoint endpoint;
  endpoint.host = url->host;
  endpoint.tls = url->tls;
  auto path = url->path;
  while (path.ends_with('/')) path.pop_back();
  Url start = *url;
  start.port = 0;
  const auto begin = (url->tls ? "https://" : "http://") + start.authority();
  const auto port = url->port != 0 ? ":" + std::to_string(url->port) : "";
  endpoint.base = begin + (port.empty() ? kPort : port) + path;
  endpoint.base_v1 = begin + (port.empty() ? kPortV1 : port) + path;
  return endpoint;
}

EdgexSession::EdgexSession(const EdgexOptions& options, EdgexEndpoint endpoint)
    : options_(options), endpoint_(std::move(endpoint)), https_(https_options(options)) {}

HttpResponse EdgexSession::get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  if (!options_.token_file.empty()) {
    auto token = read_small_file(options_.token_file);
    if (!token) {
      HttpResponse none;
      none.failure = HttpFailure::refused_by_us;
      none.error = "the token file " + options_.token_file + ": " + token.error().message;
      return none;
    }
    while (!token->empty() && (token->back() == '\n' || token->back() == '\r' || token->back() == ' ')) token->pop_back();
    token->insert(0, "Bearer ");
    request.authorization = Secret(*token);
    OPENSSL_cleanse(token->data(), token->size());
  }
  ++requests_;
  auto response = https_.perform(request);
  if (response.status == 429) ++throttled_;
  return response;
}

EdgexSession::Round EdgexSession::ask() {
  if (version_ == 0) {
    if (auto failed = probe()) return std::move(*failed);
  }
  return list();
}

/// Nothing: the version is known.
std::optional<EdgexSession::Round> EdgexSession::probe() {
  std::optional<Round> failed;
  for (const int version : {3, 2, 1}) {
    const auto& base = version == 1 ? endpoint_.base_v1 : endpoint_.base;
    const auto response = get(base + "/api/v" + std::to_string(version) + "/ping");
    if (response.failure == HttpFailure::stopped) return failure(response);
    if (is_ping(response, version)) {
      version_ = version;
      return std::nullopt;
    }
    if (!failed) failed = failure(response);  // what stands at the newer versions' port tells most
    if (response.answered() && transient(response)) return failed;  // it is there, and not well
  }
  if (!failed->retry_soon) {
    failed->detail = "what answers at " + endpoint_.base + " is not EdgeX core-metadata of API v1, v2 or v3";
  }
  return failed;
}

bool EdgexSession::is_ping(const HttpResponse& response, int version) const {
  if (!response.answered()) return false;
  // In secure mode even this wants a token: the list will say so.
  if (response.status == 401 || response.status == 403) return true;
  if (response.status != 200) return false;
  if (version == 1) return response.body.starts_with("pong");
  const auto document = identity::parse_json(response.body);
  return document && identity::raw_text(identity::member(*document, "apiVersion")) == "v" + std::to_string(version);
}

EdgexSession::Round EdgexSession::list() {
  Round round;
  round.devices.emplace(options_.max_devices, options_.max_evidence_bytes);
  int limit = std::max(1, options_.page_size);
  std::size_t offset = 0;
  while (true) {
    const auto response =
        get(version_ == 1 ? endpoint_.base_v1 + "/api/v1/device"
                          : endpoint_.base + "/api/v" + std::to_string(version_) + "/device/all?offset=" +
                                std::to_string(offset) + "&limit=" + std::to_string(limit));
    if (response.status == 416 && offset > 0) break;  // devices went meanwhile
    if (response.status == 400 && version_ > 1 && limit != kServerMaximum) {
      limit = kServerMaximum;
      continue;
    }
    if (response.failure == HttpFailure::too_large && version_ > 1 && limit != 1) {
      limit = std::max(1, (limit == kServerMaximum ? 100 : limit) / 10);
      continue;
    }
    if (!response.answered() || response.status != 200) return failure(response);
    const auto page = identity::read_edgex_devices(response.body);
    if (!page.usable) {
      round.detail = "EdgeX answers with something that is no list of devices";
      round.retry_soon = true;
      return round;
    }
    take(page, round);
    offset += page.returned;
    const bool is_short = limit != kServerMaximum && page.returned < static_cast<std::size_t>(limit);
    if (version_ == 1 || page.returned == 0 || (page.total_count ? offset >= *page.total_count : is_short)) break;
    if (round.devices->full()) {
      round.detail = "more than " + std::to_string(options_.max_devices) + " devices: the rest is not read";
      ++round.skipped;
      break;
    }
  }
  round.skipped += round.devices->left_out();
  round.ok = true;
  return round;
}

void EdgexSession::take(const identity::EdgexPage& page, Round& round) {
  round.skipped += page.reading.faults.size();
  if (round.detail.empty() && !page.reading.faults.empty()) {
    round.detail = "a device could not be used: " + page.reading.faults.front();
  }
  for (const auto& evidence : page.reading.evidence) round.devices->add(evidence);
}

EdgexSession::Round EdgexSession::failure(const HttpResponse& response) const {
  Round round;
  round.stopped = response.failure == HttpFailure::stopped;
  round.retry_soon = transient(response);
  const auto status = " (" + std::to_string(response.status) + ")";
  if (!response.answered()) {
    round.detail = endpoint_.base + ": " + response.error;
  } else if (response.status == 401 || response.status == 403) {
    round.detail = options_.token_file.empty()
                       ? "EdgeX runs in secure mode: put a token into edgex.token_file" + status
                       : "EdgeX refuses the token in " + options_.token_file + ": it has expired, or is for something else" + status;
  } else if (response.status == 413) {
    round.detail = "EdgeX has more devices than it gives out at once: raise its limit of results (MaxResultCount, ReadMaxLimit)" + status;
  } else {
    round.detail = "EdgeX does not answer the question for its devices" + status;
  }
  return round;
}

}  // namespace iris::registry
