// SPDX-License-Identifier: Apache-2.0
// What the run-time module offers to the program that loads it.
#include "runtimes/containerd_client.h"
#include "runtimes/docker_client.h"

extern "C" {

__attribute__((visibility("default"))) iris::enrich::RuntimeClient* iris_make_docker_client(const char* endpoint) {
  return new iris::runtimes::DockerClient(endpoint);
}

__attribute__((visibility("default"))) iris::enrich::RuntimeClient* iris_make_containerd_client(const char* endpoint) {
  return new iris::runtimes::ContainerdClient(endpoint);
}
}
