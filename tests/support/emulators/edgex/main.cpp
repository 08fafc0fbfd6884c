// SPDX-License-Identifier: Apache-2.0
// iris-edgex-emulator: EdgeX core-metadata, from a file of documents. Prints one line of JSON
// when it is ready, reads the file again at SIGHUP, and ends at SIGINT or SIGTERM.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "emulators/edgex/emulator.h"
#include "emulators/http/program.h"

namespace {

using namespace iris;
using nlohmann::json;

struct Arguments {
  std::string listen = "127.0.0.1:0";
  std::string api = "v3";
  std::string certificate, key, documents_file, tokens_file;
  std::size_t max_results = 0;
  std::size_t devices = 0;
  bool no_total_count = false;
};

Arguments read_arguments(CLI::App& app, int argc, char** argv) {
  Arguments a;
  app.add_option("--listen", a.listen, "HOST:PORT; port 0: any free one")->capture_default_str();
  app.add_option("--api", a.api, "v1, v2 or v3")->check(CLI::IsMember({"v1", "v2", "v3"}))->capture_default_str();
  app.add_option("--documents", a.documents_file, "JSON: {\"devices\":[..],\"faults\":[..]}");
  app.add_option("--devices", a.devices, "Generated ones, behind those of --documents");
  app.add_option("--tokens", a.tokens_file, "JWTs that are accepted, one a line; without, all may read");
  app.add_option("--max-results", a.max_results, "MaxResultCount; default 1024, of v1 100");
  app.add_flag("--no-total-count", a.no_total_count, "As contracts 2.0");
  auto* certificate = app.add_option("--certificate", a.certificate, "PEM; without, plain HTTP");
  app.add_option("--key", a.key, "PEM")->needs(certificate);
  certificate->needs("--key");
  app.parse(argc, argv);
  return a;
}

struct Contents {
  edgex_emulator::Devices devices;
  std::vector<emulator::Fault> faults;
};

base::Result<Contents> read_contents(const Arguments& arguments) {
  Contents contents;
  if (!arguments.documents_file.empty()) {
    const auto document = emulator::read_json_file(arguments.documents_file);
    if (!document) return tl::unexpected(document.error());
    auto devices = edgex_emulator::devices_from(*document);
    if (!devices) return base::with_context(arguments.documents_file, std::move(devices.error()));
    auto faults = emulator::faults_from(document->value("faults", json::array()));
    if (!faults) return base::with_context(arguments.documents_file, std::move(faults.error()));
    contents = {std::move(*devices), std::move(*faults)};
  }
  const auto more = edgex_emulator::many_devices(arguments.devices, *edgex_emulator::api_from(arguments.api));
  contents.devices.insert(contents.devices.end(), more.begin(), more.end());
  return contents;
}

void load(edgex_emulator::Service& service, Contents contents) {
  service.set_devices(std::move(contents.devices));
  service.faults().clear();
  for (auto& fault : contents.faults) service.faults().add(std::move(fault));
}

base::Result<edgex_emulator::Options> options_from(const Arguments& arguments) {
  edgex_emulator::Options options;
  const auto listen = emulator::parse_listen_address(arguments.listen);
  if (!listen) return tl::unexpected(listen.error());
  options.server.host = listen->host;
  options.server.port = listen->port;
  if (!arguments.certificate.empty()) {
    const auto chain = emulator::read_text_file(arguments.certificate);
    if (!chain) return tl::unexpected(chain.error());
    const auto key = emulator::read_text_file(arguments.key);
    if (!key) return tl::unexpected(key.error());
    options.server.certificate = {*chain, *key};
  }
  options.service.api = *edgex_emulator::api_from(arguments.api);
  options.service.max_result_count = arguments.max_results;
  options.service.total_count = !arguments.no_total_count;
  if (!arguments.tokens_file.empty()) {
    const auto text = emulator::read_text_file(arguments.tokens_file);
    if (!text) return tl::unexpected(text.error());
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) options.service.tokens.push_back(line);
    }
    if (options.service.tokens.empty()) return base::fail(arguments.tokens_file + " holds no token");
  }
  return options;
}

base::Result<void> run(const Arguments& arguments) {
  auto options = options_from(arguments);
  if (!options) return tl::unexpected(std::move(options.error()));
  auto contents = read_contents(arguments);
  if (!contents) return tl::unexpected(std::move(contents.error()));
  const auto emulator = edgex_emulator::Emulator::start(std::move(*options));
  if (!emulator) return tl::unexpected(emulator.error());
  auto& service = (*emulator)->service();
  load(service, std::move(*contents));
  emulator::run_until_stopped({{"emulator", "edgex"}, {"port", (*emulator)->port()}, {"api", arguments.api}},
                              [&]() -> base::Result<void> {
                                auto again = read_contents(arguments);
                                if (!again) return tl::unexpected(std::move(again.error()));
                                load(service, std::move(*again));
                                return {};
                              });
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  return emulator::run_program("iris-edgex-emulator", "Plays EdgeX core-metadata.", argc, argv, read_arguments, run);
}
