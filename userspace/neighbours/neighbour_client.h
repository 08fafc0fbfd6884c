// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "identity/registry_client.h"
#include "neighbours/leases.h"
#include "neighbours/neighbour_evidence.h"

namespace iris::neighbours {

struct LeaseFile {
  std::string path;
  LeaseFormat format = LeaseFormat::dnsmasq;
};

struct NeighbourOptions {
  std::chrono::milliseconds poll_every = std::chrono::seconds(60);
  std::size_t max_hosts = 4096;  // beyond: counted in status.skipped
  std::chrono::seconds keep = std::chrono::hours(1);  // a silent host
  /// Those that do not exist are passed over. Kea's ".2" and ".1", in which it cleans up, are read with it.
  std::vector<LeaseFile> lease_files = {{"/var/lib/misc/dnsmasq.leases", LeaseFormat::dnsmasq},
                                        {"/var/lib/dhcp/dhcpd.leases", LeaseFormat::isc_dhcpd},
                                        {"/var/lib/kea/kea-leases4.csv", LeaseFormat::kea},
                                        {"/var/lib/kea/kea-leases6.csv", LeaseFormat::kea}};
  std::string hosts_file = "/etc/hosts";  // empty: none
};

/// Hosts behind the gateway that nobody registered, by what the gateway knows of
/// them anyway: the neighbour table of the network namespace that start() is called
/// in (rtnetlink), leases of a DHCP server on it, its hosts file. Sends nothing to any
/// network: no probes, and no mDNS, whose names avahi would only give over
/// D-Bus and by asking around. Needs no privilege but to read the files.
///
/// Registry "neighbours". on_evidence() only when something changed, on_status() after
/// each poll; both from a thread of its own. Bounds: 8 MiB a file and an answer of the kernel.
class NeighbourClient final : public identity::RegistryClient {
 public:
  explicit NeighbourClient(NeighbourOptions options);
  ~NeighbourClient() override;

  void start(identity::RegistryListener& listener) override;
  void stop() override;

 private:
  void run();
  void poll();

  const NeighbourOptions options_;
  identity::RegistryListener* listener_ = nullptr;
  std::thread thread_;
  std::mutex mutex_;  // guards stopping_
  std::condition_variable stop_wanted_;
  bool stopping_ = false;

  // The thread's own:
  HostMemory memory_;
  std::optional<std::vector<identity::Evidence>> last_;
  identity::RegistryStatus status_;
};

}  // namespace iris::neighbours
