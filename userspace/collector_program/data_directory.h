// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

/// What lies in the collector's data directory besides the store.
namespace iris::collector {

/// Makes it, for its owner alone, where it is not there.
base::Result<void> make_data_directory(const std::filesystem::path& directory);

/// Writes a new file that none but its owner can read, whole or not at all.
base::Result<void> write_private_file(const std::filesystem::path& path, const std::string& content);

struct ApiToken {
  std::string token;
  std::filesystem::path path;
  bool made = false;
};
/// The token of the REST interface from DIRECTORY/api-token, made when it is not there.
base::Result<ApiToken> api_token(const std::filesystem::path& directory);

/// Held by the one `serve` of a store; the kernel lets go of it however the process ends.
class StoreLock {
 public:
  /// `store_file`: path of the store. The error names the process that has it.
  static base::Result<StoreLock> take(const std::filesystem::path& store_file);

 private:
  explicit StoreLock(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

}  // namespace iris::collector
