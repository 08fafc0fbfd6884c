// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpf_account.h"

namespace iris::bench {

/// One run of one tracer: figures by name (see kColumns in report.cpp). What
/// was not measured is not there.
struct Sample {
  std::map<std::string, double> figures;
  std::string failure;  // it did not start: its own words
  std::string last_words;
};

struct TracerResult {
  std::string name;
  std::vector<Sample> rounds;
  std::vector<ProgramFigures> programs;

  std::optional<double> median(const std::string& figure) const;
};

/// The tables for people.
std::string to_text(const std::vector<TracerResult>& results);
/// Every sample, for machines.
std::string to_json(const std::vector<TracerResult>& results);

}  // namespace iris::bench
