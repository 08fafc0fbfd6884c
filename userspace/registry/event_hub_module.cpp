// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include "registry/event_hub_client.h"
#include "registry/settings.h"

namespace iris::registry {
namespace {

void make_event_hub(const Settings& settings, Made& made) {
  std::string text = settings.connection_string;
  EventHubOptions options;
  if (text.empty()) {
    auto line = read_connection_line(settings.connection_string_file);
    if (!line) {
      made.fault = line.error().message;
      return;
    }
    text = std::move(*line);
    options.connection_string_file = settings.connection_string_file;
  }
  options.hub = settings.hub;
  if (!settings.consumer_group.empty()) options.consumer_group = settings.consumer_group;
  options.start = settings.from_earliest ? EventHubOptions::Start::earliest : EventHubOptions::Start::latest;
  options.ca_file = settings.ca_file;
  options.address = settings.address;
  const auto connection = parse_event_hub_connection(text);
  if (connection) made.checkpoint_prefix = EventHubClient::endpoint_of(*connection, options) + "/";
  identity::Checkpoints checkpoints;
  for (const auto& [key, offset] : settings.kept) {
    if (!made.checkpoint_prefix.empty() && key.starts_with(made.checkpoint_prefix)) {
      checkpoints.emplace(key.substr(made.checkpoint_prefix.size()), offset);
    }
  }
  auto client = EventHubClient::create(text, std::move(options), std::move(checkpoints));
  OPENSSL_cleanse(text.data(), text.size());
  if (client) {
    made.client = std::move(*client);
  } else {
    made.fault = client.error().message;
  }
}

}  // namespace
}  // namespace iris::registry

extern "C" __attribute__((visibility("default"))) void iris_make_registry_client(const iris::registry::Settings& settings,
                                                                                 iris::registry::Made& made) {
  if (settings.registry == "event_hub") return iris::registry::make_event_hub(settings, made);
  made.fault = "no registry '" + settings.registry + "' in this module";
}
