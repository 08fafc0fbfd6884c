// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "emulators/http/message.h"

namespace iris::emulator {

/// PEM text.
struct Certificate {
  std::string chain;
  std::string key;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;                    // 0: any free one
  Certificate certificate;         // without a chain: plain HTTP
  std::size_t threads = 32;        // as many connections at a time; others wait
  std::size_t max_body_bytes = 256 * 1024;
};

/// Called from several threads.
using RequestHandler = std::function<Response(const Request&)>;

/// An HTTP/1.1 server with a thread a connection, whose answers may be cut or slow.
/// TLS 1.2 or later when there is a certificate. A target that cannot be split is
/// answered 400, a very long one 414, before the handler.
class Server {
 public:
  static base::Result<std::unique_ptr<Server>> start(const ServerOptions& options, RequestHandler handler);
  ~Server();

  int port() const;
  /// Ends open connections too. May be called again.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::emulator
