// SPDX-License-Identifier: Apache-2.0
#include "agent/config_tables.h"

#include <algorithm>
#include <limits>

#include "agent/config_keys.h"

namespace iris::agent {
namespace {

using Fault = std::function<void(std::uint32_t, std::string)>;

constexpr const char* kMapping = "identity.mapping";
constexpr const char* kTranslation = "translation";

void take_mapping(const toml::node& node, std::uint32_t line, Config& config, const Fault& fault) {
  const auto* table = node.as_table();
  if (table == nullptr) return fault(line, std::string(kMapping) + " wants a table: name = \"device id\"");
  for (const auto& [name, value] : *table) {
    const auto* text = value.as_string();
    if (text == nullptr || text->get().empty() || name.str().empty()) {
      fault(name.source().begin.line, "identity.mapping." + std::string(name.str()) + " wants the id of a device in quotes");
      continue;
    }
    config.identity.mapping[std::string(name.str())] = text->get();
  }
}

const std::vector<std::string>& row_keys() {
  static const std::vector<std::string> kKeys{"module", "path", "id", "address", "port", "unit", "protocol", "default_port"};
  return kKeys;
}

/// What is wrong with the value; empty: nothing.
std::string take_member(identity::TranslationRow& row, const std::string& name, const toml::node& node) {
  if (name == "default_port") {
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 1 || number->get() > std::numeric_limits<std::uint16_t>::max()) {
      return "wants a port (1 to 65535)";
    }
    row.default_port = static_cast<std::uint16_t>(number->get());
    return {};
  }
  const auto* text = node.as_string();
  if (text == nullptr) return "wants text in quotes";
  if (name == "protocol") {
    if (text->get() != "tcp" && text->get() != "udp") return "wants \"tcp\" or \"udp\"";
    row.protocol = text->get() == "tcp" ? 6 : 17;
    return {};
  }
  std::string* members[] = {&row.module, &row.path, &row.id, &row.address, &row.port, &row.unit};
  *members[std::find(row_keys().begin(), row_keys().end(), name) - row_keys().begin()] = text->get();
  return {};
}

void take_row(const toml::table& table, std::uint32_t line, Config& config, const Fault& fault) {
  identity::TranslationRow row;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const auto at = key.source().begin.line;
    if (std::find(row_keys().begin(), row_keys().end(), name) == row_keys().end()) {
      const std::string meant = nearest(name, row_keys());
      fault(at, "unknown key 'translation." + name + "'" + (meant.empty() ? "" : "; did you mean '" + meant + "'?"));
      continue;
    }
    if (const auto wrong = take_member(row, name, node); !wrong.empty()) fault(at, "translation." + name + " " + wrong);
  }
  if (const auto good = identity::check(row); !good) return fault(line, "translation: " + good.error().message);
  config.identity.translation.push_back(std::move(row));
}

}  // namespace

bool is_table_key(const std::string& key) { return key == kMapping || key == kTranslation; }

void take_table(const std::string& key, const toml::node& node, std::uint32_t line, Config& config, const Fault& fault) {
  if (key == kMapping) return take_mapping(node, line, config, fault);
  const auto* rows = node.as_array();
  if (rows == nullptr) return fault(line, "translation wants tables, each headed [[translation]]");
  for (const auto& one : *rows) {
    if (const auto* table = one.as_table()) {
      take_row(*table, one.source().begin.line, config, fault);
    } else {
      fault(one.source().begin.line, "translation wants tables, each headed [[translation]]");
    }
  }
}

}  // namespace iris::agent
