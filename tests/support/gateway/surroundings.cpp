// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <thread>

#include "modbus.h"
#include "mqtt.h"
#include "names.h"
#include "net.h"
#include "parts.h"

namespace iris::demo {
namespace {

/// One request, one answer, closed.
void answer_http(Connection connection, const std::string& type, const std::string& body) {
  connection.set_read_timeout(5);
  std::string request;
  for (std::uint8_t byte = 0; request.size() < 8192 && !request.ends_with("\r\n\r\n");) {
    if (!connection.read_exactly(&byte, 1)) return;
    request.push_back(static_cast<char>(byte));
  }
  connection.write("HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\nConnection: close\r\n\r\n" + body);
}

}  // namespace

void management(const Arguments& arguments) {
  std::string body = R"({"modules":[)";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    body += (i > 1 ? "," : "") + (R"({"id":"","name":")" + name) +
            R"(","type":"docker","config":{"settings":{"image":"iris-demo:1"},"env":[]},)" +
            R"("status":{"runtimeStatus":{"status":"running","description":"running"}}})";
  }
  body += "]}";
  serve(Endpoint::parse(arguments.at(0)),
        [body](Connection connection) { answer_http(std::move(connection), "application/json", body); });
}

void cloud(const Arguments&) {
  std::thread([] {
    serve({"0.0.0.0", 80}, [](Connection connection) {
      answer_http(std::move(connection), "application/json", R"({"today":")" + std::string(1500, '*') + "\"}");
    });
  }).detach();
  serve({"0.0.0.0", 8883}, [](Connection connection) { mqtt::serve_client(std::move(connection), [](std::size_t) {}); });
}

void names(const Arguments& arguments) {
  std::map<std::string, std::string> table;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& entry = arguments[i];
    const auto equals = entry.find('=');
    if (equals == std::string::npos) throw std::invalid_argument("not NAME=ADDRESS: " + entry);
    table[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  serve_names(arguments.at(0), table);
}

void modbus_slave(const Arguments& arguments) { serve(Endpoint::parse(arguments.at(0)), modbus::serve_master); }

void leaf_device(const Arguments& arguments) {
  const Endpoint gateway = Endpoint::parse(arguments.at(0));
  const std::string& device_id = arguments.at(1);
  for (;;) {
    try {
      mqtt::Session session(gateway, device_id);
      for (;;) {
        session.publish("devices/" + device_id + "/messages/events/", R"({"celsius":20.5})");
        sleep_ms(2000);
      }
    } catch (const std::exception& error) {
      say(std::string("gateway: ") + error.what());
      sleep_ms(2000);
    }
  }
}

}  // namespace iris::demo
