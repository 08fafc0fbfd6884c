// SPDX-License-Identifier: Apache-2.0
#include "daemon/library_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>

namespace iris::daemon {
namespace {

constexpr std::uint64_t kLinesAMinute = 10;

/// Counts what it does not let through, and says so with the next line.
class Gate {
 public:
  void write(const char* library, spdlog::level::level_enum level, std::string_view message) {
    std::uint64_t left_out = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto now = std::chrono::steady_clock::now();
      if (now - minute_ >= std::chrono::minutes(1)) {
        minute_ = now;
        lines_ = 0;
      }
      if (++lines_ > kLinesAMinute) {
        ++left_out_;
        return;
      }
      left_out = std::exchange(left_out_, 0);
    }
    if (left_out > 0) spdlog::warn("{}: {} lines left out", library, left_out);
    spdlog::log(level, "{}: {}", library, message);
  }

 private:
  std::mutex mutex_;
  std::chrono::steady_clock::time_point minute_{};
  std::uint64_t lines_ = 0;
  std::uint64_t left_out_ = 0;
};

Gate& gate() {
  static Gate one;
  return one;
}

void from_grpc(gpr_log_func_args* args) {
  const auto level = args->severity == GPR_LOG_SEVERITY_ERROR ? spdlog::level::warn : spdlog::level::debug;
  gate().write("gRPC", level, args->message);
}

void from_protobuf(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  gate().write("protobuf", level >= google::protobuf::LOGLEVEL_ERROR ? spdlog::level::warn : spdlog::level::debug, message);
}

}  // namespace

void take_library_logs() {
  gpr_set_log_function(from_grpc);
  google::protobuf::SetLogHandler(from_protobuf);
}

}  // namespace iris::daemon
