// SPDX-License-Identifier: Apache-2.0
// iris-detection-harness: the shipped defaults of the detector on labelled data.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "protocol.h"
#include "table.h"

int main(int argc, char** argv) {
  using namespace iris::detection;
  std::string data, json_file, alert_folder, only;
  CLI::App app{
      "Evaluates the detector on labelled connection records (tests/detection/README.md) and prints the table."};
  app.add_option("data,--data", data, "Folder of data")->envname("IRIS_DETECTION_DATA")->required();
  app.add_option("--json", json_file, "Write the table to this file");
  app.add_option("--alerts", alert_folder, "Write the raw alerts to this folder, a file SCENARIO.MODE.jsonl each");
  app.add_option("--only", only, "Scenarios whose name matches (may hold *)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto folder = read_folder(data);
  if (!folder) {
    fmt::print(stderr, "iris-detection-harness: {}\n", folder.error().message);
    return 1;
  }
  if (!alert_folder.empty()) std::filesystem::create_directories(alert_folder);
  std::vector<Result> results;
  for (const auto& line : folder->protocol) {
    if (!only.empty() && !matches(only, line.scenario)) continue;
    auto result = run_line(*folder, line);
    if (!result) {
      fmt::print(stderr, "iris-detection-harness: {}: {}\n", line.scenario, result.error().message);
      return 1;
    }
    if (!alert_folder.empty()) {
      std::ofstream out(std::filesystem::path(alert_folder) / fmt::format("{}.{}.jsonl", line.scenario, line.mode));
      out << alert_lines(*result);
      if (!out.flush()) {
        fmt::print(stderr, "iris-detection-harness: cannot write to {}\n", alert_folder);
        return 1;
      }
    }
    results.push_back(std::move(*result));
  }
  fmt::print("{}", text_table(results));
  if (json_file.empty()) return 0;
  std::ofstream out(json_file);
  out << json_table(results).dump(2) << "\n";
  if (!out.flush()) {
    fmt::print(stderr, "iris-detection-harness: cannot write {}\n", json_file);
    return 1;
  }
  return 0;
}
