// SPDX-License-Identifier: Apache-2.0
// What the local module offers to the program that loads it.
#include "local/grpc_client.h"

extern "C" __attribute__((visibility("default"))) iris::local::Client* iris_make_local_client(const char* socket_path) {
  return iris::local::make_client(socket_path).release();
}
