// SPDX-License-Identifier: Apache-2.0
#include "collector_program/options.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace iris::collector {
namespace {

constexpr const char* kExamples = R"(examples:
  iris-collector serve                       with /etc/iris/iris-collector.toml, if it is there
  iris-collector serve --data-dir /tmp/iris --store sqlite:/tmp/iris/flows.db
  iris-collector gateway add plant-7         prints the token of the new gateway, once
  iris-collector gateway list --json
  iris-collector gateway revoke plant-7
  iris-collector replay incident.iris        what the detectors say of a recording
  iris-collector profile export modbus --format nftables --dry-run

exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 no permission
)";

constexpr const char* kServeExamples = R"(examples:
  iris-collector serve --config /etc/iris/iris-collector.toml
  iris-collector serve --insecure --listen 127.0.0.1:4319 --data-dir /tmp/iris
  iris-collector serve --certificate /etc/iris/tls.crt --key /etc/iris/tls.key
)";

constexpr const char* kGatewayExamples = R"(examples:
  iris-collector gateway add plant-7 >/etc/iris/token
  iris-collector gateway list --json | jq .name
  iris-collector gateway revoke plant-7
)";

constexpr const char* kPolicyExamples = R"(examples:
  iris-collector profile export modbus --format nftables --dry-run        what it would have cut off in seven days
  iris-collector profile export modbus --format nftables >modbus.nft      counts, drops nothing; then --enforce
  iris-collector profile export modbus1 --format mud --mud-url https://mud.example.com/modbus.json >modbus.json
  iris-collector profile export image/registry.example/modbus --format networkpolicy | kubectl apply -f -
)";

/// A gateway's name goes into URLs, metrics and host names.
std::string check_name(const std::string& name) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  if (name.empty() || name.size() > 64 || name.front() == '-' || !std::all_of(name.begin(), name.end(), is_fine)) {
    return "NAME: 1 to 64 letters, digits, '.', '_' and '-', not beginning with '-'";
  }
  return {};
}

class Parser {
 public:
  Parser() {
    app_.set_version_flag("--version", "iris-collector " IRIS_VERSION);
    app_.require_subcommand(1);
    app_.footer(kExamples);
    add_serve();
    add_gateway();
    add_list(app_, "gateways", "The gateways, as `gateway list`.");
    add_replay();
    add_profile();
  }

  std::variant<Options, EarlyEnd> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      const int code = app_.exit(error, out, err);
      return EarlyEnd{code == 0 ? 0 : 2, out.str(), err.str()};
    }
    return std::move(options_);
  }

 private:
  void flag_of(CLI::App& command, const std::string& name, const std::string& key, const std::string& value_name,
               const std::string& help) {
    command.add_option_function<std::string>(name, [this, key](const std::string& value) { options_.flags[key] = value; }, help)
        ->type_name(value_name);
  }

  void add_common(CLI::App& command) {
    command.add_option("--config", options_.config_path, "Configuration; default: " + std::string(kConfigPath))->type_name("FILE");
    flag_of(command, "--data-dir", "data_dir", "DIR", "Where store, certificate and API token lie");
    flag_of(command, "--store", "store", "URL", "sqlite:PATH; default: collector.db in the data directory");
  }

  void add_serve() {
    auto& serve = *app_.add_subcommand("serve", "Takes batches from agents, keeps them, answers questions.");
    add_common(serve);
    flag_of(serve, "--listen", "listen", "ADDRESS:PORT", "gRPC, for agents; or unix:/path");
    flag_of(serve, "--http", "http", "ADDRESS:PORT", "REST, in plain text");
    flag_of(serve, "--certificate", "tls.certificate", "FILE", "PEM; without one it is made in the data directory");
    flag_of(serve, "--key", "tls.key", "FILE", "PEM");
    flag_of(serve, "--client-ca", "tls.client_ca", "FILE", "PEM; accept the certificates of agents, too");
    serve.add_flag_callback("--insecure", [this] { options_.flags["tls.insecure"] = "true"; },
                            "gRPC in plain text; unix sockets and loopback only");
    serve.footer(kServeExamples);
    serve.callback([this] { options_.command = Options::Command::serve; });
  }

  void add_gateway() {
    auto& gateway = *app_.add_subcommand("gateway", "Who may ship. Works beside a running `serve`.");
    gateway.require_subcommand(1);
    gateway.footer(kGatewayExamples);
    add_named(gateway, "add", "Adds a gateway and prints its token, once.", Options::Command::gateway_add);
    add_list(gateway, "list", "The gateways.");
    add_named(gateway, "revoke", "Ends its stream and takes no more from it.", Options::Command::gateway_revoke);
  }

  void add_replay() {
    auto& replay = *app_.add_subcommand("replay", "A recording of `iris-trace record` through the detectors: the same file "
                                                  "gives the same alerts, byte for byte.");
    replay.add_option("FILE", options_.file, "Recording; '-' for standard input")->required();
    add_json(replay);
    replay.footer("examples:\n  iris-collector replay incident.iris\n  iris-collector replay incident.iris --json | jq .summary\n");
    replay.callback([this] { options_.command = Options::Command::replay; });
  }

  void add_profile() {
    auto& profile = *app_.add_subcommand("profile", "What was learned of one workload.");
    profile.require_subcommand(1);
    profile.footer(kPolicyExamples);
    auto& one = *profile.add_subcommand("export", "It as a policy for others to enforce: what is normal, and nothing else.");
    add_common(one);
    auto& asked = options_.policy;
    one.add_option("NAME", asked.name, "Key of a profile, or a module, container, service, device or image")->required();
    one.add_option("--format", asked.format, "mud (RFC 8520), nftables or networkpolicy (Kubernetes)")
        ->required()
        ->check(CLI::IsMember({"mud", "nftables", "networkpolicy"}))
        ->type_name("FORMAT");
    one.add_flag("--dry-run", asked.dry_run, "In its place: what it would have cut off in the last seven days");
    one.add_flag("--enforce", asked.enforce, "nftables: drop, not only count");
    one.add_flag("--force", asked.force, "Although too little is known, or the workload is not learnable");
    one.add_option("--gateway", asked.gateway, "Addresses from this gateway only")->type_name("NAME");
    one.add_option("--mud-url", asked.mud_url, "Where the MUD file will be published, https://..")->type_name("URL");
    one.add_flag("--json", options_.json, "One JSON object: the document and its notes, or the dry run");
    one.footer(kPolicyExamples);
    one.callback([this] { options_.command = Options::Command::profile_export; });
  }

  void add_json(CLI::App& command) { command.add_flag("--json", options_.json, "One JSON object a line"); }

  void add_list(CLI::App& parent, const std::string& name, const std::string& help) {
    auto& list = *parent.add_subcommand(name, help);
    add_common(list);
    add_json(list);
    list.footer(kGatewayExamples);
    list.callback([this] { options_.command = Options::Command::gateway_list; });
  }

  void add_named(CLI::App& parent, const std::string& name, const std::string& help, Options::Command command) {
    auto& one = *parent.add_subcommand(name, help);
    add_common(one);
    add_json(one);
    one.add_option("NAME", options_.gateway, "Name of the gateway")->required()->check(check_name);
    one.footer(kGatewayExamples);
    one.callback([this, command] { options_.command = command; });
  }

  Options options_;
  CLI::App app_{"The collecting end of Iris: takes flow summaries from gateways, keeps them, answers questions.",
                "iris-collector"};
};

}  // namespace

std::variant<Options, EarlyEnd> parse_options(int argc, const char* const* argv) { return Parser().parse(argc, argv); }

}  // namespace iris::collector
