// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "identity/json.h"
#include "registry/sas_token.h"

namespace iris::registry {
namespace {

constexpr std::size_t kMaxDetailBytes = 1024;

}  // namespace

std::string twin_path(const std::string& device_id, const std::string& module_id) {
  const auto path = "/twins/" + percent_encode(device_id);
  return module_id.empty() ? path : path + "/modules/" + percent_encode(module_id);
}

bool is_json_object(std::string_view text) {
  const auto document = identity::parse_json(text);
  return document && document->is_object();
}

std::set<std::string> deployments_named_in(std::string_view twin) {
  std::set<std::string> ids;
  const auto document = identity::parse_json(twin);
  if (!document) return ids;
  const auto* configurations = identity::member(*document, "configurations");
  if (configurations == nullptr || !configurations->is_object()) return ids;
  for (const auto& item : configurations->items()) ids.insert(item.key());
  return ids;
}

std::set<std::string> translators_in(const std::vector<identity::Evidence>& all, std::size_t max) {
  using identity::Source;
  std::set<std::string> modules;
  for (const auto& evidence : all) {
    const bool names_devices = evidence.source == Source::modbus_module || evidence.source == Source::translation_table ||
                               evidence.source == Source::module_configuration;
    if (names_devices && !evidence.module_id.empty() && modules.size() < max) modules.insert(evidence.module_id);
  }
  return modules;
}

std::chrono::milliseconds spread(std::chrono::milliseconds pause) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::chrono::milliseconds::rep> draw(0, pause.count() / 10);
  return pause + std::chrono::milliseconds(draw(random));
}

std::string describe_refusal(const IotHubSession& session, const IotHubAnswer& answer) {
  const auto& connection = session.connection();
  std::string text = fmt::format("{} refuses policy '{}' ({}{}{}): ", connection.host_name, connection.policy,
                                 answer.response.status, answer.error_name.empty() ? "" : ", ", answer.error_name);
  if (session.accepted()) {
    text += "it was accepted before, so the key was probably rotated, or the policy changed: set the new connection string";
  } else {
    text +=
        "the key or the policy's name is wrong, the policy lacks the permission 'service connect', or the hub shuts out "
        "keys or this network";
  }
  if (!answer.response.header("date")) text += ". Its answer has no date: see that this gateway's clock is right";
  return text;
}

std::string describe_missing_gateway(const IotHubSession& session, const IotHubAnswer& answer,
                                     const std::string& gateway_id) {
  const auto& host = session.connection().host_name;
  if (answer.error_name == "IotHubNotFound") return "there is no IoT Hub behind the name " + host;
  return fmt::format("{} has no device '{}': does the connection string belong to the hub of this gateway?", host, gateway_id);
}

std::string describe_clock(const IotHubSession& session) {
  const auto behind = session.clock_behind().count();
  if (behind == 0) return "";
  return fmt::format("this gateway's clock is {} s {} the hub's: tokens carry the hub's time; set the clock",
                     std::abs(behind), behind > 0 ? "behind" : "ahead of");
}

std::string describe_count(const std::string& gateway_id, std::size_t children, std::size_t modules, bool swept) {
  if (!swept) return gateway_id + ": found; its devices and modules are being asked for";
  return fmt::format("{}: {} device{} behind it, {} module{}", gateway_id, children, children == 1 ? "" : "s", modules,
                     modules == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    if (part->empty() || std::find(parts.begin(), part, *part) != part) continue;
    if (!text.empty()) text += "; ";
    text += *part;
  }
  text.resize(std::min(text.size(), kMaxDetailBytes));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace iris::registry
