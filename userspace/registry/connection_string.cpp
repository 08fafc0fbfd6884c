// SPDX-License-Identifier: Apache-2.0
#include "registry/connection_string.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/ip_address.h"
#include "registry/sas_token.h"

namespace iris::registry {
namespace {

constexpr std::size_t kMaxStringBytes = 4096;
constexpr std::size_t kMaxHostBytes = 253;

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// A string from a file ends in a new line; Docker's --env-file keeps quotes.
std::string_view unwrapped(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'')) {
    text = trimmed(text.substr(1, text.size() - 2));
  }
  return text;
}

/// The value of `name`, or nothing. Views into the string: no copies of the key.
std::optional<std::string_view> value_of(std::string_view text, std::string_view name) {
  std::optional<std::string_view> found;
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    const auto element = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = element.find('=');
    if (equals == std::string_view::npos) continue;
    const auto value = trimmed(element.substr(equals + 1));
    if (!value.empty() && same(trimmed(element.substr(0, equals)), name)) found = value;
  }
  return found;
}

bool is_host_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= kMaxHostBytes && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), fits);
}

base::Result<std::string_view> checked(std::string_view text, std::string_view what) {
  if (text.size() > kMaxStringBytes) return base::fail("the " + std::string(what) + " is longer than 4096 bytes");
  text = unwrapped(text);
  if (text.empty()) return base::fail("the " + std::string(what) + " is empty");
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; })) {
    return base::fail("the " + std::string(what) + " has control characters in it: is it cut over several lines?");
  }
  return text;
}

base::Result<std::string> host_name_of(std::string_view value) {
  if (value.find("://") != std::string_view::npos) {
    return base::fail("HostName is a URL: give the bare name, as in HostName=hub.azure-devices.net");
  }
  if (const auto colon = value.find(':'); colon != std::string_view::npos && is_host_name(value.substr(0, colon))) {
    return base::fail("HostName carries a port: give the bare name, and iot_hub.address for another port");
  }
  if (!is_host_name(value)) return base::fail("HostName is not a DNS name");
  return std::string(value);
}

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};

base::Result<HostAndPort> endpoint_of(std::string_view value) {
  constexpr std::string_view kScheme = "sb://";
  if (value.size() < kScheme.size() || !same(value.substr(0, kScheme.size()), kScheme)) {
    return base::fail("Endpoint does not begin with sb://");
  }
  value.remove_prefix(kScheme.size());
  if (const auto slash = value.find('/'); slash != std::string_view::npos) {
    if (slash + 1 != value.size()) return base::fail("Endpoint has a path: the hub belongs in EntityPath");
    value.remove_suffix(1);
  }
  HostAndPort result;
  if (const auto colon = value.rfind(':'); colon != std::string_view::npos) {
    const auto digits = value.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
    if (error != std::errc() || end != digits.data() + digits.size() || result.port == 0) {
      return base::fail("the port in Endpoint is not a number from 1 to 65535");
    }
    value = value.substr(0, colon);
  }
  if (!is_host_name(value)) return base::fail("Endpoint names no host");
  result.host = value;
  return result;
}

base::Result<std::string_view> required(std::string_view text, std::string_view name, std::string_view what) {
  if (const auto value = value_of(text, name)) return *value;
  return base::fail(std::string(name) + " is missing in the " + std::string(what));
}

}  // namespace

bool is_nearby_host(const std::string& host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const auto address = base::IpAddress::parse(bracketed ? host.substr(1, host.size() - 2) : host);
  if (address) return address->is_loopback() || address->is_site_local();
  return host.find('.') == std::string::npos || host.ends_with(".internal") || host.ends_with(".local");
}

std::string EventHubConnection::endpoint() const {
  return "sb://" + host + (port == 0 ? std::string() : ":" + std::to_string(port)) + "/";
}

base::Result<IotHubConnection> parse_iot_hub_connection(std::string_view given) {
  constexpr std::string_view kWhat = "IoT Hub connection string";
  const auto text = checked(given, kWhat);
  if (!text) return tl::unexpected(text.error());
  if (value_of(*text, "DeviceId")) {
    return base::fail(
        "this is the connection string of a device or module (it has DeviceId): take that of a shared access policy of "
        "the hub; \"service\" is enough");
  }
  if (value_of(*text, "Endpoint") && !value_of(*text, "HostName")) {
    return base::fail(
        "this is an Event Hubs connection string (it has Endpoint): take that of a shared access policy of the IoT Hub, "
        "which begins with HostName=");
  }
  const auto host = required(*text, "HostName", kWhat).and_then(host_name_of);
  if (!host) return tl::unexpected(host.error());
  const auto policy = required(*text, "SharedAccessKeyName", kWhat);
  if (!policy) return tl::unexpected(policy.error());
  const auto key = required(*text, "SharedAccessKey", kWhat);
  if (!key) return tl::unexpected(key.error());
  auto bytes = decode_base64(*key);
  if (!bytes) return base::fail("SharedAccessKey is not base64: was it cut when it was copied?");
  return IotHubConnection{*host, std::string(*policy), std::move(*bytes)};
}

base::Result<EventHubConnection> parse_event_hub_connection(std::string_view given) {
  constexpr std::string_view kWhat = "Event Hubs connection string";
  const auto text = checked(given, kWhat);
  if (!text) return tl::unexpected(text.error());
  if (value_of(*text, "HostName") && !value_of(*text, "Endpoint")) {
    return base::fail(
        "this is an IoT Hub connection string (it has HostName): take the Event Hub-compatible one, which begins with "
        "Endpoint=sb://");
  }
  const auto endpoint = required(*text, "Endpoint", kWhat).and_then(endpoint_of);
  if (!endpoint) return tl::unexpected(endpoint.error());
  EventHubConnection result;
  result.host = endpoint->host;
  result.port = endpoint->port;
  result.entity_path = value_of(*text, "EntityPath").value_or("");
  result.development_emulator = same(value_of(*text, "UseDevelopmentEmulator").value_or(""), "true");
  if (result.development_emulator && !is_nearby_host(result.host)) {
    return base::fail("UseDevelopmentEmulator=true is refused for " + result.host +
                      ": it would send without TLS beyond the local network");
  }
  if (const auto signature = value_of(*text, "SharedAccessSignature")) {
    result.signature = Secret(*signature);
    return result;
  }
  const auto policy = required(*text, "SharedAccessKeyName", kWhat);
  if (!policy) return tl::unexpected(policy.error());
  const auto key = required(*text, "SharedAccessKey", kWhat);
  if (!key) return tl::unexpected(key.error());
  result.policy = *policy;
  result.key = Secret(*key);
  return result;
}

}  // namespace iris::registry
