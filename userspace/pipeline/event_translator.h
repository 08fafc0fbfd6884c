// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "flow/records.h"
#include "iris/event.h"

namespace iris::pipeline {

/// Nanoseconds to add to CLOCK_MONOTONIC to get wall time.
using WallOffset = std::int64_t;

/// 0 (not known) stays 0.
inline std::uint64_t to_wall_ns(std::uint64_t monotonic_ns, WallOffset offset) {
  return monotonic_ns == 0 ? 0 : monotonic_ns + static_cast<std::uint64_t>(offset);
}

/// The record behind `header` as a T, or null when it is too short to be one.
template <typename T>
const T* event_as(const iris_event_header& header, std::size_t size) {
  return size < sizeof(T) ? nullptr : reinterpret_cast<const T*>(&header);
}

/// A fixed field of the kernel's, which need not end in a zero byte.
template <std::size_t size>
std::string text_of(const char (&field)[size]) {
  std::size_t length = 0;
  while (length < size && field[length] != '\0') ++length;
  return std::string(field, length);
}

base::IpAddress address_of(const std::uint8_t (&bytes)[16]);
flow::Role role_of(std::uint8_t role);

/// Kernel events to records. Pure: everything else it needs it asks for.
class EventTranslator {
 public:
  struct Lookups {
    std::function<flow::OwnerPtr(std::uint64_t cgroup_id)> owner;              // never null
    std::function<std::uint32_t(const std::string& container_id)> main_pid;   // 0: not known
  };
  explicit EventTranslator(Lookups lookups) : lookups_(std::move(lookups)) {}

  void set_wall_offset(WallOffset offset) { offset_ = offset; }
  WallOffset wall_offset() const { return offset_; }

  flow::SocketEvent socket_event(const iris_socket_event& event) const;
  /// Without executable and stack.
  flow::ExitRecord exit(const iris_exit_event& event) const;
  flow::ExecRecord exec(const iris_exec_event& event) const;

 private:
  Lookups lookups_;
  WallOffset offset_ = 0;
};

}  // namespace iris::pipeline
