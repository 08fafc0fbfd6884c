// SPDX-License-Identifier: Apache-2.0
#include "flow/filter.h"

#include <algorithm>
#include <numeric>

namespace iris::flow {
namespace {

constexpr std::size_t kShortestIdPrefix = 4;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

bool named(const Owner& owner, const std::string& text) {
  if (owner.name == text || owner.module_id == text || owner.container_id == text) return true;
  return text.size() >= kShortestIdPrefix && owner.container_id.starts_with(text);
}

}  // namespace

bool Filter::matches_owner(const OwnerPtr& owner) const {
  if (container.empty()) return true;
  return owner && named(*owner, container);
}

bool Filter::matches_peer(const std::optional<base::IpAddress>& address, const std::vector<std::string>& names,
                          const OwnerPtr& owner) const {
  if (peer && !(address && peer->contains(*address))) return false;
  if (peer_name.empty()) return true;
  if (owner && named(*owner, peer_name)) return true;
  return std::find(names.begin(), names.end(), peer_name) != names.end();
}

bool Filter::matches(const FlowRecord& flow) const {
  // A conversation between two containers is one flow: it is either's.
  if (!matches_owner(flow.owner) && !(flow.peer_owner && matches_owner(flow.peer_owner))) return false;
  if (!matches_peer(flow.peer_address, flow.peer_names, flow.peer_owner)) return false;
  if (pid) return false;  // a flow sums over processes
  if (protocol && flow.protocol != *protocol) return false;
  if (port && flow.service_port != *port) return false;
  if (role && flow.role != *role) return false;
  return !failed_only || std::accumulate(flow.failed.begin(), flow.failed.end(), std::uint64_t{0}) > 0;
}

bool Filter::matches(const SocketEvent& event) const {
  if (!matches_owner(event.owner) || !matches_peer(event.peer_address, event.peer_names, nullptr)) return false;
  if (pid && event.pid != *pid) return false;
  if (protocol && event.protocol != *protocol) return false;
  if (port && event.local_port != *port && event.peer_port != *port) return false;
  if (role && event.role != *role) return false;
  return !failed_only || event.type == SocketEventType::failed;
}

bool Filter::matches(const ExitRecord& exit) const {
  if (!matches_owner(exit.owner)) return false;
  if (pid && exit.pid != *pid) return false;
  if (protocol || port || peer || !peer_name.empty() || role) return false;
  return !failed_only || exit.exit_class != ExitClass::clean;
}

bool Filter::matches(const DeviceRecord& change) const {
  const Device& device = change.device;
  if (!container.empty() && device.module_id != container && device.id != container) return false;
  if (!peer_name.empty() && device.id != peer_name) return false;
  return !peer || std::any_of(device.addresses.begin(), device.addresses.end(), [this](const DeviceAddress& address) {
    return address.ip && peer->contains(*address.ip);
  });
}

bool Filter::matches(const Record& record) const {
  return std::visit(Overloaded{[this](const FlowRecord& flow) { return matches(flow); },
                               [this](const SocketEvent& event) { return matches(event); },
                               [this](const ExitRecord& exit) { return matches(exit); },
                               [this](const ExecRecord& exec) {
                                 return matches_owner(exec.owner) && (!pid || exec.pid == *pid);
                               },
                               [this](const DnsRecord& dns) { return matches_owner(dns.owner) && !pid; },
                               [this](const ContainerRecord& change) { return matches_owner(change.owner); },
                               [this](const DeviceRecord& change) { return matches(change); },
                               // Of the gateway as a whole; asked for, never in the way.
                               [](const SecurityRecord&) { return true; },
                               [](const Ledger&) { return true; }},
                    record);
}

}  // namespace iris::flow
