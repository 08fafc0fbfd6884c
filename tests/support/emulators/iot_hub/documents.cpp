// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/documents.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

constexpr const char* kNever = "0001-01-01T00:00:00Z";
constexpr const char* kScopeSuffix = "-638000000000000000";

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

/// "AAAAAAAAAAE=" for 1.
std::string etag_of(std::uint64_t version) {
  std::array<unsigned char, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[7 - i] = static_cast<unsigned char>(version >> (8 * i));
  return base64(bytes.data(), bytes.size());
}

std::uint64_t version_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::uint64_t>() : 1;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_edge(const json& twin) {
  const auto found = twin.find("capabilities");
  return found != twin.end() && found->is_object() && found->contains("iotEdge") && (*found)["iotEdge"] == true;
}

void add(json& twin, const json& defaults) {
  for (const auto& [name, value] : defaults.items()) {
    if (!twin.contains(name)) twin[name] = value;
  }
}

void remove_absent(json& twin) {
  const auto found = twin.find("$absent");
  if (found == twin.end()) return;
  const json absent = *found;
  twin.erase(found);
  for (const auto& name : absent) {
    if (name.is_string()) twin.erase(name.get<std::string>());
  }
}

void complete(json& twin) {
  add(twin, {{"etag", etag_of(version_of(twin, "version"))}, {"deviceEtag", "MTIzNDU2Nzg5"}, {"version", 1},
             {"status", "enabled"}, {"statusUpdateTime", kNever}, {"connectionState", "Disconnected"},
             {"lastActivityTime", kNever}, {"cloudToDeviceMessageCount", 0}, {"authenticationType", "sas"},
             {"x509Thumbprint", {{"primaryThumbprint", nullptr}, {"secondaryThumbprint", nullptr}}}, {"modelId", ""}});
}

void bump(json& part, const char* name) {
  if (part.is_object()) part[name] = version_of(part, name) + 1;
}

base::Result<void> read_all(const json& document, const char* name, void (Hub::*put)(json), Hub& into,
                            std::initializer_list<const char*> ids) {
  const auto found = document.find(name);
  if (found == document.end()) return {};
  if (!found->is_array()) return base::fail(std::string(name) + " is no array");
  for (const auto& entry : *found) {
    for (const auto* id : ids) {
      if (!entry.is_object() || text_of(entry, id).empty()) return base::fail("one of " + std::string(name) + " has no " + id);
    }
    (into.*put)(entry);
  }
  return {};
}

json identity_of(const json& twin, const std::string& id) {
  json identity;
  for (const auto* name : {"deviceId", "connectionState", "lastActivityTime", "cloudToDeviceMessageCount"}) {
    if (twin.contains(name)) identity[name] = twin[name];
  }
  identity["generationId"] = "638000000000000000";
  identity["etag"] = twin.value("deviceEtag", json());
  identity["connectionStateUpdatedTime"] = kNever;
  identity["authentication"] = {
      {"type", twin.value("authenticationType", json("sas"))},
      {"symmetricKey", {{"primaryKey", fake_key(id, true)}, {"secondaryKey", fake_key(id, false)}}},
      {"x509Thumbprint", {{"primaryThumbprint", nullptr}, {"secondaryThumbprint", nullptr}}}};
  return identity;
}

}  // namespace

std::string module_key(const std::string& device_id, const std::string& module_id) {
  return device_id + '\0' + module_id;
}

void Hub::put_device(json twin) {
  complete(twin);
  add(twin, {{"statusReason", nullptr}, {"capabilities", {{"iotEdge", false}}}, {"parentScopes", json::array()}});
  const auto id = text_of(twin, "deviceId");
  if (is_edge(twin)) add(twin, {{"deviceScope", "ms-azure-iot-edge://" + id + kScopeSuffix}});
  remove_absent(twin);
  devices[id] = std::make_shared<const json>(std::move(twin));
}

void Hub::put_module(json twin) {
  complete(twin);
  const auto key = module_key(text_of(twin, "deviceId"), text_of(twin, "moduleId"));
  remove_absent(twin);
  modules[key] = std::make_shared<const json>(std::move(twin));
}

void Hub::put_configuration(json configuration) {
  add(configuration, {{"schemaVersion", "1.0"}, {"labels", json::object()}, {"priority", 0}, {"targetCondition", ""},
                      {"createdTimeUtc", "2030-01-01T00:00:00Z"}, {"lastUpdatedTimeUtc", "2030-01-01T00:00:00Z"},
                      {"etag", "MQ=="}, {"contentType", "assignment"}, {"content", json::object()},
                      {"systemMetrics", {{"results", json::object()}, {"queries", json::object()}}},
                      {"metrics", {{"results", json::object()}, {"queries", json::object()}}}});
  const auto id = text_of(configuration, "id");
  configurations[id] = std::make_shared<const json>(std::move(configuration));
}

bool Hub::patch_twin(const std::string& device_id, const std::string& module_id, const json& patch) {
  auto& twins = module_id.empty() ? devices : modules;
  const auto found = twins.find(module_id.empty() ? device_id : module_key(device_id, module_id));
  if (found == twins.end() || !patch.is_object()) return false;
  json twin = *found->second;
  twin.merge_patch(patch);
  bump(twin, "version");
  twin["etag"] = etag_of(version_of(twin, "version"));
  if (patch.contains("properties") && patch["properties"].is_object()) {
    for (const auto& [side, changed] : patch["properties"].items()) {
      if (twin["properties"].contains(side)) bump(twin["properties"][side], "$version");
    }
  }
  found->second = std::make_shared<const json>(std::move(twin));
  return true;
}

base::Result<Hub> hub_from(const json& document) {
  if (!document.is_object()) return base::fail("the documents are no object");
  Hub hub;
  if (auto read = read_all(document, "devices", &Hub::put_device, hub, {"deviceId"}); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  if (auto read = read_all(document, "modules", &Hub::put_module, hub, {"deviceId", "moduleId"}); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  if (auto read = read_all(document, "configurations", &Hub::put_configuration, hub, {"id"}); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  return hub;
}

json device_identity(const json& twin) {
  auto identity = identity_of(twin, text_of(twin, "deviceId"));
  for (const auto* name : {"status", "statusReason", "capabilities", "deviceScope", "parentScopes"}) {
    if (twin.contains(name)) identity[name] = twin[name];
  }
  identity["statusUpdatedTime"] = kNever;
  return identity;
}

json module_identity(const json& twin) {
  const auto module_id = text_of(twin, "moduleId");
  auto identity = identity_of(twin, text_of(twin, "deviceId") + "/" + module_id);
  identity["moduleId"] = module_id;
  identity["managedBy"] = "IotEdge";
  return identity;
}

std::string fake_key(const std::string& id, bool primary) {
  const auto text = "opens nothing: " + std::string(primary ? "primary of " : "secondary of ") + id;
  return base64(reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

}  // namespace iris::iot_hub_emulator
