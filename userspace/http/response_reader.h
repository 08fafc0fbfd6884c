// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace iris::http {

/// Takes an HTTP/1.x answer apart as its bytes arrive, wherever they come from: no I/O. Interim answers
/// (100 Continue) are passed over. Header values stay as they came, without the blanks around them.
/// (httplib's own client decodes %xx in them, and cannot be interrupted while a name is looked up.)
class ResponseReader {
 public:
  struct Options {
    std::size_t max_header_bytes = 64u << 10;  // of one answer, interim ones included
    bool has_body = true;                      // false: as that to CONNECT
  };
  enum class State : std::uint8_t { head, body, done, failed };
  /// The next piece of the body, without the frames of chunks; false ends the answer (`refused()`).
  using OnBody = std::function<bool(std::string_view)>;

  explicit ResponseReader(OnBody on_body) : ResponseReader(std::move(on_body), Options{}) {}
  ResponseReader(OnBody on_body, Options options);
  ~ResponseReader();
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;

  State feed(std::string_view bytes);
  /// The peer has closed: the end of some answers, and a fault in all others.
  State end_of_input();

  State state() const;
  unsigned status() const;  // 0: the line that has it has not come
  /// Names in lower case; the last of a repeated one.
  const std::map<std::string, std::string>& headers() const;
  /// Another request may follow on this connection. Of an answer that is done.
  bool keep_alive() const;
  bool started() const;  // something has come
  bool refused() const;  // by on_body
  bool too_large() const;  // the headers are
  /// Why it failed, in plain words.
  std::string error() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::http
