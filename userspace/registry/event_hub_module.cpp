// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>

#include "registry/event_hub_client.h"
#include "registry/settings.h"

namespace iris::registry {
namespace {

/// Largest connection string file that is read.
constexpr std::size_t kMaxBytes = 8192;

/// The first line of a file.
base::Result<std::string> read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) return base::fail("cannot read " + path);
  if (line.size() > kMaxBytes) return base::fail(path + " is no connection string");
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

/// Reads the file with the connection string again when it is told to.
class ReloadedClient final : public identity::RegistryClient {
 public:
  ReloadedClient(std::unique_ptr<EventHubClient> client, std::string file) : client_(std::move(client)), file_(std::move(file)) {}

  void start(identity::RegistryListener& listener) override { client_->start(listener); }
  void stop() override { client_->stop(); }
  void reload() override {
    if (file_.empty()) return;
    auto text = read_line(file_);
    if (!text) return;  // what it had is good until it can be read
    static_cast<void>(client_->set_connection_string(*text));
    OPENSSL_cleanse(text->data(), text->size());
  }

 private:
  std::unique_ptr<EventHubClient> client_;
  std::string file_;
};

void make_event_hub(const Settings& settings, Made& made) {
  std::string text = settings.connection_string;
  std::string file;
  if (text.empty()) {
    auto line = read_line(settings.connection_string_file);
    if (!line) {
      made.fault = line.error().message;
      return;
    }
    text = std::move(*line);
    file = settings.connection_string_file;
  }
  EventHubOptions options;
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
    made.client = std::make_unique<ReloadedClient>(std::move(*client), std::move(file));
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
