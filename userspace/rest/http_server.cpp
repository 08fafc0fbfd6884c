// SPDX-License-Identifier: Apache-2.0
#include "rest/http_server.h"

#include "http/bounded_server.h"
#include "rest/http_routes.h"

namespace iris::rest {
namespace {

constexpr std::size_t kThreads = 8;

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(Api api) : api_(std::move(api)), server_(kThreads) { add_routes(server_, api_); }

  base::Result<void> start(const std::string& host, int port) { return server_.listen_on(host, port, "HTTP"); }
  void stop() { server_.end(); }
  int port() const { return server_.port(); }

 private:
  Api api_;
  http::BoundedServer server_;
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
