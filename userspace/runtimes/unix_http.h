// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace iris::runtimes {

/// HTTP over a unix socket: single requests, and beside them one endless
/// response. All on the caller's thread, which wake() may interrupt.
class UnixHttp {
 public:
  struct Response {
    long status = 0;  // 0: no answer; `error` says why
    std::string body;
    std::string api_version;  // header Api-Version
    std::string server;       // header Server
    std::string error;
  };

  /// `stop` ends every call at once when it is set and wake() is called.
  UnixHttp(std::string socket_path, const std::atomic<bool>& stop);
  ~UnixHttp();
  UnixHttp(const UnixHttp&) = delete;
  UnixHttp& operator=(const UnixHttp&) = delete;

  /// Bodies above `max_body_bytes` are an error. Feeds the stream meanwhile.
  Response get(const std::string& path, std::chrono::milliseconds timeout, std::size_t max_body_bytes);

  /// Opens the endless response; `on_data` gets what arrives during any call here.
  void open_stream(const std::string& path, std::function<void(std::string_view)> on_data);
  /// Waits for something to arrive on the stream, or for wake().
  void wait(std::chrono::milliseconds timeout);
  /// False once the stream ended; then `stream_error()` says why.
  bool stream_open() const;
  std::string stream_error() const;

  /// From any thread.
  void wake();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::runtimes
