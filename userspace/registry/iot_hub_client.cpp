// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_client.h"

#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "registry/cache.h"
#include "registry/iot_hub_options.h"
#include "registry/iot_hub_session.h"
#include "registry/iot_hub_sweep.h"
#include "registry/iot_hub_words.h"
#include "registry/rate_window.h"

namespace iris::registry {
namespace {

using identity::SharedEvidence;
using Kind = IotHubAnswer::Kind;
using TimePoint = Pace::TimePoint;

constexpr const char* kRegistry = "iot_hub";
constexpr std::size_t kMaxTranslators = 10;  // modules whose twins are asked for with the gateway's own

bool same(const identity::RegistryStatus& a, const identity::RegistryStatus& b) {
  return a.endpoint == b.endpoint && a.connected == b.connected && a.from_cache == b.from_cache && a.detail == b.detail &&
         a.last_success_wall_ns == b.last_success_wall_ns && a.requests == b.requests && a.throttled == b.throttled &&
         a.skipped == b.skipped;
}

}  // namespace

class IotHubClient::Impl {
 public:
  Impl(IotHubOptions options, IotHubConnection connection, Readers readers, Pace& pace)
      : options_(std::move(options)),
        readers_(std::move(readers)),
        pace_(pace),
        session_(https_options(options_), std::move(connection), pace),
        sweep_(sweep_limits(options_), readers_),
        queries_(options_.queries_per_minute),
        twins_(options_),
        queries_task_(options_),
        worker_(pace),
        next_gateway_id_(options_.device_id) {}

  void start(identity::RegistryListener& listener) {
    listener_ = &listener;
    worker_.start([this] { run(); });
  }
  void stop() {
    session_.abort();
    worker_.stop();
  }
  void set_gateway_id(const std::string& device_id) {
    const std::lock_guard lock(mutex_);
    next_gateway_id_ = device_id;
    worker_.wake();
  }
  void reload() {
    const std::lock_guard lock(mutex_);
    reload_ = true;
    worker_.wake();
  }
  void set_connection(IotHubConnection connection) {
    const std::lock_guard lock(mutex_);
    next_connection_ = std::move(connection);
    worker_.wake();
  }

 private:
  /// Something that is done again and again, and waits longer each time it fails.
  struct Task {
    explicit Task(const IotHubOptions& options) : backoff(options.first_backoff, options.last_backoff) {}
    TimePoint due{};
    base::Backoff backoff;
    std::string fault;  // why it failed last; empty: it did not
    void done(TimePoint next) {
      due = next;
      backoff.reset();
      fault.clear();
    }
  };

  void run();
  void load_cache();
  void take_news();
  void change_gateway(std::string device_id, bool keep_evidence);
  void change_connection(IotHubConnection connection);
  TimePoint queries_due() const;
  void ask_twins();
  std::optional<IotHubAnswer> ask_twin(const std::string& module_id, std::string& document);
  void note_success();
  void ask_queries();
  void start_sweep();
  void end_sweep();
  void failed(Task& task, const IotHubAnswer& answer);
  std::chrono::milliseconds pause_after(Task& task, const IotHubAnswer& answer);
  bool read_new_connection();
  void publish();
  void save(const std::vector<SharedEvidence>& evidence);
  void report();

  const IotHubOptions options_;
  const Readers readers_;
  Pace& pace_;
  IotHubSession session_;
  IotHubSweep sweep_;
  RateWindow queries_;
  Task twins_;
  Task queries_task_;
  identity::RegistryListener* listener_ = nullptr;
  Worker worker_;

  std::mutex mutex_;
  std::string next_gateway_id_;                     // guarded by mutex_
  std::optional<IotHubConnection> next_connection_; // guarded by mutex_
  bool reload_ = false;                             // guarded by mutex_

  // Of the worker's thread:
  GatewayDocuments documents_;
  TimePoint sweep_started_{};
  bool twins_known_ = false;           // the gateway's own twin has been read
  std::optional<SweepResult> swept_;   // of the last sweep that ended
  std::set<std::string> translators_;  // modules that configure devices
  std::size_t faulty_documents_ = 0;
  std::string first_fault_;
  std::optional<std::uint64_t> published_;  // fingerprint
  bool from_cache_ = false;
  std::string cached_gateway_;
  std::string cache_note_;
  TimePoint next_save_{};
  bool unsaved_ = false;
  bool connected_ = false;
  std::uint64_t last_success_wall_ns_ = 0;
  identity::RegistryStatus reported_;
};

void IotHubClient::Impl::run() {
  twins_.due = queries_task_.due = pace_.now();
  {
    const std::lock_guard lock(mutex_);
    documents_.gateway_id = next_gateway_id_;
  }
  load_cache();
  TimePoint next{};
  do {
    take_news();
    if (documents_.gateway_id.empty()) {
      next = pace_.now() + std::chrono::hours(1);
    } else {
      if (twins_.due <= pace_.now()) {
        ask_twins();
      } else if (queries_due() <= pace_.now()) {
        ask_queries();
      }
      next = std::min(twins_.due, queries_due());
    }
    if (!worker_.stopped()) report();
  } while (worker_.sleep_until(next));
}

void IotHubClient::Impl::load_cache() {
  std::error_code error;
  if (options_.cache_file.empty() || !std::filesystem::exists(options_.cache_file, error)) return;
  auto cached = read_cache(options_.cache_file);
  if (!cached) {
    cache_note_ = cached.error().message;
    return;
  }
  const bool ours = cached->key.registry == kRegistry && cached->key.endpoint == session_.connection().host_name &&
                    (documents_.gateway_id.empty() || cached->key.gateway == documents_.gateway_id);
  if (!ours) return;
  // The id alone does not make it ours for good: the containers will tell.
  cached_gateway_ = cached->key.gateway;
  from_cache_ = true;
  last_success_wall_ns_ = cached->saved_wall_ns;
  if (cached->evidence.size() > options_.max_devices + options_.max_modules) {
    cached->evidence.resize(options_.max_devices + options_.max_modules);
  }
  listener_->on_evidence(kRegistry, identity::share(std::move(cached->evidence)));
}

void IotHubClient::Impl::take_news() {
  std::unique_lock lock(mutex_);
  auto connection = std::exchange(next_connection_, std::nullopt);
  const auto device_id = next_gateway_id_;
  const bool reload = std::exchange(reload_, false);
  lock.unlock();
  if (reload) read_new_connection();
  if (connection && *connection != session_.connection()) change_connection(std::move(*connection));
  if (device_id != documents_.gateway_id) change_gateway(device_id, from_cache_ && device_id == cached_gateway_);
}

void IotHubClient::Impl::change_connection(IotHubConnection connection) {
  const bool other_hub = connection.host_name != session_.connection().host_name;
  session_.set_connection(std::move(connection));
  sweep_.forget_refusals();
  twins_.done(pace_.now());
  queries_task_.done(pace_.now());
  if (other_hub) change_gateway(std::string(documents_.gateway_id), false);
}

void IotHubClient::Impl::change_gateway(std::string device_id, bool keep_evidence) {
  documents_ = {};
  documents_.gateway_id = std::move(device_id);
  twins_known_ = false;
  swept_.reset();
  translators_.clear();
  sweep_.abandon();
  twins_.done(pace_.now());
  queries_task_.done(pace_.now());
  if (keep_evidence) return;
  if (published_ || from_cache_) listener_->on_evidence(kRegistry, {});
  published_.reset();
  from_cache_ = false;
}

TimePoint IotHubClient::Impl::queries_due() const {
  if (!twins_known_) return TimePoint::max();
  const bool query = sweep_.done() || sweep_.next_is_query();
  return query ? queries_.next(queries_task_.due) : queries_task_.due;
}

/// The twins that change often, each with a request of its own: a query may lag by minutes.
void IotHubClient::Impl::ask_twins() {
  const TimePoint started = pace_.now();
  auto failure = ask_twin("", documents_.device_twin);
  if (!failure) failure = ask_twin("$edgeAgent", documents_.edge_agent);
  if (!failure) failure = ask_twin("$edgeHub", documents_.edge_hub);
  for (auto id = translators_.begin(); !failure && id != translators_.end(); ++id) {
    const auto known = documents_.modules.find(*id);
    if (known != documents_.modules.end()) failure = ask_twin(*id, known->second);
  }
  if (failure) return failed(twins_, *failure);
  twins_known_ = true;
  twins_.done(started + options_.twin_interval);
  publish();
}

/// Nothing: the document is as the hub has it now.
std::optional<IotHubAnswer> IotHubClient::Impl::ask_twin(const std::string& module_id, std::string& document) {
  auto answer = session_.get(twin_path(documents_.gateway_id, module_id));
  if (answer.kind == Kind::not_found && !module_id.empty()) {
    document.clear();  // no edge device, or the module is gone
    return std::nullopt;
  }
  if (answer.ok() && !is_json_object(answer.response.body)) {
    answer.kind = Kind::broken;
    answer.detail = session_.connection().host_name + " answers with something that is no twin: is a proxy in between?";
  }
  if (!answer.ok()) return answer;
  document = std::move(answer.response.body);
  note_success();
  return std::nullopt;
}

void IotHubClient::Impl::note_success() {
  connected_ = true;
  last_success_wall_ns_ = pace_.wall_ns();
}

void IotHubClient::Impl::ask_queries() {
  if (sweep_.done()) start_sweep();
  if (!sweep_.done()) {
    if (sweep_.next_is_query()) queries_.take(pace_.now());
    const auto answer = sweep_.step(session_);
    if (!answer.ok()) return failed(queries_task_, answer);
    note_success();
    queries_task_.done(pace_.now());
  }
  if (sweep_.done()) end_sweep();
}

void IotHubClient::Impl::start_sweep() {
  sweep_started_ = pace_.now();
  identity::Gateway gateway{documents_.gateway_id, identity::scope_of_twin(documents_.device_twin)};
  auto deployments = deployments_named_in(documents_.device_twin);
  deployments.merge(deployments_named_in(documents_.edge_agent));
  sweep_.begin(std::move(gateway), std::move(deployments), swept_ ? &swept_->children : nullptr);
}

void IotHubClient::Impl::end_sweep() {
  swept_ = sweep_.take_result();
  documents_.modules = std::move(swept_->modules);
  documents_.deployments = std::move(swept_->deployments);
  queries_task_.done(sweep_started_ + options_.sweep_interval);
  publish();
  malloc_trim(0);  // a large hub's pages and the set before went through this thread's arena
}

void IotHubClient::Impl::failed(Task& task, const IotHubAnswer& answer) {
  if (answer.kind == Kind::stopped) return;
  if (answer.kind == Kind::not_found && &task == &twins_) {
    // It does not exist, says who must know: nothing that was said of it holds.
    auto id = documents_.gateway_id;
    change_gateway(std::move(id), false);
    task.fault = describe_missing_gateway(session_, answer, documents_.gateway_id);
  } else if (answer.kind == Kind::unauthorized) {
    if (read_new_connection()) return;
    task.fault = describe_refusal(session_, answer);
  } else {
    task.fault = answer.detail;
  }
  if (answer.kind != Kind::throttled) {
    connected_ = answer.kind == Kind::not_found || answer.kind == Kind::refused || answer.kind == Kind::too_large;
  }
  task.due = pace_.now() + pause_after(task, answer);
}

std::chrono::milliseconds IotHubClient::Impl::pause_after(Task& task, const IotHubAnswer& answer) {
  std::chrono::milliseconds pause = options_.long_wait;
  if (answer.kind == Kind::quota) {
    pause = std::chrono::seconds(86'400 - session_.hub_seconds() % 86'400);
  } else if (answer.retry_after && *answer.retry_after > std::chrono::seconds(0)) {
    pause = *answer.retry_after;
  } else if (answer.retry()) {
    return task.backoff.next();
  }
  return spread(pause);  // at least that long, and not all gateways at once
}

/// A file with another string than the one in use.
bool IotHubClient::Impl::read_new_connection() {
  if (options_.connection_string_file.empty()) return false;
  auto connection = read_connection_file(options_.connection_string_file);
  if (!connection || *connection == session_.connection()) return false;
  change_connection(std::move(*connection));
  return true;
}

void IotHubClient::Impl::publish() {
  if (from_cache_ && !swept_) return;  // what is kept of the children would be withdrawn
  std::vector<SharedEvidence> all;
  faulty_documents_ = 0;
  first_fault_.clear();
  if (readers_.gateway) {
    auto reading = readers_.gateway(documents_);
    faulty_documents_ = reading.faults.size();
    if (!reading.faults.empty()) first_fault_ = reading.faults.front();
    translators_ = translators_in(reading.evidence, kMaxTranslators);
    all = identity::share(std::move(reading.evidence));
  }
  from_cache_ = false;
  if (swept_) swept_->children.append_to(all);
  const auto print = fingerprint(all);
  const bool changed = published_ != print;
  unsaved_ = unsaved_ || changed;
  const bool save_now = swept_ && unsaved_ && !options_.cache_file.empty() && pace_.now() >= next_save_;
  if (save_now) save(all);
  published_ = print;
  if (changed) listener_->on_evidence(kRegistry, std::move(all));
}

void IotHubClient::Impl::save(const std::vector<SharedEvidence>& evidence) {
  next_save_ = pace_.now() + options_.cache_interval;
  const CacheKey key{kRegistry, session_.connection().host_name, documents_.gateway_id};
  const auto written = write_cache(options_.cache_file, key, pace_.wall_ns(), evidence);
  unsaved_ = !written;
  cache_note_ = written ? "" : written.error().message;
}

void IotHubClient::Impl::report() {
  identity::RegistryStatus status;
  status.registry = kRegistry;
  status.endpoint = session_.connection().host_name;
  status.connected = connected_;
  status.from_cache = from_cache_;
  status.last_success_wall_ns = last_success_wall_ns_;
  status.requests = session_.requests();
  status.throttled = session_.throttled();
  status.skipped = faulty_documents_ + (swept_ ? swept_->skipped + swept_->left_out : 0);
  std::vector<std::string> parts{twins_.fault, queries_task_.fault};
  if (documents_.gateway_id.empty()) {
    parts.push_back("the device id of this gateway is not known yet: set identity.device_id, or start its IoT Edge modules");
  } else if (published_) {
    parts.push_back(describe_count(documents_.gateway_id, swept_ ? swept_->children.size() : 0, documents_.modules.size(),
                                   swept_.has_value()));
  }
  if (from_cache_) parts.push_back("what was known before the start is used");
  parts.push_back(describe_clock(session_));
  if (swept_) parts.insert(parts.end(), swept_->notes.begin(), swept_->notes.end());
  if (!first_fault_.empty()) parts.push_back("a document could not be used: " + first_fault_);
  parts.push_back(cache_note_);
  status.detail = joined(parts);
  if (!same(status, reported_)) listener_->on_status(status);
  reported_ = std::move(status);
}

base::Result<std::unique_ptr<IotHubClient>> IotHubClient::create(IotHubOptions options, Readers readers, Pace& pace) {
  auto connection = options.connection_string.empty() && !options.connection_string_file.empty()
                        ? read_connection_file(options.connection_string_file)
                        : parse_iot_hub_connection(options.connection_string.reveal());
  if (!connection) return tl::unexpected(std::move(connection.error()));
  options.connection_string = {};
  return std::unique_ptr<IotHubClient>(new IotHubClient(
      std::make_unique<Impl>(std::move(options), std::move(*connection), std::move(readers), pace)));
}

IotHubClient::IotHubClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IotHubClient::~IotHubClient() { impl_->stop(); }
void IotHubClient::start(identity::RegistryListener& listener) { impl_->start(listener); }
void IotHubClient::stop() { impl_->stop(); }
void IotHubClient::set_gateway_id(const std::string& device_id) { impl_->set_gateway_id(device_id); }
void IotHubClient::reload() { impl_->reload(); }

base::Result<void> IotHubClient::set_connection_string(const Secret& text) {
  auto connection = parse_iot_hub_connection(text.reveal());
  if (!connection) return tl::unexpected(std::move(connection.error()));
  impl_->set_connection(std::move(*connection));
  return {};
}

}  // namespace iris::registry
