// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "notify/sink.h"

namespace iris::notify {

/// Appends each alert as a line of JSON. Made with mode 0640 when it is not there, and
/// again after somebody moved or deleted it (logrotate).
class FileSink final : public Sink {
 public:
  explicit FileSink(std::string path) : path_(std::move(path)) {}
  /// Errors may pass: the disk is full, the folder is missing.
  base::Result<void> deliver(const Notice& notice) override;

 private:
  bool moved_away() const;
  base::Result<void> open();
  base::Result<void> append(const std::string& line);

  const std::string path_;
  base::UniqueFd fd_;
};

}  // namespace iris::notify
