// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics.h"
#include "http/bounded_server.h"

namespace iris::agent {

class MetricsServer::Impl {
 public:
  explicit Impl(Measure measure) : server_(1) {
    server_.Get("/metrics", [measure = std::move(measure)](const httplib::Request&, httplib::Response& response) {
      response.set_content(metrics_text(measure()), "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  base::Result<void> start(const std::string& host, int port) { return server_.listen_on(host, port, "metrics"); }
  int port() const { return server_.port(); }

 private:
  http::BoundedServer server_;
};

base::Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const std::string& host, int port, Measure measure) {
  auto impl = std::make_unique<Impl>(std::move(measure));
  if (auto started = impl->start(host, port); !started) return tl::unexpected(std::move(started.error()));
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;
int MetricsServer::port() const { return impl_->port(); }

}  // namespace iris::agent
