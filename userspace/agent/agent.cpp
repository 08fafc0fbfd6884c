// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <thread>

#include "rpc/endpoint.h"

namespace iris::agent {
namespace {

constexpr std::size_t kQueueBatches = 4;
constexpr std::size_t kQueueRecords = 32'768;  // of one merged batch
constexpr std::chrono::milliseconds kAnswerWithin{2'000};

std::uint64_t now_wall_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

bool SelfTestResult::passed() const {
  return fault.empty() && !steps.empty() && std::all_of(steps.begin(), steps.end(), [](const auto& step) { return step.passed; });
}

Agent::Agent(const Config& config, SelfTestResult self_test, RunSelfTest run_self_test)
    : config_(config), self_test_result_(std::move(self_test)), run_self_test_(std::move(run_self_test)),
      started_wall_ns_(now_wall_ns()), queue_(kQueueBatches, kQueueRecords) {}

Agent::~Agent() {
  metrics_.reset();
  if (local_) local_->stop();
}

base::Result<void> Agent::start(std::unique_ptr<Capture> capture, std::unique_ptr<spool::Spool> spool,
                                std::unique_ptr<IdentityHub> identities, std::function<void()> on_capture_end) {
  identities_ = std::move(identities);
  ship_ = std::make_unique<ShipLoop>(std::move(spool), queue_);
  if (!config_.uplink.target.empty()) ship_->set_uplink(uplink_options(config_));
  if (!config_.local.socket.empty()) {
    local::ServerOptions options;
    options.socket = config_.local.socket;
    options.group = config_.local.group;
    auto server = local::Server::start(options, *this);
    if (!server) return tl::unexpected(std::move(server.error()));
    local_ = std::move(*server);
  }
  {
    const std::lock_guard lock(mutex_);
    capture_ = std::make_unique<CaptureLoop>(std::move(capture), queue_, local_.get(), identities_.get());
  }
  if (auto started = start_metrics(); !started) return started;
  ship_->start();
  if (identities_) identities_->start();
  capture_->start(std::move(on_capture_end));
  return {};
}

base::Result<void> Agent::start_metrics() {
  if (!config_.metrics.enabled) return {};
  const auto listen = rpc::parse_endpoint(config_.metrics.listen);
  if (!listen) return tl::unexpected(listen.error());
  auto server = MetricsServer::start(listen->host, listen->port, [this] { return measure(); });
  if (!server) return tl::unexpected(std::move(server.error()));
  metrics_ = std::move(*server);
  return {};
}

bool Agent::stop(std::chrono::milliseconds limit) {
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  // On a thread of its own, so that a disk that hangs cannot keep us.
  std::thread([this, done] {
    if (identities_) identities_->stop();  // what it has goes into the last window
    capture_->stop();
    ship_->stop();
    if (local_) local_->stop();
    done->set_value();
  }).detach();
  return finished.wait_for(limit) == std::future_status::ready;
}

std::vector<std::string> Agent::reload(const Config& config) {
  if (config.log.level != config_.log.level) spdlog::set_level(spdlog::level::from_str(config.log.level));
  if (config.uplink != config_.uplink) {
    ship_->set_uplink(config.uplink.target.empty() ? std::nullopt : std::optional(uplink_options(config)));
  }
  if (identities_) identities_->reload();
  std::vector<std::string> restart;
  const auto needs = [&restart](bool changed, const char* what) {
    if (changed) restart.emplace_back(what);
  };
  needs(config.window != config_.window, "window");
  needs(config.log.format != config_.log.format, "log.format");
  needs(config.capture != config_.capture, "[capture]");
  needs(config.runtimes != config_.runtimes, "[runtimes]");
  needs(config.spool != config_.spool, "[spool]");
  needs(config.local != config_.local, "[local]");
  needs(config.metrics != config_.metrics, "[metrics]");
  needs(config.iot_hub != config_.iot_hub, "[iot_hub]");
  needs(config.event_hub != config_.event_hub, "[event_hub]");
  needs(config.edgex != config_.edgex, "[edgex]");
  needs(config.identity.device_id != config_.identity.device_id || config.identity.neighbours != config_.identity.neighbours ||
            config.identity.mapping != config_.identity.mapping,
        "[identity]");
  needs(config.identity.translation != config_.identity.translation, "[[translation]]");
  config_.log.level = config.log.level;
  config_.uplink = config.uplink;
  return restart;
}

bool Agent::alive(std::chrono::milliseconds within) const {
  const auto now = std::chrono::steady_clock::now();
  return now - capture_->last_turn() < within && now - ship_->last_turn() < within;
}

Measurements Agent::measure() const {
  Measurements measurements;
  measurements.capture = capture_->counts();
  measurements.queue = queue_.status();
  measurements.ship = ship_->status();
  if (local_) measurements.local = local_->status();
  measurements.rss_bytes = own_rss_bytes();
  measurements.started_wall_ns = started_wall_ns_;
  return measurements;
}

std::string Agent::summary() const {
  const Measurements now = measure();
  std::uint64_t lost = 0;
  for (const auto& [reason, count] : now.capture.total.dropped) lost += count;
  std::string text = fmt::format("{} windows, {} flows, {}; {} windows spooled", now.capture.windows, now.capture.flows,
                                 lost == 0 ? "complete" : fmt::format("{} lost", lost), now.ship.spool.windows);
  if (now.ship.uplink) text += now.ship.uplink->connected ? "; connected" : "; not connected";
  if (!self_test_result_.passed()) text += "; self-test failed";
  return text;
}

base::Result<CaptureSnapshot> Agent::ask() {
  CaptureLoop* capture = nullptr;
  {
    const std::lock_guard lock(mutex_);
    capture = capture_.get();
  }
  if (capture == nullptr) return base::fail("irisd is still starting");
  return capture->ask(kAnswerWithin);
}

base::Result<local::AgentStatus> Agent::status() {
  auto snapshot = ask();
  if (!snapshot) return tl::unexpected(std::move(snapshot.error()));
  local::AgentStatus status;
  status.version = IRIS_VERSION;
  status.started_wall_ns = started_wall_ns_;
  status.window = config_.window;
  status.tracer = std::move(snapshot->tracer);
  const ShipStatus ship = ship_->status();
  status.spool = ship.spool;
  status.uplink = ship.uplink;
  const QueueStatus queue = queue_.status();
  status.queue_waiting = queue.waiting;
  status.queue_merged = queue.merged;
  status.queue_lost_windows = queue.lost_windows;
  if (identities_) {
    auto known = identities_->status();
    status.registries = std::move(known.registries);
    status.devices = known.devices;
    status.patterns = std::move(known.patterns);
  }
  status.self_test = self_test_result_.steps;
  status.self_test_fault = self_test_result_.fault;
  return status;
}

base::Result<std::vector<flow::DeviceRecord>> Agent::devices() {
  std::vector<flow::DeviceRecord> records;
  if (!identities_) return records;
  const std::uint64_t now = now_wall_ns();
  for (auto& device : identities_->devices()) records.push_back({now, flow::DeviceRecord::Change::present, std::move(device)});
  return records;
}

base::Result<std::vector<flow::ContainerRecord>> Agent::containers() {
  auto snapshot = ask();
  if (!snapshot) return tl::unexpected(std::move(snapshot.error()));
  return std::move(snapshot->containers);
}

}  // namespace iris::agent
