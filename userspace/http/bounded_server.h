// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <httplib.h>

#include <cstddef>
#include <string>
#include <thread>

#include "base/result.h"
#include "http/deadline_stream.h"

namespace iris::http {

/// httplib's server with what it lacks: one request a connection within a limit of
/// time, a port that nobody else can listen on, and a thread of its own.
/// Routes are set before listen(). For the .cpp files of those who serve.
class BoundedServer : public httplib::Server {
 public:
  explicit BoundedServer(std::size_t threads, PeerLimits limits = {});
  ~BoundedServer() override;

  /// `port` 0: any free one. `what` is for the error: "HTTP".
  base::Result<void> listen_on(const std::string& host, int port, const std::string& what);
  int port() const { return port_; }
  /// Lets what is being answered finish.
  void end();

  /// One request from the stream, and its answer into it.
  void serve(httplib::Stream& stream);

 private:
  bool process_and_close_socket(socket_t socket) override;

  const PeerLimits limits_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace iris::http
