// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "net.h"

/// Modbus/TCP (Modbus Messaging on TCP/IP, 2006): MBAP header and the two read functions.
namespace iris::demo::modbus {

enum class Function : std::uint8_t { read_holding_registers = 3, read_input_registers = 4 };

/// The polling side. One connection, one request at a time.
class Master {
 public:
  explicit Master(const Endpoint& slave);
  /// `count` registers from `address`; throws when the slave answers with an exception.
  std::vector<std::uint16_t> read(std::uint8_t unit, Function function, std::uint16_t address, std::uint16_t count);

 private:
  Connection connection_;
  std::uint16_t transaction_ = 0;
};

/// A device with 100 registers of each kind that change with time. Units 1 and
/// 2 exist; others are answered as a gateway does (exception 11).
void serve_master(Connection connection);

}  // namespace iris::demo::modbus
