// SPDX-License-Identifier: Apache-2.0
#include "registry/gateway_reading.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <memory>
#include <utility>

#include "base/unique_fd.h"
#include "identity/deployments.h"
#include "identity/edge_agent.h"
#include "identity/edge_hub.h"
#include "identity/image_name.h"
#include "identity/modbus_module.h"
#include "identity/module_configuration.h"

namespace iris::registry {
namespace {

using identity::EdgeModule;
using identity::Evidence;
using identity::Reading;

constexpr std::size_t kMaxFileBytes = 1u << 20;

void append(Reading& all, Reading part) {
  std::move(part.evidence.begin(), part.evidence.end(), std::back_inserter(all.evidence));
  std::move(part.faults.begin(), part.faults.end(), std::back_inserter(all.faults));
}

class GatewayReader {
 public:
  explicit GatewayReader(GatewayReadingOptions options) : options_(std::move(options)) {
    if (!options_.read_file) options_.read_file = read_small_file;
  }

  Reading read(const GatewayDocuments& documents) const {
    const identity::Gateway gateway{documents.gateway_id, identity::scope_of_twin(documents.device_twin)};
    Reading all;
    if (!documents.device_twin.empty()) append(all, identity::read_device_twins(documents.device_twin, gateway));
    add_deployments(all, documents);
    for (const auto& [id, twin] : documents.modules) append(all, identity::read_module_twins(twin, gateway));
    identity::EdgeAgentReading agent;
    if (!documents.edge_agent.empty()) agent = identity::read_edge_agent(documents.edge_agent, gateway.device_id);
    identity::mark_ghosts(all.evidence, agent, gateway.device_id);
    append(all, std::move(agent.reading));
    if (!documents.edge_hub.empty()) append(all, identity::read_edge_hub(documents.edge_hub, gateway.device_id));
    identity::KnownHosts known{options_.own_names, {}};
    for (const auto& module : agent.modules) known.module_names.push_back(module.id);
    for (const auto& module : agent.modules) {
      const auto twin = documents.modules.find(module.id);
      append(all, read_module(module, twin == documents.modules.end() ? std::string() : twin->second, gateway.device_id, known));
    }
    return all;
  }

 private:
  Reading read_module(const EdgeModule& module, const std::string& twin, const std::string& gateway_id,
                      const identity::KnownHosts& known) const {
    if (module.id.starts_with('$')) return {};
    const identity::ModuleRef ref{gateway_id, module.id};
    if (const auto* row = identity::find_row(options_.translation_table, module.id, module.image)) {
      return twin.empty() ? Reading{} : identity::apply(*row, twin, ref);
    }
    if (identity::is_modbus_image(module.image)) {
      return twin.empty() ? Reading{} : identity::read_modbus_module(twin, ref);
    }
    if (identity::is_opc_publisher_image(module.image)) return read_publisher(module, ref);
    return identity::read_module_configuration({twin, module.create_options, module.environment}, ref, known);
  }

  Reading read_publisher(const EdgeModule& module, const identity::ModuleRef& ref) const {
    const auto mounts = options_.mounts ? options_.mounts(module.id) : std::vector<identity::HostMount>();
    const auto path = identity::published_nodes_path(module.create_options, module.environment, mounts);
    const std::string what = "module " + module.id + ": the file of its published nodes, " + path.in_container;
    if (!path.on_host) return {{}, {what + ", lies where this host cannot see it"}};
    const auto file = options_.read_file(*path.on_host);
    if (!file) return {{}, {what + ": " + file.error().message}};
    return identity::read_published_nodes(*file, ref);
  }

  /// Which deployments reach the gateway, beside its own configuration.
  static void add_deployments(Reading& all, const GatewayDocuments& documents) {
    const auto deployments = identity::read_deployments({documents.device_twin, documents.edge_agent, documents.deployments});
    for (Evidence& evidence : all.evidence) {
      if (evidence.kind != flow::DeviceKind::gateway) continue;
      evidence.configuration = identity::with_deployments(evidence.configuration, deployments);
    }
  }

  GatewayReadingOptions options_;
};

}  // namespace

Readers make_readers(GatewayReadingOptions options) {
  Readers readers;
  readers.gateway = [reader = std::make_shared<const GatewayReader>(std::move(options))](const GatewayDocuments& documents) {
    return reader->read(documents);
  };
  readers.child = [](std::string_view twin, const identity::Gateway& gateway) {
    return identity::read_device_twins(twin, gateway);
  };
  return readers;
}

base::Result<std::string> read_small_file(const std::string& path) {
  const base::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return base::fail_errno("it cannot be opened", errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return base::fail("it is no regular file");
  std::string text(kMaxFileBytes + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const auto got = read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno("it cannot be read", errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have > kMaxFileBytes) return base::fail("it is larger than 1 MiB");
  text.resize(have);
  return text;
}

}  // namespace iris::registry
