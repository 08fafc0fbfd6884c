// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analysis/judge_status.h"
#include "collector/ingest_server.h"
#include "notify/notifier.h"
#include "store/store.h"

/// The REST interface of the collector, without its sockets: those are http_server.h.
namespace iris::rest {

/// What the maintenance of the store has to tell.
struct MaintenanceStatus {
  std::uint64_t slices = 0;
  std::string fault;  // last error; empty: none
};

/// Where answers come from. Called from any thread; all outlive the Api.
struct Sources {
  store::Store* store = nullptr;
  std::function<collector::IngestStatus()> ingest;
  std::function<MaintenanceStatus()> maintenance;
  std::function<analysis::JudgeStatus()> judge;
  std::function<std::vector<notify::SinkStatus>()> sinks;  // who is told of alerts
  std::string version;
};

struct Request {
  std::string method;
  std::string path;
  std::multimap<std::string, std::string> parameters;  // decoded
  std::string authorization;                           // the header's value
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers{};
};

/// Routes, checks the token, answers. Errors are {"error": "..."} with their status.
class Api {
 public:
  /// `token` opens everything but health and readiness; it must not be empty.
  Api(Sources sources, const std::string& token);

  Answer answer(const Request& request) const;

 private:
  bool authorized(const std::string& authorization) const;

  Sources sources_;
  std::string token_hash_;
};

Answer error_answer(int status, const std::string& message);

}  // namespace iris::rest
