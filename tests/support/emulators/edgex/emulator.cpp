// SPDX-License-Identifier: Apache-2.0
#include "emulators/edgex/emulator.h"

namespace iris::edgex_emulator {

base::Result<std::unique_ptr<Emulator>> Emulator::start(Options options, Devices devices) {
  auto emulator = std::unique_ptr<Emulator>(new Emulator);
  emulator->service_ = std::make_unique<Service>(std::move(options.service), std::move(devices));
  auto server = emulator::Server::start(
      options.server, [service = emulator->service_.get()](const emulator::Request& request) { return service->answer(request); });
  if (!server) return tl::unexpected(std::move(server.error()));
  emulator->server_ = std::move(*server);
  return emulator;
}

}  // namespace iris::edgex_emulator
