// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

#include <CLI/CLI.hpp>

#include <sstream>

namespace iris::agent {

std::variant<Options, EarlyEnd> parse_options(int argc, const char* const* argv) {
  Options options;
  CLI::App app{"The agent of Project Iris: attributes every socket and process exit of this gateway to its container, "
               "spools flow summaries and ships them to the collector."};
  app.name("irisd");
  app.set_version_flag("--version", std::string("irisd ") + IRIS_VERSION);
  auto* config = app.add_option("--config", options.config_path, "Configuration file")->type_name("FILE")->capture_default_str();
  app.add_flag("--check-config", options.check_config, "Name every fault of the configuration, and end");
  app.add_flag("--foreground", options.foreground, "Log to standard error as text, whoever reads it");
  app.add_flag("--no-ship", options.no_ship, "Spool, but do not ship");
  app.footer("Each key of the configuration is a variable, too (IRIS_UPLINK_TARGET). AZURE_IOT_HUB_CONNECTION_STRING\n"
             "names devices and modules, AZURE_EVENT_HUB_CONNECTION_STRING brings what the cloud reports of them.\n\n"
             "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 no permission or no kernel support.\n"
             "See also irisd(8), irisd.toml(5), iris-trace(1).");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app.exit(error, out, err);
    return EarlyEnd{code == 0 ? 0 : 2, out.str(), err.str()};
  }
  options.config_named = config->count() > 0;
  return options;
}

ConfigReading read_config(const Options& options, const Environment& environment) {
  auto reading = read_config(options.config_path, options.config_named, environment);
  if (options.foreground && reading.config.log.format == "auto") reading.config.log.format = "text";
  return reading;
}

}  // namespace iris::agent
