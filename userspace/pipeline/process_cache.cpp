// SPDX-License-Identifier: Apache-2.0
#include "pipeline/process_cache.h"

#include <charconv>
#include <filesystem>
#include <string_view>

namespace iris::pipeline {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

}  // namespace

std::string read_executable(std::uint32_t pid, const std::string& proc) {
  std::error_code error;
  std::string path = std::filesystem::read_symlink(proc + "/" + std::to_string(pid) + "/exe", error);
  if (error) return {};
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

void ProcessCache::scan(std::uint64_t now_ns, const std::string& proc) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(proc, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    std::uint32_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    std::string executable = read_executable(pid, proc);
    if (!executable.empty()) put({pid, now_ns, true, std::move(executable)});  // kernel threads have none
  }
}

void ProcessCache::executed(std::uint32_t pid, std::uint64_t start_ns, std::string executable) {
  put({pid, start_ns, false, std::move(executable)});
}

void ProcessCache::put(Process process) {
  if (max_processes_ == 0) return;
  if (const auto known = by_pid_.find(process.pid); known != by_pid_.end()) {
    *known->second = std::move(process);
    by_age_.splice(by_age_.begin(), by_age_, known->second);
    return;
  }
  if (by_pid_.size() >= max_processes_) {
    by_pid_.erase(by_age_.back().pid);
    by_age_.pop_back();
  }
  by_age_.push_front(std::move(process));
  by_pid_[by_age_.front().pid] = by_age_.begin();
}

std::string ProcessCache::executable(std::uint32_t pid, std::uint64_t start_ns) {
  const auto known = by_pid_.find(pid);
  if (known == by_pid_.end()) return {};
  const Process& process = *known->second;
  if (process.scanned ? start_ns > process.start_ns : start_ns != process.start_ns) return {};
  by_age_.splice(by_age_.begin(), by_age_, known->second);
  return process.executable;
}

std::string ProcessCache::executable_now(std::uint32_t pid) const {
  const auto known = by_pid_.find(pid);
  return known == by_pid_.end() ? read_executable(pid) : known->second->executable;
}

void ProcessCache::exited(std::uint32_t pid) {
  const auto known = by_pid_.find(pid);
  if (known == by_pid_.end()) return;
  by_age_.erase(known->second);
  by_pid_.erase(known);
}

}  // namespace iris::pipeline
