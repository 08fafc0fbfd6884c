// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "enrich/runtime_client.h"
#include "flow/owner.h"
#include "flow/records.h"

namespace iris::enrich {

struct OwnerResolverOptions {
  std::string cgroup_root = "/sys/fs/cgroup";  // root of the hierarchy that names the owner
  std::string docker_socket = "/run/docker.sock";
  std::string containerd_socket = "/run/containerd/containerd.sock";
  bool use_docker = true;
  bool use_containerd = true;
  std::size_t max_owners = 8192;  // least recently used dead ones go first
};

/// Makes the client of a runtime ("docker" or "containerd") for a socket. Called
/// from a thread of the resolver's, and only once the socket exists.
using RuntimeClientFactory =
    std::function<base::Result<std::unique_ptr<RuntimeClient>>(const std::string& runtime, const std::string& endpoint)>;

/// Cgroup id to owner. Lives on the event loop's thread; the runtime clients
/// run on threads of their own and only leave messages, which poll() takes in.
class OwnerResolver {
 public:
  static constexpr std::uint64_t kNow = UINT64_MAX;

  explicit OwnerResolver(OwnerResolverOptions options);
  /// With other clients than those of the run-time module (tests).
  OwnerResolver(OwnerResolverOptions options, RuntimeClientFactory factory);
  ~OwnerResolver();
  OwnerResolver(const OwnerResolver&) = delete;
  OwnerResolver& operator=(const OwnerResolver&) = delete;

  /// Walks the hierarchy once for the cgroups that exist already, and starts
  /// the clients of those runtimes whose socket exists (or appears later).
  void start();
  /// Stops the clients; returns within two seconds.
  void stop();

  /// Takes in what the clients have learnt since the last call. Cheap when
  /// there is nothing. Returns the changes, for the record stream.
  std::vector<flow::ContainerRecord> poll(std::uint64_t now_wall_ns);

  /// A cgroup came (path below the hierarchy's root; when, 0: not known) or went. A
  /// cgroup that went stays known, so that its last events find their owner.
  void cgroup_added(std::uint64_t cgroup_id, std::string path, std::uint64_t wall_ns = 0);
  void cgroup_removed(std::uint64_t cgroup_id);

  /// Never null and never blocks. For an id that nobody announced the
  /// hierarchy is asked once by file handle; failing that, an owner of kind
  /// host with an empty name, which is flow::Attribution::unknown.
  flow::OwnerPtr owner(std::uint64_t cgroup_id);
  /// False when the id could not be resolved to a path.
  bool is_known(std::uint64_t cgroup_id);

  /// The container that has this address on a container network, if any; none if it
  /// started only after that time, since engines give an address to the next one at once.
  flow::OwnerPtr owner_of_address(const base::IpAddress& address, std::uint64_t wall_ns = kNow) const;

  /// The container behind a port that was published on this address of the host at that time.
  struct Published {
    flow::OwnerPtr owner;
    std::uint16_t container_port = 0;
  };
  std::optional<Published> published(std::uint8_t protocol, const base::IpAddress& host_address,
                                     std::uint16_t host_port, std::uint64_t wall_ns = kNow) const;

  /// True for a container that has addresses of its own: its loopback is not the host's.
  bool has_own_network(const flow::Owner& owner) const;

  /// Root file system of a container on the host, for symbols; may be empty.
  std::string root_path(const std::string& container_id) const;

  /// Main process of a container, the last known one if it has ended; 0: not known.
  std::uint32_t main_pid(const std::string& container_id) const;

  /// Every container alive now.
  std::vector<flow::ContainerRecord> containers() const;
  std::vector<RuntimeStatus> runtimes() const;
  /// Number of cgroups and containers held; bounded by the options.
  std::size_t size() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::enrich
