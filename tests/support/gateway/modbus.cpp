// SPDX-License-Identifier: Apache-2.0
#include "modbus.h"

#include <array>
#include <ctime>
#include <stdexcept>
#include <string>

namespace iris::demo::modbus {
namespace {

constexpr std::size_t kHeader = 7;  // transaction, protocol, length, unit
constexpr std::uint16_t kRegisters = 100;
enum Exception : std::uint8_t { illegal_function = 1, illegal_address = 2, illegal_value = 3, no_such_target = 11 };

std::uint16_t number_at(const Bytes& bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void append_number(Bytes& to, std::size_t number) {
  to.push_back(static_cast<std::uint8_t>(number >> 8));
  to.push_back(static_cast<std::uint8_t>(number));
}

Bytes frame(std::uint16_t transaction, std::uint8_t unit, const Bytes& pdu) {
  Bytes bytes;
  append_number(bytes, transaction);
  append_number(bytes, 0);  // protocol: Modbus
  append_number(bytes, pdu.size() + 1);
  bytes.push_back(unit);
  bytes.insert(bytes.end(), pdu.begin(), pdu.end());
  return bytes;
}

/// Header and PDU of the next frame; empty at the orderly end.
Bytes read_frame(Connection& connection) {
  Bytes bytes(kHeader);
  if (!connection.read_exactly(bytes.data(), kHeader)) return {};
  const std::size_t length = number_at(bytes, 4);
  if (number_at(bytes, 2) != 0 || length < 2 || length > 254) throw std::runtime_error("malformed MBAP header");
  bytes.resize(kHeader + length - 1);
  if (!connection.read_exactly(bytes.data() + kHeader, length - 1)) throw std::runtime_error("frame cut short");
  return bytes;
}

Bytes answer(std::uint8_t unit, const Bytes& request) {
  const std::uint8_t function = request[kHeader];
  const auto exception = [function](Exception code) { return Bytes{static_cast<std::uint8_t>(function | 0x80), code}; };
  if (unit != 1 && unit != 2) return exception(no_such_target);
  if (function != 3 && function != 4) return exception(illegal_function);
  if (request.size() != kHeader + 5) return exception(illegal_value);
  const unsigned address = number_at(request, kHeader + 1);
  const unsigned count = number_at(request, kHeader + 3);
  if (count == 0 || count > 125) return exception(illegal_value);
  if (address + count > kRegisters) return exception(illegal_address);
  Bytes pdu{function, static_cast<std::uint8_t>(count * 2)};
  const auto now = static_cast<unsigned>(std::time(nullptr));
  for (unsigned i = 0; i < count; ++i) append_number(pdu, (200 + unit * 10 + address + i + now % 7) & 0xFFFF);
  return pdu;
}

}  // namespace

Master::Master(const Endpoint& slave) : connection_(Connection::open(slave)) { connection_.set_read_timeout(3); }

std::vector<std::uint16_t> Master::read(std::uint8_t unit, Function function, std::uint16_t address,
                                        std::uint16_t count) {
  Bytes pdu{static_cast<std::uint8_t>(function)};
  append_number(pdu, address);
  append_number(pdu, count);
  connection_.write(frame(++transaction_, unit, pdu));
  const Bytes reply = read_frame(connection_);
  if (reply.empty()) throw std::runtime_error("the slave closed the connection");
  if (number_at(reply, 0) != transaction_ || reply[6] != unit) throw std::runtime_error("answer to another question");
  if ((reply[kHeader] & 0x80) != 0) {
    throw std::runtime_error("exception " + std::to_string(reply.size() > kHeader + 1 ? reply[kHeader + 1] : 0));
  }
  if (reply.size() != kHeader + 2 + count * 2U) throw std::runtime_error("answer of another size");
  std::vector<std::uint16_t> registers;
  for (std::size_t i = 0; i < count; ++i) registers.push_back(number_at(reply, kHeader + 2 + i * 2));
  return registers;
}

void serve_master(Connection connection) {
  for (;;) {
    const Bytes request = read_frame(connection);
    if (request.empty()) return;
    connection.write(frame(number_at(request, 0), request[6], answer(request[6], request)));
  }
}

}  // namespace iris::demo::modbus
