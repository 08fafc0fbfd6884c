// SPDX-License-Identifier: Apache-2.0
#include "registry/edgex_client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/backoff.h"
#include "registry/connection_string.h"
#include "registry/edgex_session.h"
#include "registry/iot_hub_words.h"

namespace iris::registry {
namespace {

constexpr const char* kRegistry = "edgex";

}  // namespace

class EdgexClient::Impl {
 public:
  Impl(EdgexOptions options, EdgexEndpoint endpoint, Pace& pace)
      : options_(std::move(options)),
        url_(endpoint.base),
        pace_(pace),
        session_(options_, std::move(endpoint)),
        backoff_(options_.first_backoff, std::max(options_.first_backoff, options_.last_backoff)),
        worker_(pace) {}

  void start(identity::RegistryListener& listener) {
    listener_ = &listener;
    worker_.start([this] { run(); });
  }
  void stop() {
    session_.abort();
    worker_.stop();
  }

 private:
  void run() {
    Pace::TimePoint next{};
    do {
      const auto started = pace_.now();
      auto round = session_.ask();
      if (round.stopped) continue;  // sleep_until() ends the loop
      next = round.retry_soon ? pace_.now() + backoff_.next() : started + options_.interval;
      if (round.ok) {
        backoff_.reset();
        publish(*round.devices);
      }
      report(round);
    } while (worker_.sleep_until(next));
  }

  void publish(const EvidenceSet& devices) {
    std::vector<identity::SharedEvidence> all;
    devices.append_to(all);
    const auto print = fingerprint(all);
    last_success_wall_ns_ = pace_.wall_ns();
    if (published_ == print) return;
    published_ = print;
    listener_->on_evidence(kRegistry, std::move(all));
  }

  void report(const EdgexSession::Round& round) {
    identity::RegistryStatus status;
    status.registry = kRegistry;
    status.endpoint = url_;
    status.connected = round.ok;
    status.last_success_wall_ns = last_success_wall_ns_;
    status.requests = session_.requests();
    status.throttled = session_.throttled();
    status.skipped = round.skipped;
    std::string count;
    if (round.ok) {
      count = "API v" + std::to_string(session_.version()) + ": " + std::to_string(round.devices->size()) + " devices";
    }
    status.detail = joined({count, round.detail});
    listener_->on_status(std::move(status));
  }

  const EdgexOptions options_;
  const std::string url_;
  Pace& pace_;
  EdgexSession session_;
  base::Backoff backoff_;
  identity::RegistryListener* listener_ = nullptr;
  Worker worker_;
  std::optional<std::uint64_t> published_;  // fingerprint
  std::uint64_t last_success_wall_ns_ = 0;
};

base::Result<std::unique_ptr<EdgexClient>> EdgexClient::create(EdgexOptions options, Pace& pace) {
  auto endpoint = parse_edgex_url(options.url);
  if (!endpoint) return tl::unexpected(std::move(endpoint.error()));
  if (!options.token_file.empty() && !endpoint->tls && !is_nearby_host(endpoint->host)) {
    return base::fail("the token for EdgeX would go to " + endpoint->host + " in plain text: use https://");
  }
  return std::unique_ptr<EdgexClient>(new EdgexClient(std::make_unique<Impl>(std::move(options), std::move(*endpoint), pace)));
}

EdgexClient::EdgexClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EdgexClient::~EdgexClient() { impl_->stop(); }
void EdgexClient::start(identity::RegistryListener& listener) { impl_->start(listener); }
void EdgexClient::stop() { impl_->stop(); }

}  // namespace iris::registry
