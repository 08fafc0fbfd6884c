// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "rest/api.h"

namespace iris::rest {

/// Serves an Api over plain HTTP/1.1, on threads of its own, a connection a request.
class HttpServer {
 public:
  /// `port` 0: any free one. `api` is copied.
  static base::Result<std::unique_ptr<HttpServer>> start(const std::string& host, int port, Api api);
  ~HttpServer();  // as stop()

  int port() const;
  /// Lets what is being answered finish; who is still asking is cut off within two seconds.
  void stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::rest
