// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "emulators/http/message.h"

namespace iris::emulator {

/// One thing that goes wrong, for the requests that it matches.
struct Fault {
  enum class Kind {
    answer,       // `status`, with `body` or else an error body, instead of the real answer
    empty_body,   // the real answer without its body
    wire,         // the real answer, cut, slow or late: `wire`
    empty_page,   // of a query to IoT Hub: [] with a continuation to what would have been the page
    change_twin,  // IoT Hub: the real answer, and then `patch` for the twin: before the next page
  };

  std::string method;            // empty: any
  std::string path_prefix;       // as sent; empty: any
  unsigned skip = 0;             // matching requests that are spared first
  unsigned times = 1;            // then this many are not; 0: for ever

  Kind kind = Kind::answer;
  int status = 503;
  std::string error;                       // iothub-errorcode; empty: none, and no error body
  std::optional<std::string> body;
  std::optional<std::string> content_type;  // default: that of an error body, or text/html beside `body`
  std::optional<std::string> retry_after;  // as it is sent
  WireFault wire;
  std::string device_id;
  std::string module_id;
  nlohmann::json patch;
};

/// {"method","path","skip","times", and one of
///  "answer":{"status","error","body","content_type","retry_after"}, "empty_body":true, "empty_page":true,
///  "cut":"before_answer|in_head|in_body", "slow":{"piece_bytes","pause_ms"}, "delay_ms":n,
///  "change_twin":{"device","module","patch"}}
base::Result<Fault> fault_from(const nlohmann::json& document);
base::Result<std::vector<Fault>> faults_from(const nlohmann::json& list);

/// The script: the first fault that matches a request is the one that happens. Thread-safe.
class FaultScript {
 public:
  void add(Fault fault);
  void clear();
  std::optional<Fault> next(const Request& request);

 private:
  std::mutex mutex_;
  std::vector<Fault> faults_;
};

}  // namespace iris::emulator
