// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/status.h>

#include <string>

namespace iris::ship {

/// Only an operator can repair it: the credential is refused or used twice.
bool needs_operator(const grpc::Status& status);

/// Why the stream ended, in plain words and printable characters. `secret` does not
/// appear in it, even if the collector sent it back.
std::string describe(const grpc::Status& status, const std::string& secret);

}  // namespace iris::ship
