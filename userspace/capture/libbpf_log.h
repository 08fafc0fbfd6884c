// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace iris::capture {

/// Collects what libbpf would print while this object lives, and keeps it off
/// the terminal. They nest, the inner one collects; libbpf has one print function
/// for the whole process.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  const std::string& text() const { return text_; }
  void append(std::string_view message);

 private:
  LibbpfLog* outer_;
  std::string text_;
};

/// What a failed load's log accuses, and the reason in one line.
struct LoadFault {
  std::string name;
  std::string reason;
};

/// The program that libbpf's log names as refused.
std::optional<LoadFault> refused_program(std::string_view log);
/// The map that libbpf's log names as not created.
std::optional<LoadFault> refused_map(std::string_view log);

}  // namespace iris::capture
