// SPDX-License-Identifier: Apache-2.0
#include "registry/edgex_client.h"
#include "registry/gateway_reading.h"
#include "registry/iot_hub_client.h"
#include "registry/settings.h"

namespace iris::registry {
namespace {

/// Either the client or why there is none.
template <typename Client>
void give(base::Result<std::unique_ptr<Client>> client, Made& made) {
  if (client) {
    made.client = std::move(*client);
  } else {
    made.fault = client.error().message;
  }
}

void make_iot_hub(const Settings& settings, Made& made) {
  IotHubOptions options;
  options.connection_string = Secret(settings.connection_string);
  options.connection_string_file = settings.connection_string_file;
  options.device_id = settings.device_id;
  options.address = settings.address;
  options.ca_file = settings.ca_file;
  options.proxy = settings.proxy;
  options.cache_file = settings.cache_file;
  options.queries_per_minute = settings.queries_per_minute;
  GatewayReadingOptions reading;
  reading.translation_table = settings.translation;
  reading.own_names = settings.own_names;
  give(IotHubClient::create(std::move(options), make_readers(std::move(reading))), made);
}

void make_edgex(const Settings& settings, Made& made) {
  EdgexOptions options;
  options.url = settings.url;
  options.token_file = settings.token_file;
  options.ca_file = settings.ca_file;
  give(EdgexClient::create(std::move(options)), made);
}

}  // namespace
}  // namespace iris::registry

extern "C" __attribute__((visibility("default"))) void iris_make_registry_client(const iris::registry::Settings& settings,
                                                                                 iris::registry::Made& made) {
  if (settings.registry == "iot_hub") return iris::registry::make_iot_hub(settings, made);
  if (settings.registry == "edgex") return iris::registry::make_edgex(settings, made);
  made.fault = "no registry '" + settings.registry + "' in this module";
}
