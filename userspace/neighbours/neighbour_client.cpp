// SPDX-License-Identifier: Apache-2.0
#include "neighbours/neighbour_client.h"

#include "neighbours/neighbour_reader.h"

namespace iris::neighbours {
namespace {

/// Adds a file's leases; what is wrong with it, if anything.
std::string add_leases(const LeaseFile& file, std::int64_t now_s, std::vector<Lease>& leases) {
  std::string all;
  std::vector<std::string> paths{file.path};
  if (file.format == LeaseFormat::kea) paths = {file.path + ".2", file.path + ".1", file.path};
  for (const std::string& path : paths) {
    auto text = read_file(path);
    if (!text) return text.error().message;
    all += *text;
  }
  auto found = parse_leases(file.format, all, now_s);
  leases.insert(leases.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  return {};
}

}  // namespace

NeighbourClient::NeighbourClient(NeighbourOptions options)
    : options_(std::move(options)), memory_(options_.max_hosts, options_.keep) {
  status_.registry = "neighbours";
}

NeighbourClient::~NeighbourClient() { stop(); }

void NeighbourClient::start(identity::RegistryListener& listener) {
  listener_ = &listener;
  thread_ = std::thread([this] { run(); });
}

void NeighbourClient::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_wanted_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void NeighbourClient::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    poll();
    lock.lock();
    stop_wanted_.wait_for(lock, options_.poll_every, [this] { return stopping_; });
  }
}

void NeighbourClient::poll() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto now_s = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  Observation seen;
  std::uint64_t skipped = 0;
  std::string trouble;
  const auto note = [&trouble](const std::string& what) {
    if (!what.empty()) trouble += (trouble.empty() ? "" : "; ") + what;
  };
  // More entries than hosts: a host has several addresses.
  const auto kernel = read_kernel(seen, 4 * options_.max_hosts, skipped);
  if (!kernel) note(kernel.error().message);
  for (const LeaseFile& file : options_.lease_files) note(add_leases(file, now_s, seen.leases));
  if (!options_.hosts_file.empty()) {
    const auto text = read_file(options_.hosts_file);
    if (text) seen.host_names = parse_hosts(*text);
    if (!text) note(text.error().message);
  }
  auto result = memory_.add(seen, std::chrono::steady_clock::now());

  ++status_.requests;
  status_.skipped = skipped + result.skipped;
  status_.connected = kernel.has_value();
  if (status_.connected) {
    status_.last_success_wall_ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count());
  }
  status_.detail = trouble.empty() ? std::to_string(result.hosts) + " hosts" : std::move(trouble);
  if (!last_ || *last_ != result.evidence) {
    last_ = std::move(result.evidence);
    listener_->on_evidence(status_.registry, identity::share(*last_));
  }
  listener_->on_status(status_);
}

}  // namespace iris::neighbours
