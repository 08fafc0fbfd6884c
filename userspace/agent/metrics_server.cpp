// SPDX-License-Identifier: Apache-2.0
#include <httplib.h>

#include <thread>

#include "agent/metrics.h"

namespace iris::agent {

class MetricsServer::Impl {
 public:
  explicit Impl(Measure measure) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(1); };
    server_.set_read_timeout(2);
    server_.set_write_timeout(2);
    server_.set_keep_alive_max_count(1);
    server_.set_payload_max_length(1024);
    server_.Get("/metrics", [measure = std::move(measure)](const httplib::Request&, httplib::Response& response) {
      response.set_content(metrics_text(measure()), "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  ~Impl() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  base::Result<void> start(const std::string& host, int port) {
    port_ = port == 0 ? server_.bind_to_any_port(host.c_str()) : (server_.bind_to_port(host.c_str(), port) ? port : -1);
    if (port_ < 0) return base::fail("cannot listen on " + host + ":" + std::to_string(port) + " for metrics");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    return {};
  }

  int port() const { return port_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
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
