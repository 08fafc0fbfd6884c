// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_client.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <fstream>

namespace iris::registry {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxLineBytes = 8192;  // of a connection string
constexpr auto kReportEvery = std::chrono::seconds(10);  // of numbers alone

std::uint64_t wall_ns() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

std::string hub_of(const EventHubConnection& connection, const EventHubOptions& options) {
  return connection.entity_path.empty() ? options.hub : connection.entity_path;
}

/// It becomes part of an address.
bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= 256 && std::none_of(text.begin(), text.end(), [](char c) {
    return c <= ' ' || c == '/' || c == '\x7f';
  });
}

base::Result<EventHubConnection> check(const std::string& text, const EventHubOptions& options) {
  auto connection = parse_event_hub_connection(text);
  if (!connection) return connection;
  const std::string hub = hub_of(*connection, options);
  if (hub.empty()) {
    return base::fail("the connection string is that of the whole namespace \"" + connection->host +
                          "\": name the event hub, or use a string with EntityPath, which opens less",
                      base::Error::Kind::usage);
  }
  if (!is_name(hub)) return base::fail("not a name of an event hub: \"" + hub + "\"", base::Error::Kind::usage);
  return connection;
}

}  // namespace

base::Result<std::string> read_connection_line(const std::string& path) {
  std::ifstream file(path);
  std::string line(kMaxLineBytes + 2, '\0');
  file.getline(line.data(), static_cast<std::streamsize>(line.size()));
  if (file.bad() || (file.fail() && file.gcount() == 0)) return base::fail("cannot read " + path);
  line.resize(std::strlen(line.c_str()));
  if (line.size() > kMaxLineBytes) return base::fail(path + " is no connection string");
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

base::Result<std::unique_ptr<EventHubClient>> EventHubClient::create(const std::string& connection_string,
                                                                     EventHubOptions options,
                                                                     identity::Checkpoints checkpoints,
                                                                     EventReader reader) {
  auto connection = check(connection_string, options);
  if (!connection) return tl::unexpected(connection.error());
  if (!is_name(options.consumer_group)) {
    return base::fail("not a name of a consumer group: \"" + options.consumer_group + "\"", base::Error::Kind::usage);
  }
  if (!options.address.empty() && !parse_endpoint(options.address, 5671)) {
    return base::fail("not an address with a port: \"" + options.address + "\"", base::Error::Kind::usage);
  }
  for (const std::string& partition : options.partitions) {
    if (!is_name(partition)) return base::fail("not a partition: \"" + partition + "\"", base::Error::Kind::usage);
  }
  options.credit = std::clamp(options.credit, 1, 5000);
  options.batch_records = std::max<std::size_t>(options.batch_records, 1);
  return std::unique_ptr<EventHubClient>(
      new EventHubClient(std::move(*connection), std::move(options), std::move(checkpoints), std::move(reader)));
}

EventHubClient::EventHubClient(EventHubConnection connection, EventHubOptions options,
                               identity::Checkpoints checkpoints, EventReader reader)
    : options_(std::move(options)), reader_(std::move(reader)), connection_(std::move(connection)),
      hub_(hub_of(connection_, options_)), endpoint_(endpoint_of(connection_, options_)),
      has_checkpoints_(!checkpoints.empty()), backoff_(options_.min_backoff, options_.max_backoff) {
  for (auto& [partition, offset] : checkpoints) {
    if (!is_name(partition)) continue;
    progress_.emplace(partition, PartitionProgress({Position::Kind::after_offset, std::move(offset), 0}));
  }
  status_.registry = "event_hub";
}

EventHubClient::~EventHubClient() { stop(); }

std::string EventHubClient::endpoint_of(const EventHubConnection& connection, const EventHubOptions& options) {
  return connection.host + "/" + hub_of(connection, options) + "/" + options.consumer_group;
}

void EventHubClient::start(identity::RegistryListener& listener) {
  listener_ = &listener;
  thread_ = std::thread([this] { run(); });
}

void EventHubClient::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    interrupted_ = true;
  }
  changed_.notify_all();
  waker_.wake();
  if (thread_.joinable()) thread_.join();
}

base::Result<void> EventHubClient::set_connection_string(const std::string& text) {
  auto connection = check(text, options_);
  if (!connection) return tl::unexpected(connection.error());
  {
    const std::lock_guard lock(mutex_);
    next_connection_ = std::move(*connection);
    connection_changed_ = true;
    interrupted_ = true;
  }
  changed_.notify_all();
  waker_.wake();
  return {};
}

void EventHubClient::reload() {
  if (options_.connection_string_file.empty()) return;
  auto text = read_connection_line(options_.connection_string_file);
  if (!text) return;  // what it had is good until it can be read
  static_cast<void>(set_connection_string(*text));
  OPENSSL_cleanse(text->data(), text->size());
}

/// The file has another string than the one in use, which is used from now on.
bool EventHubClient::read_new_connection() {
  if (options_.connection_string_file.empty()) return false;
  auto text = read_connection_line(options_.connection_string_file);
  if (!text) return false;
  const auto connection = check(*text, options_);
  const bool is_new = connection && !(*connection == connection_);
  if (is_new) static_cast<void>(set_connection_string(*text));
  OPENSSL_cleanse(text->data(), text->size());
  return is_new;
}

void EventHubClient::take_connection() {
  if (std::exchange(connection_changed_, false)) {
    connection_ = std::move(next_connection_);
    hub_ = hub_of(connection_, options_);
    const std::string endpoint = endpoint_of(connection_, options_);
    if (endpoint != endpoint_) {  // offsets of another hub mean nothing here
      progress_.clear();
      has_checkpoints_ = false;
    }
    endpoint_ = endpoint;
    backoff_.reset();
  }
  interrupted_ = stopping_;
}

void EventHubClient::run() {
  while (true) {
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      stopping = stopping_;
      if (!connection_changed_ && !stopping) interrupted_ = false;
    }
    if (interrupted_) hand_on_all();  // what comes after is of another hub, or does not come
    if (stopping) return;
    {
      const std::lock_guard lock(mutex_);
      take_connection();
    }
    ++status_.requests;
    Fault fault;
    bool was_well = false;
    {
      EventHubSession session(connection_, hub_, options_, *this);
      fault = session.run(waker_, interrupted_);
      was_well = session.was_well();
    }
    flush();
    attached_ = 0;
    if (interrupted_ || (fault.kind == Fault::Kind::unauthorized && read_new_connection())) continue;
    const milliseconds wait = pause(fault, was_well);
    if (wait > options_.hold_time / 2) hand_on_all();
    report(false, fault.text);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return stopping_ || connection_changed_; });
  }
}

void EventHubClient::hand_on_all() {
  stage_.release();
  pending_ = true;
  flush();
}

milliseconds EventHubClient::pause(const Fault& fault, bool was_well) {
  if (was_well) backoff_.reset();
  if (fault.is_lasting()) return base::Backoff(options_.slow_retry, options_.slow_retry).next();
  const milliseconds wait = backoff_.next();
  return fault.kind == Fault::Kind::busy ? std::max(wait, options_.busy_wait) : wait;
}

PartitionProgress& EventHubClient::progress(const std::string& partition) {
  const auto found = progress_.find(partition);
  if (found != progress_.end()) return found->second;
  Position begin;
  if (has_checkpoints_) {
    begin.kind = Position::Kind::earliest;  // the partition is younger than our reading
  } else if (options_.start == EventHubOptions::Start::earliest) {
    begin.kind = Position::Kind::earliest;
  } else if (options_.start == EventHubOptions::Start::time) {
    begin = {Position::Kind::enqueued_from, {}, options_.start_time_ms};
  }
  return progress_.emplace(partition, PartitionProgress(begin)).first->second;
}

std::vector<std::string> EventHubClient::known_partitions() {
  std::vector<std::string> names;
  for (const auto& [partition, progress] : progress_) names.push_back(partition);
  return names;
}

void EventHubClient::on_event(const std::string& partition, Event event) {
  last_event_ = Clock::now();
  ++events_;
  const auto verdict = progress(partition).take(event);
  if (verdict == PartitionProgress::Verdict::repeated) {
    ++repeated_;
    if (!std::exchange(pending_, true)) pending_since_ = last_event_;  // its credit is to be given back
    return;
  }
  if (verdict == PartitionProgress::Verdict::restarted) ++restarted_;
  if (!event.usable) ++status_.skipped;
  stage(partition, event.usable ? read(event) : identity::LogReading());
  if (stage_.records() >= options_.batch_records && !stage_.is_held()) flush();
}

identity::LogReading EventHubClient::read(const Event& event) {
  identity::LogReading reading;
  try {
    const std::int64_t enqueued_ms = std::clamp<std::int64_t>(event.enqueued_ms, 0, INT64_MAX / 1'000'000);
    reading = reader_(event.body, static_cast<std::uint64_t>(enqueued_ms) * 1'000'000);
  } catch (const std::exception&) {  // no body may end the agent
    reading.counts.broken = 1;
  }
  status_.skipped += reading.counts.broken;
  security_records_ += reading.records.size();
  return reading;
}

void EventHubClient::stage(const std::string& partition, identity::LogReading reading) {
  if (!std::exchange(pending_, true)) pending_since_ = Clock::now();
  stage_.take(partition, progress(partition).checkpoint().value_or(""), std::move(reading));
}

void EventHubClient::on_position(const std::string& partition) { stage(partition, {}); }

void EventHubClient::flush() {
  if (!std::exchange(pending_, false)) return;
  LogStage::Batch batch = stage_.collect();
  if (batch.records.empty() && batch.checkpoints.empty()) return;
  status_.last_success_wall_ns = wall_ns();
  listener_->on_security(std::move(batch.records), std::move(batch.checkpoints));
}

void EventHubClient::on_fault(const Fault& fault) {
  if (fault.kind == Fault::Kind::busy) ++status_.throttled;
}

bool EventHubClient::on_time(Clock::time_point now, bool low) {
  if (stage_.is_held() && now >= last_event_ + options_.hold_time) {
    hand_on_all();
  }
  if (pending_ && (low || now >= pending_since_ + options_.batch_time)) {
    flush();
    if (attached_ > 0 && now >= reported_at_ + kReportEvery) report(true, summary());
  }
  return !pending_;
}

EventHubClient::Clock::time_point EventHubClient::deadline() {
  auto next = Clock::time_point::max();
  if (pending_) next = pending_since_ + options_.batch_time;
  if (stage_.is_held()) next = std::min(next, last_event_ + options_.hold_time);
  return next;
}

void EventHubClient::on_state(std::size_t attached, std::size_t partitions, const std::string& trouble) {
  attached_ = attached;
  partitions_ = partitions;
  trouble_ = trouble;
  if (attached > 0) {
    status_.last_success_wall_ns = wall_ns();
    report(true, summary());
  } else if (!trouble.empty()) {
    report(false, trouble);
  }
}

std::string EventHubClient::summary() const {
  std::string text = "reading " + std::to_string(attached_) + " of " + std::to_string(partitions_) + " partitions; " +
                     std::to_string(events_) + " events, " + std::to_string(security_records_) + " security records";
  if (repeated_ > 0) text += ", " + std::to_string(repeated_) + " repeated events dropped";
  if (restarted_ > 0) text += ", the hub was made anew";
  if (!trouble_.empty()) text += "; " + trouble_;
  return text;
}

void EventHubClient::report(bool connected, std::string detail) {
  reported_at_ = Clock::now();
  status_.endpoint = endpoint_;
  status_.connected = connected;
  status_.detail = std::move(detail);
  listener_->on_status(status_);
}

}  // namespace iris::registry
