// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace iris::collector {

struct CertificateFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
  bool made = false;
};

/// DIRECTORY/tls-certificate.pem and tls-key.pem (0600), made when they are not
/// there: self-signed, for localhost, its addresses, this host's name and
/// `listen_host`. An agent takes the certificate as its ca_file.
base::Result<CertificateFiles> self_signed_certificate(const std::filesystem::path& directory,
                                                       const std::string& listen_host);

}  // namespace iris::collector
