// SPDX-License-Identifier: Apache-2.0
#include "agent/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace iris::agent {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kTimes[] = {{"ms", 0.001}, {"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
constexpr Unit kSizes[] = {{"", 1},         {"B", 1},           {"K", 1 << 10},   {"KiB", 1 << 10}, {"M", 1 << 20},
                           {"MiB", 1 << 20}, {"G", 1 << 30},     {"GiB", 1 << 30}};

/// A number with one of the units behind it.
template <std::size_t kCount>
std::optional<double> quantity(const Value& value, const Unit (&units)[kCount]) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::nullopt;
  double number = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  if (read.ec != std::errc{}) return std::nullopt;
  std::string_view unit(read.ptr, static_cast<std::size_t>(text->data() + text->size() - read.ptr));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  for (const Unit& known : units) {
    if (unit == known.name) return number * known.factor;
  }
  return std::nullopt;
}

template <typename Member>
Key text(std::string name, Member member) {
  return {std::move(name), [member](Config& config, const Value& value) -> std::string {
            const auto* given = std::get_if<std::string>(&value);
            if (given == nullptr) return "wants text in quotes";
            member(config) = *given;
            return {};
          }};
}

/// A path that does not depend on where the daemon was started.
template <typename Member>
Key path(std::string name, bool may_be_empty, Member member) {
  return {std::move(name), [member, may_be_empty](Config& config, const Value& value) -> std::string {
            const auto* given = std::get_if<std::string>(&value);
            if (given == nullptr) return "wants a path in quotes";
            if (given->empty() ? !may_be_empty : given->front() != '/') return fmt::format("'{}' is not an absolute path", *given);
            member(config) = *given;
            return {};
          }};
}

template <typename Member>
Key flag(std::string name, Member member) {
  return {std::move(name), [member](Config& config, const Value& value) -> std::string {
            if (const auto* given = std::get_if<bool>(&value)) {
              member(config) = *given;
              return {};
            }
            const auto* word = std::get_if<std::string>(&value);
            if (word == nullptr || (*word != "true" && *word != "false")) return "wants true or false";
            member(config) = *word == "true";
            return {};
          }};
}

template <typename Member>
Key size(std::string name, double least, double most, Member member) {
  return {std::move(name), [=](Config& config, const Value& value) -> std::string {
            const auto bytes = quantity(value, kSizes);
            if (!bytes) return "wants a size (4194304, \"4MiB\")";
            if (!(*bytes >= least && *bytes <= most)) {
              return fmt::format("is out of range ({:.0f} to {:.0f} bytes)", least, most);
            }
            member(config) = static_cast<std::remove_reference_t<decltype(member(config))>>(std::llround(*bytes));
            return {};
          }};
}

template <typename Member>
Key count(std::string name, std::int64_t least, std::int64_t most, Member member) {
  return {std::move(name), [=](Config& config, const Value& value) -> std::string {
            std::int64_t number = 0;
            if (const auto* given = std::get_if<std::int64_t>(&value)) {
              number = *given;
            } else {
              const auto* word = std::get_if<std::string>(&value);
              if (word == nullptr) return "wants a whole number";
              const auto read = std::from_chars(word->data(), word->data() + word->size(), number);
              if (read.ec != std::errc{} || read.ptr != word->data() + word->size()) return "wants a whole number";
            }
            if (number < least || number > most) return fmt::format("is out of range ({} to {})", least, most);
            member(config) = static_cast<std::remove_reference_t<decltype(member(config))>>(number);
            return {};
          }};
}

template <typename Member>
Key choice(std::string name, std::vector<std::string> choices, Member member) {
  return {std::move(name), [member, choices](Config& config, const Value& value) -> std::string {
            const auto* given = std::get_if<std::string>(&value);
            if (given != nullptr && std::find(choices.begin(), choices.end(), *given) != choices.end()) {
              member(config) = *given;
              return {};
            }
            const std::string meant = given != nullptr ? nearest(*given, choices) : std::string();
            return fmt::format("wants one of {}{}", fmt::join(choices, ", "),
                               meant.empty() ? "" : "; did you mean '" + meant + "'?");
          }};
}

Key window() {
  return {"window", [](Config& config, const Value& value) -> std::string {
            const auto seconds = quantity(value, kTimes);
            if (!seconds) return "wants a time (10, \"10s\", \"500ms\", \"1m\")";
            if (!(*seconds >= 0.1 && *seconds <= 3600)) return "is out of range (100ms to 1h)";
            config.window = std::chrono::milliseconds(std::llround(*seconds * 1000));
            return {};
          }};
}

std::vector<Key> make_keys() {
  constexpr std::int64_t kMaxEntries = 1 << 22;
  return {
      window(),
      choice("log.level", {"trace", "debug", "info", "warning", "error", "critical", "off"}, [](Config& c) -> auto& { return c.log.level; }),
      choice("log.format", {"auto", "text", "json", "journal"}, [](Config& c) -> auto& { return c.log.format; }),
      size("capture.ring_bytes", 64 << 10, 1 << 30, [](Config& c) -> auto& { return c.capture.ring_bytes; }),
      count("capture.max_flows", 64, kMaxEntries, [](Config& c) -> auto& { return c.capture.max_flows; }),
      count("capture.max_sockets", 64, kMaxEntries, [](Config& c) -> auto& { return c.capture.max_sockets; }),
      path("capture.cgroup_root", true, [](Config& c) -> auto& { return c.capture.cgroup_root; }),
      text("capture.cgroup1_controller", [](Config& c) -> auto& { return c.capture.cgroup1_controller; }),
      path("runtimes.docker_socket", true, [](Config& c) -> auto& { return c.runtimes.docker_socket; }),
      path("runtimes.containerd_socket", true, [](Config& c) -> auto& { return c.runtimes.containerd_socket; }),
      path("spool.directory", false, [](Config& c) -> auto& { return c.spool.directory; }),
      size("spool.max_bytes", 1 << 20, 1e15, [](Config& c) -> auto& { return c.spool.max_bytes; }),
      text("uplink.target", [](Config& c) -> auto& { return c.uplink.target; }),
      flag("uplink.insecure", [](Config& c) -> auto& { return c.uplink.insecure; }),
      path("uplink.ca_file", true, [](Config& c) -> auto& { return c.uplink.ca_file; }),
      path("uplink.token_file", true, [](Config& c) -> auto& { return c.uplink.token_file; }),
      path("uplink.certificate_file", true, [](Config& c) -> auto& { return c.uplink.certificate_file; }),
      path("uplink.key_file", true, [](Config& c) -> auto& { return c.uplink.key_file; }),
      text("uplink.server_name", [](Config& c) -> auto& { return c.uplink.server_name; }),
      path("local.socket", true, [](Config& c) -> auto& { return c.local.socket; }),
      text("local.group", [](Config& c) -> auto& { return c.local.group; }),
      flag("metrics.enabled", [](Config& c) -> auto& { return c.metrics.enabled; }),
      text("metrics.listen", [](Config& c) -> auto& { return c.metrics.listen; }),
      path("iot_hub.connection_string_file", true, [](Config& c) -> auto& { return c.iot_hub.connection_string_file; }),
      text("iot_hub.address", [](Config& c) -> auto& { return c.iot_hub.address; }),
      path("iot_hub.ca_file", true, [](Config& c) -> auto& { return c.iot_hub.ca_file; }),
      text("iot_hub.proxy", [](Config& c) -> auto& { return c.iot_hub.proxy; }),
      count("iot_hub.queries_per_minute", 1, 5'000, [](Config& c) -> auto& { return c.iot_hub.queries_per_minute; }),
      path("event_hub.connection_string_file", true, [](Config& c) -> auto& { return c.event_hub.connection_string_file; }),
      text("event_hub.hub", [](Config& c) -> auto& { return c.event_hub.hub; }),
      text("event_hub.consumer_group", [](Config& c) -> auto& { return c.event_hub.consumer_group; }),
      choice("event_hub.start", {"latest", "earliest"}, [](Config& c) -> auto& { return c.event_hub.start; }),
      text("event_hub.address", [](Config& c) -> auto& { return c.event_hub.address; }),
      path("event_hub.ca_file", true, [](Config& c) -> auto& { return c.event_hub.ca_file; }),
      text("edgex.url", [](Config& c) -> auto& { return c.edgex.url; }),
      path("edgex.token_file", true, [](Config& c) -> auto& { return c.edgex.token_file; }),
      path("edgex.ca_file", true, [](Config& c) -> auto& { return c.edgex.ca_file; }),
      text("identity.device_id", [](Config& c) -> auto& { return c.identity.device_id; }),
      flag("identity.neighbours", [](Config& c) -> auto& { return c.identity.neighbours; }),
  };
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<Key>& config_keys() {
  static const std::vector<Key> keys = make_keys();
  return keys;
}

std::string variable_name(const std::string& key) {
  std::string name = "IRIS_" + key;
  for (char& c : name) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t apart = distance(word, candidate);
    if (apart < least) {
      least = apart;
      best = candidate;
    }
  }
  return best;
}

}  // namespace iris::agent
