// SPDX-License-Identifier: Apache-2.0
#include "collector_program/service.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "collector_program/self_signed.h"
#include "rpc/endpoint.h"

namespace iris::collector {
namespace {

constexpr std::chrono::milliseconds kAskForAlerts{1'000};
constexpr std::chrono::milliseconds kIngestStopTime{2'000};

base::Result<IngestOptions> ingest_options(const Config& config) {
  IngestOptions options;
  options.listen = config.listen;
  options.insecure = config.insecure;
  options.certificate_file = config.certificate_file;
  options.key_file = config.key_file;
  options.client_ca_file = config.client_ca_file;
  if (config.insecure || !config.certificate_file.empty()) return options;

  const auto endpoint = rpc::parse_endpoint(config.listen);
  if (!endpoint) return tl::unexpected(endpoint.error());
  const auto files = self_signed_certificate(config.data_directory, endpoint->is_unix ? "" : endpoint->host);
  if (!files) return tl::unexpected(files.error());
  options.certificate_file = files->certificate;
  options.key_file = files->key;
  spdlog::info("{} self-signed certificate {}: give it to the agents as ca_file",
               files->made ? "made the" : "using the", files->certificate.string());
  return options;
}

}  // namespace

std::uint64_t now_wall_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

std::string store_path(const std::string& url) { return url.substr(url.find(':') + 1); }

base::Result<std::unique_ptr<store::Store>> open_for_command(const Config& config, bool create) {
  const std::filesystem::path path = store_path(config.store);
  std::error_code error;
  if (create) {
    if (auto made = make_data_directory(config.data_directory); !made) return tl::unexpected(std::move(made.error()));
  } else if (!std::filesystem::exists(path, error)) {
    if (error == std::errc::permission_denied) {
      return base::fail("no permission to read " + path.string(), base::Error::Kind::permission);
    }
    return base::fail("there is no store at " + path.string() + " yet: `iris-collector gateway add NAME` makes it");
  }
  auto store = store::open_store(config.store);
  if (!store) return base::with_context("opening " + config.store, std::move(store.error()));
  return store;
}

base::Result<std::unique_ptr<Service>> Service::start(const Config& config) {
  std::unique_ptr<Service> service(new Service);
  if (auto opened = service->open(config); !opened) return tl::unexpected(std::move(opened.error()));
  if (auto started = service->start_judge(config); !started) return tl::unexpected(std::move(started.error()));
  if (auto started = service->start_ingest(config); !started) return tl::unexpected(std::move(started.error()));
  if (auto started = service->start_http(config); !started) return tl::unexpected(std::move(started.error()));
  return service;
}

base::Result<void> Service::open(const Config& config) {
  if (auto made = make_data_directory(config.data_directory); !made) return made;
  auto lock = StoreLock::take(store_path(config.store));
  if (!lock) return tl::unexpected(std::move(lock.error()));
  lock_.emplace(std::move(*lock));
  auto opened = store::open_store(config.store);
  if (!opened) return base::with_context("opening " + config.store, std::move(opened.error()));
  store_ = std::move(*opened);
  maintainer_ = std::make_unique<Maintainer>(*store_, config.retention, now_wall_ns);
  return {};
}

base::Result<void> Service::start_judge(const Config& config) {
  // Its positions stand before the first alert, so that it misses none.
  feed_.emplace(*store_);
  auto sinks = notify::make_sinks(config.notify, IRIS_VERSION);
  if (!sinks) return tl::unexpected(std::move(sinks.error()));
  notifier_ = std::make_unique<notify::Notifier>(*feed_, std::move(*sinks), notify::NotifierOptions{.poll = kAskForAlerts});
  analysis::JudgeOptions options;
  options.risky_list = config.risky_list;
  auto judge = analysis::JudgeLoop::start(*store_, std::move(options), now_wall_ns);
  if (!judge) return tl::unexpected(std::move(judge.error()));
  judge_ = std::move(*judge);
  return {};
}

base::Result<void> Service::start_ingest(const Config& config) {
  auto options = ingest_options(config);
  if (!options) return tl::unexpected(std::move(options.error()));
  auto ingest = IngestServer::start(*options, *store_, now_wall_ns);
  if (!ingest) return tl::unexpected(std::move(ingest.error()));
  ingest_ = std::move(*ingest);
  return {};
}

base::Result<void> Service::start_http(const Config& config) {
  const auto endpoint = rpc::parse_endpoint(config.http);
  if (!endpoint) return tl::unexpected(endpoint.error());
  auto token = api_token(config.data_directory);
  if (!token) return tl::unexpected(std::move(token.error()));
  spdlog::info("{} API token in {}", token->made ? "made the" : "using the", token->path.string());
  if (!endpoint->is_local()) {
    spdlog::warn("the token and all answers go over {} in plain text: put a TLS proxy in front", config.http);
  }
  const rest::Sources sources{store_.get(), [this] { return ingest_->status(); },
                              [this] { return maintainer_->status(); }, [this] { return judge_->status(); },
                              [this] { return notifier_->status(); }, IRIS_VERSION};
  auto http = rest::HttpServer::start(endpoint->host, endpoint->port, rest::Api(sources, token->token));
  if (!http) return tl::unexpected(std::move(http.error()));
  http_ = std::move(*http);
  return {};
}

void Service::stop() {
  maintainer_->request_stop();
  http_->stop();
  ingest_->stop(kIngestStopTime);
  if (notifier_) notifier_->stop();
  judge_.reset();  // keeps what it has learned
}

bool Service::healthy() const { return store_->gateways().has_value(); }

}  // namespace iris::collector
