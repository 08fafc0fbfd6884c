// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_options.h"

#include <fstream>
#include <string>

namespace iris::registry {
namespace {

constexpr std::size_t kMaxConnectionFileBytes = 4096;

}  // namespace

HttpsOptions https_options(const IotHubOptions& options) {
  HttpsOptions https;
  https.connect_to = options.address;
  https.ca_file = options.ca_file;
  https.proxy = options.proxy;
  https.connect_timeout = options.connect_timeout;
  https.total_timeout = options.total_timeout;
  https.max_body_bytes = options.max_body_bytes;
  https.user_agent = options.user_agent;
  return https;
}

SweepLimits sweep_limits(const IotHubOptions& options) {
  SweepLimits limits;
  limits.page_size = options.page_size;
  limits.max_devices = options.max_devices;
  limits.max_modules = options.max_modules;
  limits.max_evidence_bytes = options.max_evidence_bytes;
  return limits;
}

base::Result<IotHubConnection> read_connection_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxConnectionFileBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || file.gcount() == 0) return base::fail("the file of the connection string, " + path + ", cannot be read");
  auto connection = parse_iot_hub_connection(std::string_view(text).substr(0, static_cast<std::size_t>(file.gcount())));
  OPENSSL_cleanse(text.data(), text.size());
  return connection;
}

}  // namespace iris::registry
