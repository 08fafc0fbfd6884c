// SPDX-License-Identifier: Apache-2.0
#include "http/bounded_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace iris::http {
namespace {

constexpr std::size_t kMaxBodyBytes = 4'096;  // nobody takes one

}  // namespace

BoundedServer::BoundedServer(std::size_t threads, PeerLimits limits) : limits_(limits) {
  new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
  set_payload_max_length(kMaxBodyBytes);
  // The library's default, SO_REUSEPORT, would let a second process share the port.
  set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
}

BoundedServer::~BoundedServer() { end(); }

base::Result<void> BoundedServer::listen_on(const std::string& host, int port, const std::string& what) {
  port_ = port == 0 ? bind_to_any_port(host) : (bind_to_port(host, port) ? port : -1);
  if (port_ <= 0) return base::fail("cannot listen on " + host + ":" + std::to_string(port) + " for " + what);
  thread_ = std::thread([this] { listen_after_bind(); });
  // Before it runs, stop() would be without effect.
  while (!is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return {};
}

void BoundedServer::end() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void BoundedServer::serve(httplib::Stream& stream) {
  bool closed = false;
  process_request(stream, true, closed, nullptr);
}

bool BoundedServer::process_and_close_socket(socket_t socket) {
  DeadlineStream stream(socket, limits_);
  serve(stream);
  ::shutdown(socket, SHUT_RDWR);
  ::close(socket);
  return true;
}

}  // namespace iris::http
