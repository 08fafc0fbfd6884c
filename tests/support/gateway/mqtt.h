// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "net.h"

/// As much of MQTT 3.1.1 as a telemetry session needs: valid packets, no TLS.
namespace iris::demo::mqtt {

enum class Type : std::uint8_t { connect = 1, connack, publish, puback, pingreq = 12, pingresp, disconnect };

struct Packet {
  Type type{};
  Bytes body;
};

Bytes connect(std::string_view client_id);
/// Quality of service 1: the receiver answers with PUBACK.
Bytes publish(std::string_view topic, std::string_view payload, std::uint16_t packet_id);
/// A packet that is only a type and an optional fixed body.
Bytes simple(Type type, std::initializer_list<std::uint8_t> body = {});

/// The next packet; none at the orderly end.
std::optional<Packet> read(Connection& connection);

/// Answers one client until it leaves; `on_publish` hears of each message.
void serve_client(Connection connection, const std::function<void(std::size_t bytes)>& on_publish);

/// A client's side of a session: opens it, sends and waits for the answer.
class Session {
 public:
  Session(const Endpoint& peer, std::string_view client_id);
  void publish(std::string_view topic, std::string_view payload);
  void ping();

 private:
  void expect(Type type);
  Connection connection_;
  std::uint16_t next_id_ = 1;
};

}  // namespace iris::demo::mqtt
