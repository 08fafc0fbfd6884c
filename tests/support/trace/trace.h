// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trace/child.h"

namespace iris::test {

using Json = nlohmann::json;

/// iris-trace, running. `arguments`: command and options as on a shell, without
/// --json, which is added where the command knows it, as are --no-runtimes
/// (unless `runtimes`) and --follow for `flows` without an end of its own.
class Trace {
 public:
  /// Returns once the programs are attached.
  explicit Trace(std::vector<std::string> arguments, bool runtimes = false);

  pid_t pid() const { return child_.pid(); }
  Child& child() { return child_; }
  /// SIGINT; waits for a clean end (exit code 0, or it throws) and returns all lines of stdout.
  std::vector<Json> stop();
  /// The same, not parsed.
  std::string stop_text();
  /// The lines so far, the last one only when it is complete.
  std::vector<Json> so_far() const;
  /// Resident set size in KiB; from the heap alone with `private_only`.
  std::uint64_t rss_kib(bool private_only = false) const;

 private:
  Child child_;
};

/// A run of iris-trace to its end.
struct Finished {
  int exit_code = -1;
  std::string out;
  std::string err;
};
Finished run_trace(std::vector<std::string> arguments);

/// iris-load; ready() waits for a server's word.
class Load {
 public:
  Load(std::vector<std::string> arguments, const Place& place);
  void ready() { child_.wait_for_message("iris-load: ready"); }
  void signal(int number) { child_.signal(number); }
  pid_t pid() const { return child_.pid(); }
  bool ended() { return child_.ended(); }
  /// Its own count, once it has ended (`stop`: is asked to). Throws on a bad end.
  Json truth(bool stop = false, std::chrono::milliseconds limit = std::chrono::seconds(180));

 private:
  Child child_;
};

/// Lines of JSON; throws on one that is none.
std::vector<Json> parse_lines(const std::string& text);
/// The lines of this type, in order; `owner` != 0: only those of this cgroup id.
std::vector<Json> of_type(const std::vector<Json>& lines, const std::string& type, std::uint64_t owner = 0);
/// Sum of a number over lines; "failed/refused" reaches into an object.
std::uint64_t sum_of(const std::vector<Json>& lines, const std::string& field);
/// produced, delivered, folded and each dropped reason, over all ledger lines.
Json ledger_sum(const std::vector<Json>& lines);
/// What is wrong with the ledger lines: none there, one that does not balance, a
/// sequence with a gap; with `nothing_dropped` also any loss. Empty: nothing.
std::string ledger_faults(const std::vector<Json>& lines, bool nothing_dropped = true);

}  // namespace iris::test
