// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

namespace iris::agent {

pipeline::TracerOptions tracer_options(const Config& config) {
  pipeline::TracerOptions options;
  options.window = config.window;
  options.ring_bytes = config.capture.ring_bytes;
  options.max_flows = config.capture.max_flows;
  options.max_sockets = config.capture.max_sockets;
  options.cgroup2_root = config.capture.cgroup_root;
  if (!config.capture.cgroup_root.empty()) options.owners.cgroup_root = config.capture.cgroup_root;
  options.cgroup1_controller = config.capture.cgroup1_controller;
  options.owners.docker_socket = config.runtimes.docker_socket;
  options.owners.containerd_socket = config.runtimes.containerd_socket;
  options.owners.use_docker = !config.runtimes.docker_socket.empty();
  options.owners.use_containerd = !config.runtimes.containerd_socket.empty();
  return options;
}

spool::SpoolOptions spool_options(const Config& config) {
  spool::SpoolOptions options;
  options.directory = config.spool.directory;
  options.max_bytes = config.spool.max_bytes;
  return options;
}

ship::UplinkOptions uplink_options(const Config& config) {
  ship::UplinkOptions options;
  options.target = config.uplink.target;
  options.insecure = config.uplink.insecure;
  options.ca_file = config.uplink.ca_file;
  options.token_file = config.uplink.token_file;
  options.certificate_file = config.uplink.certificate_file;
  options.key_file = config.uplink.key_file;
  options.server_name = config.uplink.server_name;
  options.agent_version = IRIS_VERSION;
  return options;
}

}  // namespace iris::agent
