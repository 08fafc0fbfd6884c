// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../enrich/temporary_directory.h"
#include "emulators/event_hub/emulator.h"
#include "registry/event_hub_client.h"
#include "tls/test_authority.h"

namespace iris::registry {

using namespace std::chrono_literals;
using event_hub_emulator::Emulator;
using event_hub_emulator::NewEvent;
using event_hub_emulator::Seen;

/// Keeps what a client hands on, as the agent does: records and checkpoints in one step.
class Kept final : public identity::RegistryListener {
 public:
  void on_evidence(const std::string&, std::vector<identity::SharedEvidence>) override {}
  void on_security(std::vector<flow::SecurityRecord> records, identity::Checkpoints moved) override {
    std::unique_lock lock(mutex_);
    if (++batches == 1) first_batch = records.size();
    for (auto& record : records) descriptions.push_back(record.description);
    for (auto& record : records) all.push_back(std::move(record));
    for (auto& [partition, offset] : moved) checkpoints[partition] = offset;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !blocked_; });
  }
  void on_status(identity::RegistryStatus status) override {
    const std::lock_guard lock(mutex_);
    statuses.push_back(std::move(status));
    changed_.notify_all();
  }
  void block(bool blocked) {
    const std::lock_guard lock(mutex_);
    blocked_ = blocked;
    changed_.notify_all();
  }

  template <typename Holds>
  bool wait(Holds holds, std::chrono::milliseconds limit = 20s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, holds);
  }
  bool wait_for_records(std::size_t count) {
    return wait([&] { return descriptions.size() >= count; });
  }
  bool wait_for_detail(const std::string& part) {
    return wait([&] {
      return std::any_of(statuses.begin(), statuses.end(),
                         [&](const auto& status) { return status.detail.find(part) != std::string::npos; });
    });
  }
  bool wait_connected(std::size_t attached) {
    return wait([&] {
      return !statuses.empty() && statuses.back().connected &&
             statuses.back().detail.starts_with("reading " + std::to_string(attached) + " of ");
    });
  }
  std::vector<std::string> taken() {
    const std::lock_guard lock(mutex_);
    return descriptions;
  }
  identity::RegistryStatus status() {
    const std::lock_guard lock(mutex_);
    return statuses.empty() ? identity::RegistryStatus() : statuses.back();
  }
  std::string details() {
    const std::lock_guard lock(mutex_);
    std::string all_details;
    for (const auto& status : statuses) all_details += status.detail + "\n";
    return all_details;
  }

  // Read without the lock only when no client runs.
  std::vector<std::string> descriptions;
  std::vector<flow::SecurityRecord> all;
  identity::Checkpoints checkpoints;
  std::vector<identity::RegistryStatus> statuses;
  int batches = 0;
  std::size_t first_batch = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool blocked_ = false;
};

/// A reader that takes each body for one record; "nothing" for none, "broken" for a broken one.
inline identity::LogReading body_as_record(std::string_view body, std::uint64_t wall_ns) {
  identity::LogReading reading;
  if (body == "broken") reading.counts.broken = 1;
  if (body == "broken" || body == "nothing") return reading;
  flow::SecurityRecord record;
  record.wall_ns = wall_ns;
  record.code = "404001";
  record.description = body;
  reading.records.push_back(std::move(record));
  return reading;
}

class EventHubTest : public ::testing::Test {
 protected:
  static constexpr const char* kHost = "iris-ns.servicebus.windows.net";
  static constexpr const char* kKey = "aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=";
  static constexpr const char* kOtherKey = "YW5vdGhlci9tYWRlK3VwPWtleX5mb3JfdGVzdHMhISE=";

  EventHubTest() {
    const auto issued = authority_.issue(kHost, std::string("DNS:") + kHost);
    test_support::write_file(directory_ / "ca.pem", authority_.certificate());
    test_support::write_file(directory_ / "cert.pem", issued.certificate);
    test_support::write_file(directory_ / "key.pem", issued.key);
    emulator_options_.certificate_file = directory_ / "cert.pem";
    emulator_options_.key_file = directory_ / "key.pem";
    options_.ca_file = directory_ / "ca.pem";
    options_.batch_time = 5ms;
    options_.min_backoff = 5ms;
    options_.max_backoff = 40ms;
    options_.busy_wait = 60ms;
    options_.answer_timeout = 20s;
    options_.start = EventHubOptions::Start::earliest;
  }
  void TearDown() override {
    client_.reset();
    EXPECT_EQ(kept_.details().find(kKey), std::string::npos) << "a key in a status";
    EXPECT_EQ(kept_.details().find(kOtherKey), std::string::npos) << "a key in a status";
    EXPECT_EQ(kept_.details().find("sig="), std::string::npos) << "a token in a status";
  }

  Emulator& emulator() {
    if (!emulator_) {
      emulator_ = std::make_unique<Emulator>(emulator_options_);
      options_.address = "127.0.0.1:" + std::to_string(emulator_->tls_port());
    }
    return *emulator_;
  }
  static std::string connection_string(const std::string& key = kKey, const std::string& policy = "listen",
                                       const std::string& hub = "insights-logs") {
    return std::string("Endpoint=sb://") + kHost + "/;SharedAccessKeyName=" + policy + ";SharedAccessKey=" + key +
           (hub.empty() ? "" : ";EntityPath=" + hub);
  }
  /// Through TLS, from what is kept.
  EventHubClient& start(const std::string& text = connection_string()) {
    emulator();
    auto client = EventHubClient::create(text, options_, kept_.checkpoints, reader_);
    if (!client) throw std::runtime_error(client.error().message);
    client_ = std::move(*client);
    client_->start(kept_);
    return *client_;
  }
  void stop() {
    const auto before = std::chrono::steady_clock::now();
    client_->stop();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    client_.reset();
  }

  test_support::TemporaryDirectory directory_;
  test_support::TestAuthority authority_;
  event_hub_emulator::Options emulator_options_;
  EventHubOptions options_;
  EventReader reader_ = body_as_record;
  Kept kept_;
  std::unique_ptr<Emulator> emulator_;
  std::unique_ptr<EventHubClient> client_;  // goes before what it uses
};

}  // namespace iris::registry
