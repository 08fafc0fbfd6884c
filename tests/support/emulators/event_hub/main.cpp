// SPDX-License-Identifier: Apache-2.0
// iris-event-hub-emulator: an event hub for readers, on loopback. Prints one line of JSON when
// it is ready, takes events as JSON lines from a file, from its input or on a unix socket, and
// ends at SIGINT or SIGTERM.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "commands.h"
#include "emulators/http/program.h"
#include "tls/test_authority.h"

namespace {

using namespace iris;
using nlohmann::json;

struct Arguments {
  std::string directory, policies_file, events_file, socket;
  std::string host = "localhost";
  std::string hub = "insights-logs";
  std::size_t partitions = 2;
  std::vector<std::string> groups;
  bool fails_sasl = false;
};

Arguments read_arguments(CLI::App& app, int argc, char** argv) {
  Arguments a;
  app.add_option("--directory", a.directory, "For the certificates that are made (ca.pem to trust); without, no TLS");
  app.add_option("--host", a.host, "The name in the certificate, beside localhost")->capture_default_str();
  app.add_option("--hub", a.hub, "Name of the event hub")->capture_default_str();
  app.add_option("--partitions", a.partitions, "How many")->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--group", a.groups, "A consumer group beside $Default");
  app.add_option("--policies", a.policies_file, "JSON: {\"NAME\":\"KEY\"} or {\"NAME\":{\"key\":..,\"listen\":false}}; without, made-up ones");
  app.add_option("--events", a.events_file, "JSON lines, see commands.h; - is the input");
  app.add_option("--socket", a.socket, "Unix socket that takes such lines");
  app.add_flag("--strict", a.fails_sasl, "A wrong key fails while authenticating, not at the attach");
  app.parse(argc, argv);
  return a;
}

base::Result<event_hub_emulator::Policies> read_policies(const std::string& path) {
  const auto document = emulator::read_json_file(path);
  if (!document) return tl::unexpected(document.error());
  event_hub_emulator::Policies policies;
  for (const auto& [name, value] : document->items()) {
    const json key = value.is_object() && value.contains("key") ? value["key"] : value;
    if (!key.is_string()) return base::fail("policy " + name + " has no key");
    policies[name] = {key.get<std::string>(), !value.is_object() || value.value("listen", true)};
  }
  return policies;
}

base::Result<void> make_certificates(const Arguments& arguments, event_hub_emulator::Options& options) {
  const std::filesystem::path directory = arguments.directory;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const test_support::TestAuthority authority;
  const std::string names = "DNS:localhost,IP:127.0.0.1" + (arguments.host == "localhost" ? "" : ",DNS:" + arguments.host);
  const auto issued = authority.issue(arguments.host, names);
  options.certificate_file = directory / "certificate.pem";
  options.key_file = directory / "key.pem";
  for (const auto& [path, text] : {std::pair(options.certificate_file, issued.certificate), std::pair(options.key_file, issued.key),
                                   std::pair((directory / "ca.pem").string(), authority.certificate())}) {
    if (auto written = emulator::write_text_file(path, text); !written) return written;
  }
  return {};
}

base::Result<void> run(const Arguments& arguments) {
  event_hub_emulator::Options options;
  options.hub = arguments.hub;
  options.partitions = arguments.partitions;
  options.groups.insert(arguments.groups.begin(), arguments.groups.end());
  options.fails_sasl = arguments.fails_sasl;
  // The vendor's client may accept an event after it has ended the session, which Proton takes
  // for a broken peer; it has nothing to accept in what comes settled.
  options.settles = true;
  if (!arguments.policies_file.empty()) {
    auto policies = read_policies(arguments.policies_file);
    if (!policies) return tl::unexpected(std::move(policies.error()));
    options.policies = std::move(*policies);
  }
  json ready = {{"emulator", "event_hub"}, {"hub", arguments.hub}, {"host", arguments.host}};
  if (!arguments.directory.empty()) {
    if (auto made = make_certificates(arguments, options); !made) return made;
    ready["ca_file"] = (std::filesystem::path(arguments.directory) / "ca.pem").string();
  }
  event_hub_emulator::Emulator hub(options);
  ready["plain_port"] = hub.plain_port();
  if (!arguments.directory.empty()) ready["port"] = hub.tls_port();
  std::unique_ptr<event_hub_emulator::CommandSocket> socket;
  if (!arguments.socket.empty()) {
    auto opened = event_hub_emulator::CommandSocket::open(hub, arguments.socket);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    socket = std::move(*opened);
    ready["socket"] = arguments.socket;
  }
  const auto load = [&]() -> base::Result<void> {
    if (arguments.events_file.empty()) return {};
    if (arguments.events_file == "-") return event_hub_emulator::run_lines(hub, std::cin);
    std::ifstream file(arguments.events_file);
    if (!file) return base::fail("cannot read " + arguments.events_file);
    return base::Result<void>(event_hub_emulator::run_lines(hub, file));
  };
  if (auto loaded = load(); !loaded) return base::with_context(arguments.events_file, std::move(loaded.error()));
  emulator::run_until_stopped(ready, load);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  return emulator::run_program("iris-event-hub-emulator", "Plays an Azure event hub for its readers. Loopback and made-up keys only.", argc, argv, read_arguments, run);
}
