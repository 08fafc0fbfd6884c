// SPDX-License-Identifier: Apache-2.0
#include "agent/config_reader.h"

#include <toml++/toml.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "agent/config_check.h"
#include "agent/config_keys.h"
#include "agent/config_tables.h"

extern char** environ;

namespace iris::agent {
namespace {

/// Variables that other parts read, or that irisd's own options stand for.
constexpr const char* kForeignVariables[] = {"IRIS_SOCKET", "IRIS_RUNTIMES_MODULE", "IRIS_LOCAL_MODULE", "IRIS_REGISTRY_MODULE"};

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const Key& key : config_keys()) names.push_back(key.name);
  return names;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string meant = nearest(word, candidates);
  return meant.empty() ? std::string() : "; did you mean '" + meant + "'?";
}

class FileReader {
 public:
  FileReader(std::string path, ConfigReading& reading) : path_(std::move(path)), reading_(reading) {}

  void read(bool must_exist) {
    std::ifstream file(path_);
    if (!file) {
      if (must_exist || errno != ENOENT) fault(0, std::string("cannot be read: ") + std::strerror(errno));
      return;
    }
    std::ostringstream text;
    text << file.rdbuf();
    try {
      take(toml::parse(text.str(), path_), "");
    } catch (const toml::parse_error& error) {
      fault(error.source().begin.line, std::string(error.description()));
    }
  }

  /// Line of a key; 0: the file does not have it.
  const std::map<std::string, std::string>& places() const { return places_; }

 private:
  void take(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const auto line = name.source().begin.line;
      if (is_table_key(key)) {
        take_table(key, node, line, reading_.config, [this](std::uint32_t at, std::string message) { fault(at, std::move(message)); });
      } else if (const auto* inner = node.as_table(); inner != nullptr && is_section(key)) {
        take(*inner, key + ".");
      } else {
        take_key(key, node, line);
      }
    }
  }

  static bool is_section(const std::string& name) {
    for (const Key& key : config_keys()) {
      if (key.name.starts_with(name + ".")) return true;
    }
    return false;
  }

  void take_key(const std::string& name, const toml::node& node, std::uint32_t line) {
    for (const Key& key : config_keys()) {
      if (key.name != name) continue;
      places_[name] = place(line);
      const auto value = value_of(node);
      const std::string wrong = value ? key.set(reading_.config, *value) : "wants a single value";
      if (!wrong.empty()) fault(line, name + " " + wrong);
      return;
    }
    auto candidates = key_names();
    if (node.is_table()) {
      candidates.clear();
      for (const char* section : {"log", "capture", "runtimes", "spool", "uplink", "local", "metrics", "iot_hub", "event_hub", "edgex",
                                  "identity", "translation"}) {
        candidates.emplace_back(section);
      }
    }
    fault(line, (node.is_table() ? "unknown section '" : "unknown key '") + name + "'" + did_you_mean(name, candidates));
  }

  static std::optional<Value> value_of(const toml::node& node) {
    if (const auto* value = node.as_boolean()) return Value(value->get());
    if (const auto* value = node.as_integer()) return Value(value->get());
    if (const auto* value = node.as_floating_point()) return Value(value->get());
    if (const auto* value = node.as_string()) return Value(value->get());
    return std::nullopt;
  }

  std::string place(std::uint32_t line) const { return line == 0 ? path_ : path_ + ":" + std::to_string(line); }
  void fault(std::uint32_t line, std::string message) { reading_.faults.push_back({place(line), std::move(message)}); }

  std::string path_;
  ConfigReading& reading_;
  std::map<std::string, std::string> places_;
};

void take_environment(const Environment& environment, ConfigReading& reading, std::map<std::string, std::string>& places) {
  std::map<std::string, const Key*> known;
  std::vector<std::string> names;
  for (const Key& key : config_keys()) {
    names.push_back(variable_name(key.name));
    known[names.back()] = &key;
  }
  for (const auto& [name, value] : environment) {
    if (std::find(std::begin(kForeignVariables), std::end(kForeignVariables), name) != std::end(kForeignVariables)) continue;
    const auto found = known.find(name);
    if (found == known.end()) {
      reading.warnings.push_back({name, "is no variable of irisd" + did_you_mean(name, names)});
      continue;
    }
    places[found->second->name] = name;
    if (const auto wrong = found->second->set(reading.config, Value(value)); !wrong.empty()) {
      reading.faults.push_back({name, wrong});
    }
  }
}

}  // namespace

Environment iris_environment() {
  Environment found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (text.starts_with("IRIS_") && equals != std::string_view::npos) {
      found.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return found;
}

ConfigReading read_config(const std::string& path, bool must_exist, const Environment& environment) {
  ConfigReading reading;
  FileReader file(path, reading);
  file.read(must_exist);
  auto places = file.places();
  take_environment(environment, reading, places);
  for (auto& [key, message] : check_config(reading.config)) {
    const auto place = places.find(key);
    reading.faults.push_back({place != places.end() ? place->second : path, std::move(message)});
  }
  return reading;
}

}  // namespace iris::agent
