// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <thread>

#include "modbus.h"
#include "mqtt.h"
#include "net.h"
#include "parts.h"

namespace iris::demo {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

/// `step` for ever; a failure is said, and tried again after a while.
template <typename Step>
[[noreturn]] void keep(const std::string& what, Step step, unsigned retry_ms = 2000) {
  for (;;) {
    try {
      step();
    } catch (const std::exception& error) {
      say(what + ": " + error.what());
      sleep_ms(retry_ms);
    }
  }
}

template <typename Step>
void keep_in_background(const std::string& what, Step step) {
  std::thread([what, step] { keep(what, step); }).detach();
}

std::string get(const Endpoint& server, const std::string& path) {
  Connection connection = Connection::open(server);
  connection.set_read_timeout(5);
  connection.write("GET " + path + " HTTP/1.1\r\nHost: " + server.host + "\r\nConnection: close\r\n\r\n");
  return connection.read_to_end(1U << 20);
}

std::string client_id() { return environment("IOTEDGE_DEVICEID") + "/" + environment("IOTEDGE_MODULEID"); }

std::string telemetry_topic() {
  return "devices/" + environment("IOTEDGE_DEVICEID") + "/modules/" + environment("IOTEDGE_MODULEID") +
         "/messages/events/";
}

Endpoint edge_hub_endpoint() { return {environment("IOTEDGE_GATEWAYHOSTNAME"), 8883}; }

}  // namespace

void edge_agent(const Arguments& arguments) {
  const Endpoint manager = Endpoint::parse(arguments.at(0));
  const Endpoint registry = Endpoint::parse(arguments.at(1));
  const Endpoint iot_hub{environment("IOTEDGE_IOTHUBHOSTNAME"), 8883};
  keep_in_background("IoT Hub", [iot_hub] {
    mqtt::Session session(iot_hub, client_id());
    for (;;) {
      session.ping();
      sleep_ms(5000);
    }
  });
  // An update that never comes: the registry of the next release is not there.
  keep_in_background("image registry", [registry] {
    sleep_ms(6000);
    get(registry, "/v2/");
  });
  keep("management", [manager] {
    get(manager, "/modules?api-version=2022-08-03");
    sleep_ms(2000);
  });
}

void edge_hub(const Arguments&) {
  static std::atomic<std::size_t> waiting_bytes{0};
  const auto on_publish = [](std::size_t bytes) { waiting_bytes += bytes; };
  for (const std::uint16_t port : {443, 1883, 5671, 8883}) {
    keep_in_background("port " + std::to_string(port), [port, on_publish] {
      serve({"0.0.0.0", port}, [on_publish](Connection client) { mqtt::serve_client(std::move(client), on_publish); });
    });
  }
  // One session for all of them, up for as long as the cloud is there.
  keep("IoT Hub", [] {
    mqtt::Session session({environment("IOTEDGE_IOTHUBHOSTNAME"), 8883}, client_id());
    say("connected to " + environment("IOTEDGE_IOTHUBHOSTNAME"));
    for (;;) {
      const std::size_t bytes = std::min<std::size_t>(waiting_bytes.exchange(0), 32U << 10);
      bytes > 0 ? session.publish(telemetry_topic(), std::string(bytes, 'm')) : session.ping();
      sleep_ms(1000);
    }
  });
}

void modbus_module(const Arguments& arguments) {
  const Endpoint slave = Endpoint::parse(arguments.at(0));
  const Endpoint absent = Endpoint::parse(arguments.at(1));
  // The second machine of the line is switched off.
  keep_in_background("slave 2", [absent] {
    sleep_ms(3000);
    modbus::Master master(absent);
  });
  keep("slave 1", [slave] {
    modbus::Master master(slave);
    mqtt::Session hub(edge_hub_endpoint(), client_id());
    for (;;) {
      const auto holding = master.read(1, modbus::Function::read_holding_registers, 0, 10);
      const auto input = master.read(1, modbus::Function::read_input_registers, 30, 4);
      hub.publish(telemetry_topic(), R"({"hwId":"press-1","speed":)" + std::to_string(holding.at(0)) +
                                         R"(,"temperature":)" + std::to_string(input.at(0)) + "}");
      sleep_ms(1000);
    }
  });
}

void telemetry_module(const Arguments& arguments) {
  const Endpoint weather = Endpoint::parse(arguments.at(0));
  const Endpoint dropped = Endpoint::parse(arguments.at(1));
  keep_in_background("weather", [weather] {
    get(weather, "/today");
    sleep_ms(2000);
  });
  // A firewall on the way drops this one without a word.
  keep_in_background("supplier", [dropped] {
    sleep_ms(4000);
    Connection::open(dropped);
  });
  keep("edgeHub", [] {
    mqtt::Session hub(edge_hub_endpoint(), client_id());
    for (;;) {
      hub.publish(telemetry_topic(), R"({"machine":{"temperature":21.4,"pressure":1.2},"ambient":)" + std::string(160, '0') + "}");
      sleep_ms(500);
    }
  });
}

void vision_module(const Arguments& arguments) {
  static std::atomic<bool> bad_frame{false};
  std::signal(SIGUSR1, [](int) { bad_frame = true; });
  const auto seconds = static_cast<unsigned>(std::stoul(arguments.at(0)));
  const auto over = [seconds](unsigned passed) { return bad_frame || (seconds > 0 && passed >= seconds); };
  for (unsigned passed = 0; !over(passed);) {
    try {
      mqtt::Session hub(edge_hub_endpoint(), client_id());
      for (; !over(passed); ++passed) {
        hub.publish(telemetry_topic(), R"({"people":)" + std::to_string(passed % 3) + "}");
        sleep_ms(1000);
      }
    } catch (const std::exception& error) {
      say(std::string("edgeHub: ") + error.what());
      sleep_ms(2000);
      passed += 2;
    }
  }
  say("a frame that the decoder does not survive");
  volatile int* frame = nullptr;
  *frame = 1;
  std::abort();
}

}  // namespace iris::demo
