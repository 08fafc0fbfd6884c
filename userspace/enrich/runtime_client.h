// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace iris::enrich {

/// A port of the host that the engine hands to a container, by address translation
/// or by its user-land proxy.
struct PublishedPort {
  base::IpAddress host_address;  // unspecified: every address of the host
  std::uint16_t host_port = 0;
  std::uint16_t container_port = 0;
  std::uint8_t protocol = 0;     // IANA number

  friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
};

/// What a container runtime says of one container. Empty means not known.
struct ContainerInfo {
  std::string id;     // full id
  std::string name;
  std::string image;
  std::string runtime;            // "docker" or "containerd"
  std::string runtime_namespace;  // containerd's namespace; empty for Docker
  std::string module_id;          // IOTEDGE_MODULEID, or the name when the owner label is there
  std::string device_id;          // IOTEDGE_DEVICEID
  std::map<std::string, std::string> labels;  // bounded: see runtimes/label_policy.h
  std::uint32_t pid = 0;          // main process in the initial PID namespace; 0: not running
  std::string root_path;          // root file system on the host, for symbols
  std::vector<base::IpAddress> addresses;
  std::vector<PublishedPort> ports;
};

/// Health of one runtime connection, for `status`.
struct RuntimeStatus {
  std::string runtime;
  std::string endpoint;  // socket path
  bool connected = false;
  std::string detail;    // version when connected, else what is wrong and what to do
  std::uint64_t reconnects = 0;
};

/// Receives what a client learns. Called from the client's own thread:
/// implementations only enqueue.
class RuntimeListener {
 public:
  virtual ~RuntimeListener() = default;
  virtual void on_container(ContainerInfo info) = 0;
  /// The container is gone for good (not merely stopped). The namespace is that
  /// of ContainerInfo: ids that are plain names are unique only within it.
  virtual void on_removed(std::string container_id, std::string runtime_namespace) = 0;
  virtual void on_status(RuntimeStatus status) = 0;
};

/// Follows one runtime: lists, subscribes, reconnects with back-off for ever.
/// Never blocks its creator; stop() returns within a second even when the
/// socket hangs. The listener must outlive the client.
class RuntimeClient {
 public:
  virtual ~RuntimeClient() = default;
  virtual void start(RuntimeListener& listener) = 0;
  virtual void stop() = 0;
};

}  // namespace iris::enrich
