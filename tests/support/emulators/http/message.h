// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What emulators of REST services say and hear, without the HTTP library.
namespace iris::emulator {

struct Request {
  std::string method;
  std::string target;                          // as sent, query included
  std::vector<std::string> path;               // its segments, decoded; "/a/" has an empty last one
  std::map<std::string, std::string> query;    // decoded; of a repeated name the last
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;

  /// Empty when absent; `name` in lower case.
  std::string header(const std::string& name) const;
  bool has_header(const std::string& name) const { return headers.contains(name); }
  /// The path of `target`, as sent.
  std::string_view raw_path() const;
};

/// What the wire does to an answer.
struct WireFault {
  enum class Cut { none, before_answer, in_head, in_body };
  Cut cut = Cut::none;                     // the connection ends there, without a farewell
  std::chrono::milliseconds delay{0};      // before anything is sent
  std::size_t piece_bytes = 0;             // of the body, if it is written in pieces; 0: at once
  std::chrono::milliseconds pause{0};      // after each piece
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type = "application/json; charset=utf-8";  // empty: no such header
  std::string body;
  WireFault wire;
};

/// %XX replaced; nothing when one of them is broken.
std::optional<std::string> percent_decoded(std::string_view text);
/// Sets path and query from `target`; false when an escape is broken.
bool split_target(Request& request);

}  // namespace iris::emulator
