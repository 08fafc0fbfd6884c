// SPDX-License-Identifier: Apache-2.0
#include "rest/http_server.h"

#include <httplib.h>

#include <thread>

namespace iris::rest {
namespace {

constexpr std::size_t kThreads = 8;
constexpr std::size_t kMaxBodyBytes = 4'096;  // nothing here takes one
constexpr time_t kSilenceSeconds = 2;

Request request_of(const httplib::Request& from) {
  return {from.method, from.path, from.params, from.get_header_value("Authorization")};
}

bool may_have_body(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

void fill(httplib::Response& to, Answer answer) {
  to.status = answer.status;
  for (const auto& [name, value] : answer.headers) to.set_header(name, value);
  to.set_header("Cache-Control", "no-store");
  to.set_header("X-Content-Type-Options", "nosniff");
  to.set_content(std::move(answer.body), answer.content_type);
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(Api api) : api_(std::move(api)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server_.set_keep_alive_max_count(1);  // a body that nobody read is never taken for a request
    server_.set_read_timeout(kSilenceSeconds);
    server_.set_write_timeout(kSilenceSeconds);
    server_.set_payload_max_length(kMaxBodyBytes);
    // The library's default, SO_REUSEPORT, would let a second collector share the port.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    const auto reply = [this](const httplib::Request& request, httplib::Response& response) {
      // The library would cut a range, or thousands that overlap, out of the answer.
      fill(response, request.has_header("Range") ? error_answer(416, "no ranges here") : api_.answer(request_of(request)));
    };
    server_.set_pre_routing_handler([reply](const httplib::Request& request, httplib::Response& response) {
      if (may_have_body(request.method)) return httplib::Server::HandlerResponse::Unhandled;
      reply(request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    // A body is read before it is refused: with it unread, closing would reset the
    // connection and the peer not see why.
    server_.Post(".*", reply).Put(".*", reply).Patch(".*", reply).Delete(".*", reply);
    server_.set_exception_handler([](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
      fill(response, error_answer(500, "internal error"));
    });
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty()) fill(response, error_answer(response.status, "not a request that is understood here"));
    });
  }

  ~Impl() { stop(); }

  base::Result<void> start(const std::string& host, int port) {
    port_ = port == 0 ? server_.bind_to_any_port(host) : (server_.bind_to_port(host, port) ? port : -1);
    if (port_ <= 0) return base::fail("cannot listen on " + host + ":" + std::to_string(port) + " for HTTP");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // Before it runs, stop() would be without effect.
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {};
  }

  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  int port() const { return port_; }

 private:
  Api api_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

base::Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, int port, Api api) {
  auto impl = std::make_unique<Impl>(std::move(api));
  if (auto started = impl->start(host, port); !started) return tl::unexpected(std::move(started.error()));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
int HttpServer::port() const { return impl_->port(); }
void HttpServer::stop() { impl_->stop(); }

}  // namespace iris::rest
