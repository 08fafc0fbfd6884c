// SPDX-License-Identifier: Apache-2.0
// iris-iot-hub-emulator: IoT Hub's service REST interface, from a file of documents.
// Prints one line of JSON when it is ready, reads the file again at SIGHUP, and ends at
// SIGINT or SIGTERM.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "emulators/http/program.h"
#include "emulators/iot_hub/emulator.h"

namespace {

using namespace iris;
using nlohmann::json;

struct Arguments {
  std::string listen = "127.0.0.1:0";
  std::string certificate, key, directory;
  std::string hub = "iris-hub";
  std::string policies_file, documents_file;
  std::vector<std::string> policies;
  std::string throttle = "none";
  unsigned units = 1;
  iot_hub_emulator::BigHub big;
  bool is_big = false;
  bool structured_errors = false;
  bool hides_system_modules = false;
  bool any_host = false;
  std::size_t page_limit = 1'000;
};

Arguments read_arguments(CLI::App& app, int argc, char** argv) {
  Arguments a;
  app.add_option("--listen", a.listen, "HOST:PORT; port 0: any free one")->capture_default_str();
  auto* certificate = app.add_option("--certificate", a.certificate, "PEM; without, one is made");
  app.add_option("--key", a.key, "PEM")->needs(certificate);
  certificate->needs("--key");
  app.add_option("--directory", a.directory, "Where the certificate of the authority that was made is written, as ca.pem");
  app.add_option("--hub", a.hub, "Its host name is NAME.azure-devices.net")->capture_default_str();
  app.add_option("--policies", a.policies_file, "JSON: {\"NAME\":\"KEY\"} or {\"NAME\":{\"key\":..,\"permissions\":[..]}}");
  app.add_option("--policy", a.policies, "NAME=KEY, the key in base64; for made-up keys only, since others see it");
  app.add_option("--documents", a.documents_file,
                 "JSON: {\"devices\":[..],\"modules\":[..],\"configurations\":[..],\"faults\":[..]}");
  app.add_flag("--big", a.is_big, "Adds a generated hub");
  app.add_option("--devices", a.big.devices, "Of --big, gateways among them")->capture_default_str();
  app.add_option("--modules", a.big.modules, "Of --big")->capture_default_str();
  app.add_option("--throttle", a.throttle, "none, s1 or s3")->capture_default_str();
  app.add_option("--units", a.units, "Of the hub, for --throttle")->capture_default_str();
  app.add_option("--page-limit", a.page_limit, "Rows of a page at most, whatever is asked for")->capture_default_str();
  app.add_flag("--structured-errors", a.structured_errors, "Error bodies whose Message is JSON");
  app.add_flag("--hide-system-modules", a.hides_system_modules, "Queries that do not name moduleId do not see them");
  app.add_flag("--any-host", a.any_host, "Answers whatever the Host header says");
  app.parse(argc, argv);
  return a;
}

base::Result<unsigned> permissions_from(const json& names) {
  static const std::map<std::string, unsigned> kNames{{"ServiceConnect", iot_hub_emulator::kServiceConnect},
                                                      {"RegistryRead", iot_hub_emulator::kRegistryRead},
                                                      {"RegistryWrite", iot_hub_emulator::kRegistryWrite},
                                                      {"DeviceConnect", iot_hub_emulator::kDeviceConnect}};
  unsigned permissions = 0;
  for (const auto& name : names) {
    const auto found = name.is_string() ? kNames.find(name.get<std::string>()) : kNames.end();
    if (found == kNames.end()) return base::fail("an unknown permission: " + name.dump());
    permissions |= found->second;
  }
  return permissions;
}

base::Result<iot_hub_emulator::Policies> read_policies(const Arguments& arguments) {
  iot_hub_emulator::Policies policies;
  for (const auto& text : arguments.policies) {
    const auto equals = text.find('=');  // the first: keys end in '='
    if (equals == std::string::npos || equals == 0) return base::fail("--policy takes NAME=KEY");
    const auto name = text.substr(0, equals);
    policies[name] = {text.substr(equals + 1), iot_hub_emulator::built_in_permissions(name)};
  }
  if (arguments.policies_file.empty()) return policies;
  const auto document = emulator::read_json_file(arguments.policies_file);
  if (!document) return tl::unexpected(document.error());
  for (const auto& [name, value] : document->items()) {
    auto& policy = policies[name];
    policy.permissions = iot_hub_emulator::built_in_permissions(name);
    const json key = value.is_object() && value.contains("key") ? value["key"] : value;
    if (!key.is_string()) return base::fail("policy " + name + " has no key");
    policy.key = key.get<std::string>();
    if (value.is_object() && value.contains("permissions")) {
      const auto permissions = permissions_from(value["permissions"]);
      if (!permissions) return tl::unexpected(permissions.error());
      policy.permissions = *permissions;
    }
  }
  return policies;
}

struct Contents {
  iot_hub_emulator::Hub hub;
  std::vector<emulator::Fault> faults;
};

base::Result<Contents> read_contents(const Arguments& arguments) {
  Contents contents;
  if (arguments.is_big) contents.hub = iot_hub_emulator::big_hub(arguments.big);
  if (arguments.documents_file.empty()) return contents;
  const auto document = emulator::read_json_file(arguments.documents_file);
  if (!document) return tl::unexpected(document.error());
  auto hub = iot_hub_emulator::hub_from(*document);
  if (!hub) return base::with_context(arguments.documents_file, std::move(hub.error()));
  hub->devices.merge(contents.hub.devices);
  hub->modules.merge(contents.hub.modules);
  contents.hub = std::move(*hub);
  auto faults = emulator::faults_from(document->value("faults", json::array()));
  if (!faults) return base::with_context(arguments.documents_file, std::move(faults.error()));
  contents.faults = std::move(*faults);
  return contents;
}

void load(iot_hub_emulator::Service& service, const Contents& contents) {
  service.change([&contents](iot_hub_emulator::Hub& hub) { hub = contents.hub; });
  service.faults().clear();
  for (const auto& fault : contents.faults) service.faults().add(fault);
}

base::Result<iot_hub_emulator::Options> options_from(const Arguments& arguments) {
  iot_hub_emulator::Options options;
  const auto listen = emulator::parse_listen_address(arguments.listen);
  if (!listen) return tl::unexpected(listen.error());
  options.host = listen->host;
  options.port = listen->port;
  if (!arguments.certificate.empty()) {
    const auto chain = emulator::read_text_file(arguments.certificate);
    if (!chain) return tl::unexpected(chain.error());
    const auto key = emulator::read_text_file(arguments.key);
    if (!key) return tl::unexpected(key.error());
    options.certificate = {*chain, *key};
  }
  auto policies = read_policies(arguments);
  if (!policies) return tl::unexpected(std::move(policies.error()));
  const auto rates = iot_hub_emulator::rates_of_tier(arguments.throttle, arguments.units);
  if (!rates) return base::fail("--throttle takes none, s1 or s3", base::Error::Kind::usage);
  auto& service = options.service;
  service.host_name = arguments.hub + ".azure-devices.net";
  service.policies = std::move(*policies);
  service.rates = *rates;
  service.error_style = arguments.structured_errors ? iot_hub_emulator::ErrorStyle::json : iot_hub_emulator::ErrorStyle::text;
  service.lists_system_modules = !arguments.hides_system_modules;
  service.any_host = arguments.any_host;
  service.largest_page = std::max<std::size_t>(arguments.page_limit, 1);
  return options;
}

base::Result<void> run(const Arguments& arguments) {
  auto options = options_from(arguments);
  if (!options) return tl::unexpected(std::move(options.error()));
  const auto contents = read_contents(arguments);
  if (!contents) return tl::unexpected(contents.error());
  const auto emulator = iot_hub_emulator::Emulator::start(std::move(*options));
  if (!emulator) return tl::unexpected(emulator.error());
  load((*emulator)->service(), *contents);

  json ready = {{"emulator", "iot_hub"}, {"port", (*emulator)->port()}, {"host_name", (*emulator)->host_name()}};
  if (!arguments.directory.empty() && !(*emulator)->ca_pem().empty()) {
    std::error_code error;
    std::filesystem::create_directories(arguments.directory, error);
    const auto path = (std::filesystem::path(arguments.directory) / "ca.pem").string();
    if (auto written = emulator::write_text_file(path, (*emulator)->ca_pem()); !written) return written;
    ready["ca_file"] = path;
  }
  emulator::run_until_stopped(ready, [&]() -> base::Result<void> {
    const auto again = read_contents(arguments);
    if (!again) return tl::unexpected(again.error());
    load((*emulator)->service(), *again);
    return {};
  });
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  return emulator::run_program("iris-iot-hub-emulator", "Plays IoT Hub's service REST interface. Loopback and made-up keys only.", argc, argv, read_arguments, run);
}
