// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "collector_program/alert_text.h"
#include "collector_program/commands.h"
#include "collector_program/service.h"
#include "rest/alert_answers.h"
#include "wire/record_file.h"

namespace iris::collector {
namespace {

using Json = nlohmann::ordered_json;

/// The commands say what the REST interface says, of the same store.
class Asked {
 public:
  explicit Asked(store::Store& store) { sources_.store = &store, sources_.version = IRIS_VERSION; }

  rest::Answer list(const Options& options, rest::Answer (*handle)(const rest::Sources&, const rest::Request&)) const {
    rest::Request request{"GET", {}, {}, {}};
    request.parameters.insert(options.parameters.begin(), options.parameters.end());
    return handle(sources_, request);
  }
  rest::Answer alert(const char* method, const std::string& path) const {
    return rest::answer_alert(sources_, {method, {}, {}, {}}, path);
  }

 private:
  rest::Sources sources_;
};

base::Result<Json> parsed(const rest::Answer& answer) {
  Json body = Json::parse(answer.body, nullptr, false);
  if (answer.status == 200) return body;
  const auto kind = answer.status == 400 ? base::Error::Kind::usage : base::Error::Kind::failed;
  return base::fail(body.is_object() ? body.value("error", "failed") : "failed", kind);
}

std::string line_of(const Json& item) { return item.dump(-1, ' ', false, Json::error_handler_t::replace); }

base::Result<void> list_alerts(const Asked& asked, const Options& options) {
  const auto body = parsed(asked.list(options, rest::list_alerts));
  if (!body) return tl::unexpected(body.error());
  for (const auto& alert : (*body)["alerts"]) {
    if (options.json) {
      fmt::print("{}\n", line_of(alert));
    } else {
      fmt::print("{}", alert_text(line_of(alert), false));
    }
  }
  if (!options.json) {
    const auto count = (*body)["alerts"].size();
    fmt::print(stderr, "{} alert{}{}\n", count, count == 1 ? "" : "s", (*body)["more"] == true ? ", and more behind them" : "");
  }
  return {};
}

base::Result<void> list_profiles(const Asked& asked, const Options& options) {
  const auto body = parsed(asked.list(options, rest::list_profiles));
  if (!body) return tl::unexpected(body.error());
  const auto& profiles = (*body)["profiles"];
  if (options.json || options.parameters.contains("key")) {
    for (const auto& profile : profiles) fmt::print("{}\n", options.json ? line_of(profile) : profile.dump(2));
    if (profiles.empty() && options.parameters.contains("key")) return base::fail("there is no such profile; `profiles` lists those there are");
    return {};
  }
  fmt::print("{:<14}  {:>8}  {:>8}  {:>7}  {:<20}  {}\n", "MATURITY", "NOVELTY", "CONTACTS", "WINDOWS", "LAST SEEN", "KEY");
  for (const auto& profile : profiles) {
    fmt::print("{:<14}  {:>8.4f}  {:>8}  {:>7}  {:<20}  {}\n", profile.value("maturity", ""), profile.value("novelty", 1.0),
               profile.value("contacts", 0), profile.value("windows", 0),
               profile["last_seen"].is_string() ? profile["last_seen"].get<std::string>().substr(0, 19) + "Z" : "never",
               profile.value("key", ""));
  }
  return {};
}

base::Result<void> show(const Asked& asked, const Options& options) {
  const auto answer = asked.alert("GET", options.alert);
  if (auto body = parsed(answer); !body) return tl::unexpected(body.error());
  fmt::print("{}", options.json ? answer.body : alert_text(answer.body, true));
  return {};
}

base::Result<void> set(const Asked& asked, const Options& options) {
  const char* const action = options.alert_state == store::AlertState::acknowledged     ? "acknowledge"
                             : options.alert_state == store::AlertState::false_positive ? "false_positive"
                                                                                        : "close";
  const auto answer = asked.alert("POST", options.alert + "/" + action);
  if (auto body = parsed(answer); !body) return tl::unexpected(body.error());
  fmt::print("{}", alert_text(answer.body, false));
  return {};
}

base::Result<void> export_file(const Asked& asked, const Options& options) {
  const auto answer = asked.alert("GET", options.alert + "/incident");
  if (answer.status != 200) return tl::unexpected(parsed(answer).error());
  base::UniqueFd file;
  const bool to_stdout = options.file == "-";
  // What it tells of a plant is not for everybody.
  if (!to_stdout) file.reset(::open(options.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!to_stdout && !file) return base::fail_errno("cannot write " + options.file, errno);
  const auto done = wire::write_to(to_stdout ? STDOUT_FILENO : file.get())(answer.body);
  if (!done) return base::with_context(options.file, done.error());
  if (!to_stdout) fmt::print(stderr, "{}: {} bytes; `iris-collector replay {}` finds the alert again\n", options.file, answer.body.size(), options.file);
  return {};
}

}  // namespace

base::Result<void> run_alert_command(const Options& options, const Config& config) {
  auto store = open_for_command(config, false);
  if (!store) return tl::unexpected(std::move(store.error()));
  const Asked asked(**store);
  base::Result<void> done;
  switch (options.command) {
    case Options::Command::alert_show: done = show(asked, options); break;
    case Options::Command::alert_set: done = set(asked, options); break;
    case Options::Command::alert_export: done = export_file(asked, options); break;
    case Options::Command::profiles: done = list_profiles(asked, options); break;
    default: done = list_alerts(asked, options);
  }
  if (std::fflush(stdout) != 0) return base::fail("cannot write to standard output");
  return done;
}

}  // namespace iris::collector
