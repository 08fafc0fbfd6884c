// SPDX-License-Identifier: Apache-2.0
// iris-demo PART [ARGUMENTS]: plays one part of the demo gateway (parts.h).
#include <csignal>
#include <cstdlib>
#include <cstdio>
#include <exception>
#include <map>
#include <string_view>

#include "parts.h"

int main(int argc, char** argv) {
  using namespace iris::demo;
  static const std::map<std::string_view, void (*)(const Arguments&)> parts{
      {"edge-agent", edge_agent}, {"edge-hub", edge_hub},         {"modbus-module", modbus_module},
      {"telemetry", telemetry_module}, {"vision", vision_module}, {"management", management},
      {"cloud", cloud},           {"names", names},               {"modbus-slave", modbus_slave},
      {"leaf-device", leaf_device}};
  const auto part = argc > 1 ? parts.find(argv[1]) : parts.end();
  if (part == parts.end()) {
    std::fprintf(stderr, "usage: iris-demo PART [ARGUMENTS]\nparts:");
    for (const auto& [name, function] : parts) std::fprintf(stderr, " %s", std::string(name).c_str());
    std::fputs("\n", stderr);
    return 2;
  }
  // As the first process of a container it would otherwise ignore SIGTERM.
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { std::_Exit(0); });
  try {
    part->second({argv + 2, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "iris-demo %s: %s\n", argv[1], error.what());
  }
  return 1;
}
