// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <ctime>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "registry/fake_pace.h"
#include "registry/scripted_server.h"

namespace iris::test_support {

/// The little of IoT Hub that its client asks for, with a script of faults. By default it knows
/// gateway gw1 with one child and one module.
class FakeHub {
 public:
  using Handler = ScriptedServer::Handler;
  static constexpr const char* kHost = "iris-hub.test";
  static constexpr const char* kConnection =
      "HostName=iris-hub.test;SharedAccessKeyName=service;SharedAccessKey=aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE=";
  static constexpr const char* kScope = "ms-azure-iot-edge://gw1-638000000000000000";

  explicit FakeHub(FakePace& pace) : pace_(pace) {
    server_.answer([this](const auto& request, auto& response) { handle(request, response); });
    twins["/twins/gw1"] = gateway();
    twins["/twins/gw1/modules/%24edgeAgent"] = R"({"deviceId":"gw1","moduleId":"$edgeAgent"})";
    twins["/twins/gw1/modules/%24edgeHub"] = R"({"deviceId":"gw1","moduleId":"$edgeHub"})";
    children = {"[" + child("thermostat") + "]"};
    modules = {"[" + module("modbus1") + "]"};
  }

  static std::string gateway(const std::string& more = "") {
    return "{" + more + R"("deviceId":"gw1","capabilities":{"iotEdge":true},"deviceScope":")" + kScope + "\"}";
  }
  static std::string child(const std::string& id, const std::string& tags = "{}") {
    return R"({"deviceId":")" + id + R"(","deviceScope":")" + kScope + R"(","tags":)" + tags + "}";
  }
  static std::string module(const std::string& id) { return R"({"deviceId":"gw1","moduleId":")" + id + R"("})"; }

  /// The next `times` requests whose path begins so are answered by `handler`.
  void fault(const std::string& path, int times, Handler handler) {
    const std::lock_guard lock(mutex_);
    faults_.push_back({path, times, std::move(handler)});
  }
  static Handler status(int code, const std::string& error = "", std::map<std::string, std::string> headers = {}) {
    return [=](const auto&, auto& response) {
      response.status = code;
      if (!error.empty()) response.set_header("iothub-errorcode", error);
      for (const auto& [name, value] : headers) response.set_header(name.c_str(), value);
    };
  }
  void change(const std::function<void(FakeHub&)>& how) {
    const std::lock_guard lock(mutex_);
    how(*this);
  }

  ScriptedServer& server() { return server_; }
  std::size_t count(const std::string& path) const {
    const auto seen = server_.seen();
    return static_cast<std::size_t>(
        std::count_if(seen.begin(), seen.end(), [&](const auto& one) { return one.target.starts_with(path); }));
  }
  std::vector<ScriptedServer::Seen> queries() const {
    auto seen = server_.seen();
    std::erase_if(seen, [](const auto& one) { return one.method != "POST"; });
    return seen;
  }

  // Behind change() once a client runs:
  std::map<std::string, std::string> twins;  // GET path to body; others are 404
  std::vector<std::string> children;         // pages
  std::vector<std::string> modules;
  std::int64_t clock_ahead_seconds = 0;
  bool registry_allowed = false;
  bool date = true;

 private:
  struct Fault {
    std::string path;
    int times;
    Handler handler;
  };

  // As the real one, it does not look like a number. httplib takes the % of what it gets for an escape.
  static std::string given(std::size_t page) { return R"({"t":"%2B)" + std::to_string(page) + R"(\"'=="})"; }
  static std::string taken(std::size_t page) { return R"({"t":"+)" + std::to_string(page) + R"(\"'=="})"; }

  void handle(const httplib::Request& request, httplib::Response& response) {
    std::unique_lock lock(mutex_);
    if (date) response.set_header("Date", now());
    const auto path = request.target.substr(0, request.target.find('?'));
    for (auto& fault : faults_) {
      if (fault.times <= 0 || !path.starts_with(fault.path)) continue;
      --fault.times;
      const auto handler = fault.handler;
      lock.unlock();
      return handler(request, response);
    }
    if (request.method == "POST") return answer_query(request, response);
    if (!registry_allowed && (path.starts_with("/devices/") || path == "/configurations")) {
      response.status = 401;
      response.set_header("iothub-errorcode", "IotHubUnauthorizedAccess");
      return;
    }
    const auto found = twins.find(path);
    if (found != twins.end()) return response.set_content(found->second, "application/json; charset=utf-8");
    response.status = 404;
    response.set_header("iothub-errorcode", "DeviceNotFound");
  }
  void answer_query(const httplib::Request& request, httplib::Response& response) {
    const auto& pages = request.body.find("devices.modules") == std::string::npos ? children : modules;
    std::size_t page = 0;
    while (request.has_header("x-ms-continuation") && page < pages.size() &&
           request.get_header_value("x-ms-continuation") != taken(page)) {
      ++page;
    }
    if (page >= pages.size()) {
      response.status = 400;  // a continuation that was never given
      return;
    }
    response.set_header("X-Ms-Item-Type", "Twin");
    if (page + 1 < pages.size()) response.set_header("X-Ms-Continuation", given(page + 1));
    response.set_content(pages[page], "application/json; charset=utf-8");
  }
  std::string now() const {
    const auto seconds = static_cast<std::time_t>(pace_.wall_ns() / 1'000'000'000) + clock_ahead_seconds;
    char text[64];
    std::tm parts{};
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &parts));
    return text;
  }

  FakePace& pace_;
  TestAuthority authority_;
  std::mutex mutex_;
  std::vector<Fault> faults_;
  ScriptedServer server_{authority_, std::string("DNS:") + kHost};
};

}  // namespace iris::test_support
