// SPDX-License-Identifier: Apache-2.0
#include "mqtt.h"

#include <stdexcept>

namespace iris::demo::mqtt {
namespace {

constexpr std::size_t kMaxPacket = 64U << 10;

Bytes with_header(Type type, std::uint8_t flags, const Bytes& body) {
  Bytes packet{static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags)};
  std::size_t rest = body.size();
  do {
    const auto digit = static_cast<std::uint8_t>(rest % 128);
    rest /= 128;
    packet.push_back(static_cast<std::uint8_t>(digit | (rest > 0 ? 0x80 : 0)));
  } while (rest > 0);
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

void append_number(Bytes& to, std::size_t number) {
  to.push_back(static_cast<std::uint8_t>(number >> 8));
  to.push_back(static_cast<std::uint8_t>(number));
}

void append_text(Bytes& to, std::string_view text) {
  append_number(to, text.size());
  to.insert(to.end(), text.begin(), text.end());
}

}  // namespace

Bytes connect(std::string_view client_id) {
  Bytes body;
  append_text(body, "MQTT");
  body.insert(body.end(), {4, 2, 0, 60});  // level 4, clean session, keep alive 60 s
  append_text(body, client_id);
  return with_header(Type::connect, 0, body);
}

Bytes publish(std::string_view topic, std::string_view payload, std::uint16_t packet_id) {
  Bytes body;
  append_text(body, topic);
  append_number(body, packet_id);
  body.insert(body.end(), payload.begin(), payload.end());
  return with_header(Type::publish, 2, body);
}

Bytes simple(Type type, std::initializer_list<std::uint8_t> body) { return with_header(type, 0, body); }

std::optional<Packet> read(Connection& connection) {
  std::uint8_t byte = 0;
  if (!connection.read_exactly(&byte, 1)) return std::nullopt;
  Packet packet{static_cast<Type>(byte >> 4), {}};
  std::size_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (shift > 21 || !connection.read_exactly(&byte, 1)) throw std::runtime_error("malformed MQTT length");
    size |= static_cast<std::size_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) break;
  }
  if (size > kMaxPacket) throw std::runtime_error("MQTT packet too long");
  packet.body.resize(size);
  if (size > 0 && !connection.read_exactly(packet.body.data(), size)) {
    throw std::runtime_error("the peer closed in the middle of a packet");
  }
  return packet;
}

void serve_client(Connection connection, const std::function<void(std::size_t bytes)>& on_publish) {
  while (const auto packet = read(connection)) {
    switch (packet->type) {
      case Type::connect:
        connection.write(simple(Type::connack, {0, 0}));
        break;
      case Type::publish: {
        if (packet->body.size() < 2) throw std::runtime_error("malformed PUBLISH");
        const std::size_t id_at = 2 + (static_cast<std::size_t>(packet->body[0]) << 8 | packet->body[1]);
        if (packet->body.size() < id_at + 2) throw std::runtime_error("malformed PUBLISH");
        on_publish(packet->body.size() - id_at - 2);
        connection.write(simple(Type::puback, {packet->body[id_at], packet->body[id_at + 1]}));
        break;
      }
      case Type::pingreq:
        connection.write(simple(Type::pingresp));
        break;
      default:
        return;
    }
  }
}

Session::Session(const Endpoint& peer, std::string_view client_id) : connection_(Connection::open(peer)) {
  connection_.set_read_timeout(10);
  connection_.write(connect(client_id));
  expect(Type::connack);
}

void Session::publish(std::string_view topic, std::string_view payload) {
  connection_.write(mqtt::publish(topic, payload, next_id_));
  next_id_ = next_id_ == 0xFFFF ? 1 : static_cast<std::uint16_t>(next_id_ + 1);
  expect(Type::puback);
}

void Session::ping() {
  connection_.write(simple(Type::pingreq));
  expect(Type::pingresp);
}

void Session::expect(Type type) {
  const auto packet = read(connection_);
  if (!packet) throw std::runtime_error("the peer closed the session");
  if (packet->type != type) throw std::runtime_error("unexpected MQTT packet");
}

}  // namespace iris::demo::mqtt
