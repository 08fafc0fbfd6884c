// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "analysis/judge_loop.h"
#include "base/result.h"
#include "collector_program/alert_feed.h"
#include "collector/ingest_server.h"
#include "collector_program/config.h"
#include "collector_program/data_directory.h"
#include "collector_program/maintainer.h"
#include "notify/notifier.h"
#include "rest/http_server.h"

namespace iris::collector {

/// Nanoseconds since the Unix epoch.
std::uint64_t now_wall_ns();

/// The path in "sqlite:PATH".
std::string store_path(const std::string& url);

/// The store, for a command beside a running `serve` or without one. `create`: else one
/// that is not there is an error that says what to do.
base::Result<std::unique_ptr<store::Store>> open_for_command(const Config& config, bool create);

/// Everything that `serve` runs, from the store to both front doors.
class Service {
 public:
  static base::Result<std::unique_ptr<Service>> start(const Config& config);

  /// First the questions, then the batches: what has come is committed and acknowledged.
  void stop();

  /// False: the store does not answer.
  bool healthy() const;
  int ingest_port() const { return ingest_->port(); }
  int http_port() const { return http_->port(); }

 private:
  Service() = default;
  base::Result<void> open(const Config& config);
  base::Result<void> start_judge(const Config& config);
  base::Result<void> start_ingest(const Config& config);
  base::Result<void> start_http(const Config& config);

  // In the order of making; the members end in the other.
  std::optional<StoreLock> lock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Maintainer> maintainer_;
  std::optional<AlertFeed> feed_;
  std::unique_ptr<notify::Notifier> notifier_;
  std::unique_ptr<analysis::JudgeLoop> judge_;
  std::unique_ptr<IngestServer> ingest_;
  std::unique_ptr<rest::HttpServer> http_;
};

}  // namespace iris::collector
