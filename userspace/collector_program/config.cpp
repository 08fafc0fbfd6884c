// SPDX-License-Identifier: Apache-2.0
#include "collector_program/config.h"

#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

#include "rpc/endpoint.h"

extern char** environ;

namespace iris::collector {
namespace {

constexpr std::string_view kPrefix = "IRIS_COLLECTOR_";
constexpr std::uint64_t kDayNs = 86'400ULL * 1'000'000'000;
constexpr std::uint64_t kMaxDays = 36'500;
constexpr std::array kLogLevels = {"trace", "debug", "info", "warning", "error", "critical", "off"};

struct Key {
  std::string name;
  /// Puts the text into the configuration; gives what is wrong with it, or nothing.
  std::function<std::string(Config&, const std::string&)> set;
  enum class Kind { text, flag, number } kind = Kind::text;
};

Key text(std::string name, std::string Config::* member) {
  return {std::move(name), [member](Config& config, const std::string& value) {
            config.*member = value;
            return std::string();
          }};
}

Key path(std::string name, std::string Config::* member) {
  return {std::move(name), [member](Config& config, const std::string& value) {
            if (value.empty() || value.front() != '/') return "'" + value + "' is not an absolute path";
            config.*member = value;
            return std::string();
          }};
}

/// `network`: a unix socket will not do.
Key endpoint(std::string name, bool network, std::string Config::* member) {
  return {std::move(name), [network, member](Config& config, const std::string& value) -> std::string {
            const auto parsed = rpc::parse_endpoint(value);
            if (!parsed) return parsed.error().message;
            if (network && parsed->is_unix) return "wants host:port, not a unix socket";
            config.*member = value;
            return {};
          }};
}

Key flag(std::string name, bool Config::* member) {
  return {std::move(name),
          [member](Config& config, const std::string& value) -> std::string {
            if (value != "true" && value != "false") return "wants true or false";
            config.*member = value == "true";
            return {};
          },
          Key::Kind::flag};
}

Key days(std::string name, std::uint64_t store::Retention::* member) {
  return {std::move(name),
          [member](Config& config, const std::string& value) -> std::string {
            std::uint64_t number = 0;
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
            if (error != std::errc() || end != value.data() + value.size() || number < 1 || number > kMaxDays) {
              return "wants days, from 1 to " + std::to_string(kMaxDays);
            }
            config.retention.*member = number * kDayNs;
            return {};
          },
          Key::Kind::number};
}

/// What is wrong with a value of these, notify::faults_of() says for all together.
Key notify_text(std::string name, std::string notify::NotifySettings::* member) {
  return {std::move(name), [member](Config& config, const std::string& value) {
            config.notify.*member = value;
            return std::string();
          }};
}

Key notify_severity(std::string name, int notify::NotifySettings::* member) {
  return {std::move(name),
          [member](Config& config, const std::string& value) -> std::string {
            int number = 0;
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
            if (error != std::errc() || end != value.data() + value.size()) return "wants a whole number";
            config.notify.*member = number;
            return {};
          },
          Key::Kind::number};
}

Key log_level() {
  return {"log.level", [](Config& config, const std::string& value) -> std::string {
            if (std::find(kLogLevels.begin(), kLogLevels.end(), value) == kLogLevels.end()) {
              return "wants trace, debug, info, warning, error, critical or off";
            }
            config.log_level = value;
            return {};
          }};
}

const std::vector<Key>& keys() {
  using notify::NotifySettings;
  static const std::vector<Key> all = {
      endpoint("listen", false, &Config::listen),
      endpoint("http", true, &Config::http),
      path("data_dir", &Config::data_directory),
      text("store", &Config::store),
      path("tls.certificate", &Config::certificate_file),
      path("tls.key", &Config::key_file),
      path("tls.client_ca", &Config::client_ca_file),
      flag("tls.insecure", &Config::insecure),
      days("retention.raw_days", &store::Retention::raw_ns),
      days("retention.hourly_days", &store::Retention::hourly_ns),
      days("retention.daily_days", &store::Retention::daily_ns),
      path("judge.risky_list", &Config::risky_list),
      notify_text("webhook.url", &NotifySettings::webhook_url),
      notify_text("webhook.token_file", &NotifySettings::webhook_token_file),
      notify_text("webhook.secret_file", &NotifySettings::webhook_secret_file),
      notify_text("webhook.ca_file", &NotifySettings::webhook_ca_file),
      notify_severity("webhook.min_severity", &NotifySettings::webhook_min_severity),
      notify_text("syslog.target", &NotifySettings::syslog_target),
      notify_text("syslog.format", &NotifySettings::syslog_format),
      notify_text("syslog.framing", &NotifySettings::syslog_framing),
      notify_text("syslog.facility", &NotifySettings::syslog_facility),
      notify_text("syslog.ca_file", &NotifySettings::syslog_ca_file),
      notify_severity("syslog.min_severity", &NotifySettings::syslog_min_severity),
      notify_text("alert_file.path", &NotifySettings::file_path),
      notify_severity("alert_file.min_severity", &NotifySettings::file_min_severity),
      log_level(),
  };
  return all;
}

const Key* find_key(const std::string& name) {
  const auto found = std::find_if(keys().begin(), keys().end(), [&name](const Key& key) { return key.name == name; });
  return found == keys().end() ? nullptr : &*found;
}

bool is_section(const std::string& name) {
  return std::any_of(keys().begin(), keys().end(), [&name](const Key& key) { return key.name.starts_with(name + "."); });
}

/// "tls.client_ca" is IRIS_COLLECTOR_TLS_CLIENT_CA.
std::string variable_of(const std::string& key) {
  std::string name(kPrefix);
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

std::optional<std::string> text_of(const toml::node& node, Key::Kind kind) {
  if (const auto* value = node.as_boolean(); value != nullptr && kind == Key::Kind::flag) {
    return value->get() ? "true" : "false";
  }
  if (const auto* value = node.as_integer(); value != nullptr && kind == Key::Kind::number) {
    return std::to_string(value->get());
  }
  if (const auto* value = node.as_string(); value != nullptr && kind == Key::Kind::text) return value->get();
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(ConfigReading& reading) : reading_(reading) {}

  void file(const std::string& path, bool must_exist) {
    path_ = path;
    std::ifstream file(path);
    if (!file) {
      if (must_exist || errno != ENOENT) fault(path, std::string("cannot be read: ") + std::strerror(errno));
      return;
    }
    std::ostringstream content;
    content << file.rdbuf();
    try {
      take(toml::parse(content.str(), path), "");
    } catch (const toml::parse_error& error) {
      fault(place(error.source().begin.line), std::string(error.description()));
    }
  }

  void environment(const Environment& variables) {
    for (const auto& [name, value] : variables) {
      if (name == variable_of("config")) continue;
      const auto key = std::find_if(keys().begin(), keys().end(),
                                    [&name = name](const Key& one) { return variable_of(one.name) == name; });
      if (key == keys().end()) {
        reading_.warnings.push_back({name, "is no variable of iris-collector"});
      } else {
        set(*key, value, name);
      }
    }
  }

  void flags(const Flags& given) {
    for (const auto& [name, value] : given) {
      std::string shown = "--" + name.substr(name.find('.') + 1);
      std::replace(shown.begin(), shown.end(), '_', '-');
      if (const Key* key = find_key(name)) set(*key, value, shown);
    }
  }

  /// Checks that need several keys.
  void together() {
    auto& config = reading_.config;
    if (config.store.empty()) config.store = "sqlite:" + config.data_directory + "/collector.db";
    if (!config.store.starts_with("sqlite:/")) fault(where("store"), "wants sqlite: and an absolute path");
    if (config.certificate_file.empty() != config.key_file.empty()) {
      fault(where(config.key_file.empty() ? "tls.certificate" : "tls.key"), "certificate and key go together");
    }
    if (config.insecure) check_insecure();
    const auto& retention = config.retention;
    if (retention.raw_ns > retention.hourly_ns || retention.hourly_ns > retention.daily_ns) {
      fault(where("retention.raw_days"), "raw_days must not be above hourly_days, nor those above daily_days");
    }
    for (auto& one : notify::faults_of(config.notify)) fault(where(one.key), one.key + ": " + one.message);
  }

 private:
  void take(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key_name = prefix + std::string(name.str());
      const auto here = place(name.source().begin.line);
      const Key* key = find_key(key_name);
      if (const auto* inner = node.as_table(); inner != nullptr && is_section(key_name)) {
        take(*inner, key_name + ".");
      } else if (key == nullptr) {
        fault(here, "unknown key '" + key_name + "'");
      } else if (const auto value = text_of(node, key->kind)) {
        set(*key, *value, here);
      } else {
        constexpr std::array kWanted = {"text in quotes", "true or false", "a whole number"};
        fault(here, key_name + " wants " + kWanted[static_cast<std::size_t>(key->kind)]);
      }
    }
  }

  void set(const Key& key, const std::string& value, const std::string& where) {
    places_[key.name] = where;
    if (const auto wrong = key.set(reading_.config, value); !wrong.empty()) fault(where, key.name + ": " + wrong);
  }

  void check_insecure() {
    const auto& config = reading_.config;
    const auto endpoint = rpc::parse_endpoint(config.listen);
    if (endpoint && !endpoint->is_local()) {
      fault(where("tls.insecure"), "plain text only on a unix socket or on a loopback address, not on " + config.listen);
    }
    if (!config.certificate_file.empty() || !config.client_ca_file.empty()) {
      fault(where("tls.insecure"), "certificates are of no use in plain text");
    }
  }

  std::string where(const std::string& key) const {
    const auto found = places_.find(key);
    return found == places_.end() ? key : found->second;
  }
  std::string place(std::uint32_t line) const { return line == 0 ? path_ : path_ + ":" + std::to_string(line); }
  void fault(std::string where, std::string message) {
    reading_.faults.push_back({std::move(where), std::move(message)});
  }

  ConfigReading& reading_;
  std::string path_;
  std::map<std::string, std::string> places_;
};

}  // namespace

Environment collector_environment() {
  Environment found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const auto equals = variable.find('=');
    if (variable.starts_with(kPrefix) && equals != std::string_view::npos) {
      found.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
  }
  return found;
}

ConfigReading read_config(const std::string& path, bool must_exist, const Environment& environment, const Flags& flags) {
  ConfigReading reading;
  Reader reader(reading);
  reader.file(path, must_exist);
  reader.environment(environment);
  reader.flags(flags);
  reader.together();
  return reading;
}

}  // namespace iris::collector
