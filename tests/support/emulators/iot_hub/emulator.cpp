// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/emulator.h"

#include <stdexcept>

#include "tls/test_authority.h"

namespace iris::iot_hub_emulator {
namespace {

std::string certificate_names(const std::string& host_name) {
  return "DNS:" + host_name + ",DNS:localhost,IP:127.0.0.1,IP:::1";
}

}  // namespace

Policies made_up_policies() {
  Policies policies;
  for (const auto* name : {"iothubowner", "service", "device", "registryRead", "registryReadWrite"}) {
    std::string key = fake_key(std::string("policy ") + name, true);
    policies[name] = {key, built_in_permissions(name)};
  }
  return policies;
}

base::Result<std::unique_ptr<Emulator>> Emulator::start(Options options, Hub hub) {
  auto emulator = std::unique_ptr<Emulator>(new Emulator);
  if (options.service.policies.empty()) options.service.policies = made_up_policies();
  emulator->policies_ = options.service.policies;
  emulator->host_name_ = options.service.host_name;
  if (options.certificate.chain.empty()) {
    try {
      const test_support::TestAuthority authority;
      const auto issued = authority.issue(emulator->host_name_, certificate_names(emulator->host_name_));
      options.certificate = {issued.certificate, issued.key};
      emulator->ca_pem_ = authority.certificate();
    } catch (const std::runtime_error& error) {
      return base::fail(error.what());
    }
  }
  emulator->service_ = std::make_unique<Service>(std::move(options.service), std::move(hub));
  emulator::ServerOptions server_options;
  server_options.host = options.host;
  server_options.port = options.port;
  server_options.certificate = options.certificate;
  auto server = emulator::Server::start(
      server_options, [service = emulator->service_.get()](const emulator::Request& request) { return service->answer(request); });
  if (!server) return tl::unexpected(std::move(server.error()));
  emulator->server_ = std::move(*server);
  return emulator;
}

Emulator::~Emulator() = default;

std::string Emulator::connection_string(const std::string& policy) const {
  const auto found = policies_.find(policy);
  if (found == policies_.end()) return "";
  return "HostName=" + host_name_ + ";SharedAccessKeyName=" + policy + ";SharedAccessKey=" + found->second.key;
}

}  // namespace iris::iot_hub_emulator
