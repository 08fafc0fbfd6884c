// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <httplib.h>

#include "enrich/temporary_directory.h"
#include "tls/test_authority.h"

namespace iris::test_support {

/// An HTTP or HTTPS server on 127.0.0.1 whose one handler the test writes.
class ScriptedServer {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  struct Seen {
    std::string method;
    std::string target;  // path and query
    std::string body;
    httplib::Headers headers;
    std::string header(const char* name) const {
      const auto found = headers.find(name);
      return found == headers.end() ? "" : found->second;
    }
  };

  explicit ScriptedServer(Handler handler = {}) : handler_(std::move(handler)), server_(std::make_unique<httplib::Server>()) {
    listen();
  }
  /// HTTPS with a certificate for these names.
  ScriptedServer(const TestAuthority& authority, const std::string& names, Handler handler = {}) : handler_(std::move(handler)) {
    const auto issued = authority.issue("scripted", names);
    write_file(folder_.path() / "ca.pem", authority.certificate());
    write_file(folder_.path() / "cert.pem", issued.certificate);
    write_file(folder_.path() / "key.pem", issued.key);
    server_ = std::make_unique<httplib::SSLServer>((folder_.path() / "cert.pem").c_str(), (folder_.path() / "key.pem").c_str());
    listen();
  }
  ~ScriptedServer() { end(); }

  /// Nobody listens there from then on.
  void end() {
    release();
    server_->stop();
    if (thread_.joinable()) thread_.join();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string ca_file() const { return folder_.path() / "ca.pem"; }

  void answer(Handler handler) {
    const std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
  }
  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  /// Waits until so many requests have arrived.
  void await(std::size_t requests) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return seen_.size() >= requests; });
  }
  /// For a handler that does not answer before the test releases it.
  void hang() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return released_; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  void listen() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      Handler handler;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back({request.method, request.target, request.body, request.headers});
        handler = handler_;
        changed_.notify_all();
      }
      if (handler) handler(request, response);
    };
    server_->set_tcp_nodelay(true);
    server_->set_keep_alive_timeout(1);  // what end() waits for
    server_->Get(".*", handle);
    server_->Post(".*", handle);
    port_ = server_->bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();  // stop() before that does nothing
  }

  TemporaryDirectory folder_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Handler handler_;
  std::vector<Seen> seen_;
  bool released_ = false;
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
  int port_ = 0;
};

}  // namespace iris::test_support
