// SPDX-License-Identifier: Apache-2.0
// iris-symbolize: reads requests and writes names, one JSON object a line (see
// README.md). The files that it opens may be hostile, hence the limits.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "build_id_symbols.h"

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxLineBytes = 2 << 20;
constexpr std::size_t kMaxFrames = 128;
constexpr std::size_t kMaxModules = 256;
constexpr rlim_t kMemoryBytes = 1ULL << 30;  // address space: LLVM's share is mapped, not used
constexpr rlim_t kCpuSecondsPerRequest = 2;
constexpr rlim_t kCpuSecondsInAll = 600;

void limit(int resource, rlim_t soft, rlim_t hard) {
  const rlimit value{soft, hard};
  setrlimit(resource, &value);
}

// The soft limit kills (SIGXCPU) and is set anew for each request.
void grant_cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto used = static_cast<rlim_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + 1);
  limit(RLIMIT_CPU, std::min(used + kCpuSecondsPerRequest, kCpuSecondsInAll), kCpuSecondsInAll);
}

void confine() {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their shadow is terabytes
  limit(RLIMIT_AS, kMemoryBytes, kMemoryBytes);
#endif
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_FSIZE, 0, 0);
  limit(RLIMIT_NOFILE, kMaxModules + 64, kMaxModules + 64);
  grant_cpu_time();
}

/// Lines of bounded length from a descriptor.
class LineReader {
 public:
  /// The next line; none at the end of input or when a line has no end.
  std::optional<std::string> next() {
    for (;;) {
      if (const std::size_t end = buffer_.find('\n', searched_); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        searched_ = 0;
        return line;
      }
      searched_ = buffer_.size();
      if (buffer_.size() > kMaxLineBytes) return std::nullopt;
      std::array<char, 65'536> piece{};
      const ssize_t got = read(STDIN_FILENO, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return std::nullopt;
      buffer_.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  std::string buffer_;
  std::size_t searched_ = 0;
};

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// Throws nlohmann's exceptions when the request is not as it should be.
Json answer(const Json& request) {
  const Json& frames = request.at("frames");
  const Json& modules = request.at("modules");
  if (frames.size() > kMaxFrames || modules.size() > kMaxModules) throw std::length_error("too many frames or modules");
  std::vector<std::string> wanted;
  for (const Json& frame : frames) wanted.push_back(frame.at("build_id").get<std::string>());

  iris::symbolize::BuildIdSymbols symbols;
  for (const Json& module : modules) symbols.add(module.get<std::string>(), wanted);
  Json names = Json::array();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto name = symbols.resolve(wanted[i], frames[i].at("offset").get<std::uint64_t>(), i > 0);
    names.push_back({{"symbol", or_null(name.symbol)}, {"module", or_null(name.module)}});
  }
  return {{"id", request.at("id")}, {"frames", std::move(names)}};
}

}  // namespace

int main() {
  confine();
  LineReader lines;
  while (const auto line = lines.next()) {
    grant_cpu_time();
    try {
      std::cout << answer(Json::parse(*line)).dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    } catch (const std::exception& error) {
      std::cerr << "iris-symbolize: " << error.what() << "\n";
      return 1;
    }
    if (!std::cout) return 1;
  }
  return 0;
}
