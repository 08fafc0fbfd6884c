// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <ctime>
#include <optional>
#include <string>

#include "base/result.h"
#include "detect/risky_list.h"

namespace iris::analysis {

/// The administrator's list of risky peers, read again when the file changes.
class RiskyFile {
 public:
  /// Empty: there is none.
  explicit RiskyFile(std::string path) : path_(std::move(path)) {}

  /// The list when it is new, none when it is as before. What is wrong with it is told
  /// once for each state of the file.
  base::Result<std::optional<detect::RiskyList>> read_if_changed();

 private:
  std::string path_;
  std::optional<std::string> seen_;  // identity, size and time of what was read last
};

}  // namespace iris::analysis
