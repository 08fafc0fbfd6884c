// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace iris::rpc {

/// The bytes of a small regular file. Errors name the path, never the content.
base::Result<std::string> read_small_file(const std::filesystem::path& path);

struct CertificateAndKey {
  std::string certificate_chain;  // PEM
  std::string private_key;        // PEM
};

/// Reads both and checks that they belong together.
base::Result<CertificateAndKey> read_certificate_and_key(const std::filesystem::path& certificate_file,
                                                         const std::filesystem::path& key_file);
/// Reads certificates of authorities and checks that there is at least one.
base::Result<std::string> read_authorities(const std::filesystem::path& ca_file);

}  // namespace iris::rpc
