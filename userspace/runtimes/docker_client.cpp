// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_client.h"

#include <algorithm>
#include <chrono>

#include "base/backoff.h"
#include "runtimes/unix_http.h"

namespace iris::runtimes {
namespace {

using namespace std::chrono_literals;

constexpr ApiVersion kOurs{1, 47};  // the newest that was read up on; older ones answer alike for us
constexpr std::size_t kMaxBody = 8U << 20;
constexpr std::size_t kMaxEvent = 1U << 20;
constexpr std::size_t kMaxKnown = 16'384;
constexpr auto kGreetTimeout = 5s;
constexpr auto kListTimeout = 30s;
constexpr auto kInspectTimeout = 10s;
constexpr auto kPingEvery = 60s;
constexpr auto kReplay = 2s;  // of events, so that none falls between the request and its start

std::string failure(const UnixHttp::Response& response) {
  if (!response.error.empty()) return response.error;
  const std::string message = parse_docker_error(response.body);
  return message.empty() ? "the answer is not the Docker API's (status " + std::to_string(response.status) + ")"
                         : message;
}

}  // namespace

DockerClient::DockerClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

DockerClient::~DockerClient() { stop(); }

void DockerClient::start(enrich::RuntimeListener& listener) {
  listener_ = &listener;
  thread_ = std::thread([this] { run(); });
}

void DockerClient::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (http_ != nullptr) http_->wake();
  }
  stop_wanted_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DockerClient::run() {
  base::Backoff backoff(200ms, 30s);
  while (!stopping_) {
    was_connected_ = false;
    const std::string reason = session();
    if (stopping_) return;
    if (was_connected_) {
      backoff.reset();
      ++reconnects_;
    }
    report(false, reason);
    std::unique_lock lock(mutex_);
    stop_wanted_.wait_for(lock, backoff.next(), [this] { return stopping_.load(); });
  }
}

std::string DockerClient::session() {
  UnixHttp http(socket_path_, stopping_);
  struct Published {  // to stop(), while it lives
    DockerClient& client;
    Published(DockerClient& owner, UnixHttp& connection) : client(owner) { set(&connection); }
    ~Published() { set(nullptr); }
    void set(UnixHttp* connection) const {
      const std::lock_guard lock(client.mutex_);
      client.http_ = connection;
    }
  } const published(*this, http);

  ++session_;
  to_inspect_.clear();
  inspection_wanted_.clear();
  if (std::string error = greet(http); !error.empty()) return error;

  // Subscribed first, then listed: what happens between is in the stream.
  const auto since = std::chrono::system_clock::now() - kReplay;
  const auto since_s = std::chrono::duration_cast<std::chrono::seconds>(since.time_since_epoch()).count();
  JsonLines lines(kMaxEvent);
  http.open_stream(prefix_ + "/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%7D&since=" +
                       std::to_string(since_s),
                   [&](std::string_view piece) { lines.feed(piece, [this](std::string_view line) { handle_line(line); }); });
  if (std::string error = list(http); !error.empty()) return error;
  if (!http.stream_open()) return http.stream_error();
  was_connected_ = true;
  report(true, greeting_);

  auto next_ping = std::chrono::steady_clock::now() + kPingEvery;
  while (!stopping_ && http.stream_open()) {
    if (!to_inspect_.empty()) {
      inspect_next(http);
      continue;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_ping) {  // a daemon that hangs keeps the stream open and silent
      next_ping = now + kPingEvery;
      const auto answer = http.get("/_ping", kGreetTimeout, 4096);
      if (answer.status != 200) return failure(answer);
      continue;
    }
    http.wait(std::chrono::ceil<std::chrono::milliseconds>(next_ping - now));
  }
  return http.stream_error();
}

std::string DockerClient::greet(UnixHttp& http) {
  const auto answer = http.get("/_ping", kGreetTimeout, 4096);
  if (answer.status != 200 || !answer.body.starts_with("OK")) return failure(answer);
  prefix_.clear();
  if (const auto theirs = parse_api_version(answer.api_version); theirs && !use_newest_) {
    const ApiVersion used = std::min(kOurs, *theirs);
    prefix_ = "/v" + std::to_string(used.major) + "." + std::to_string(used.minor);
  }
  greeting_ = answer.server.empty() ? "connected" : answer.server;
  if (!answer.api_version.empty()) greeting_ += ", API " + answer.api_version;
  return {};
}

std::string DockerClient::list(UnixHttp& http) {
  auto answer = http.get(prefix_ + "/containers/json?all=true", kListTimeout, kMaxBody);
  if (answer.status == 400 && parse_docker_error(answer.body).find("too old") != std::string::npos) {
    // A server that no longer speaks any version of ours: next time its own newest.
    use_newest_ = true;
  }
  if (answer.status != 200) return failure(answer);
  const auto entries = parse_docker_list(answer.body);
  if (!entries) return "the list of containers is not JSON as Docker writes it";
  answer.body = std::string();
  for (const DockerListEntry& entry : *entries) {
    Known* known = know(entry.info.id);
    if (known == nullptr || known->session == session_) continue;  // events are newer than the list
    known->session = session_;
    known->dead = !entry.running;
    if (known->info.module_id.empty() || known->info.name != entry.info.name) known->info = entry.info;
    known->info.pid = 0;
    known->info.addresses.clear();
    if (!entry.running) listener_->on_container(known->info);
    if (entry.running) want_inspection(entry.info.id);
  }
  std::erase_if(known_, [this](const auto& item) {
    if (item.second.session == session_) return false;
    listener_->on_removed(item.first, {});  // vanished while we were not connected
    return true;
  });
  while (!to_inspect_.empty() && !stopping_ && http.stream_open()) inspect_next(http);
  return {};
}

void DockerClient::handle_line(std::string_view line) {
  const auto event = parse_docker_event(line);
  if (!event || event->kind == DockerEvent::Kind::none) return;
  const std::string& id = event->info.id;
  if (event->kind == DockerEvent::Kind::destroyed) {
    known_.erase(id);
    listener_->on_removed(id, {});
    return;
  }
  Known* known = know(id);
  if (known == nullptr) return;
  known->session = session_;
  ++known->version;
  enrich::ContainerInfo& info = known->info;
  if (!event->info.name.empty()) info.name = event->info.name;
  if (!event->info.image.empty()) info.image = event->info.image;
  if (info.labels.empty()) info.labels = event->info.labels;
  if (info.module_id.empty()) info.module_id = event->info.module_id;
  if (event->kind == DockerEvent::Kind::died) {
    known->dead = true;
    info.pid = 0;
    info.addresses.clear();
  } else {
    known->dead = false;
    want_inspection(id);
  }
  listener_->on_container(info);
}

void DockerClient::inspect_next(UnixHttp& http) {
  const std::string id = std::move(to_inspect_.front());
  to_inspect_.pop_front();
  inspection_wanted_.erase(id);
  auto found = known_.find(id);
  if (found == known_.end()) return;
  const std::uint64_t version = found->second.version;
  const auto answer = http.get(prefix_ + "/containers/" + id + "/json", kInspectTimeout, kMaxBody);
  if (answer.status != 200) return;  // gone again, as an event tells or will
  auto info = parse_docker_inspect(answer.body);
  found = known_.find(id);  // events came meanwhile
  if (!info || info->id != id || found == known_.end()) return;
  if (found->second.dead && found->second.version != version) {
    info->pid = 0;
    info->addresses.clear();
  }
  found->second.info = std::move(*info);
  listener_->on_container(found->second.info);
}

void DockerClient::want_inspection(const std::string& id) {
  if (inspection_wanted_.insert(id).second) to_inspect_.push_back(id);
}

DockerClient::Known* DockerClient::know(const std::string& id) {
  const auto found = known_.find(id);
  if (found != known_.end()) return &found->second;
  if (known_.size() >= kMaxKnown) return nullptr;
  Known& known = known_[id];
  known.info.id = id;
  known.info.runtime = "docker";
  return &known;
}

void DockerClient::report(bool connected, std::string detail) {
  if (connected == last_connected_ && detail == last_detail_) return;  // each trouble once
  last_connected_ = connected;
  last_detail_ = detail;
  enrich::RuntimeStatus status;
  status.runtime = "docker";
  status.endpoint = socket_path_;
  status.connected = connected;
  status.detail = std::move(detail);
  status.reconnects = reconnects_;
  listener_->on_status(std::move(status));
}

}  // namespace iris::runtimes
