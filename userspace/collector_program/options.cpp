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
  iris-collector alerts --severity 3 --status open
  iris-collector alert false-positive 0123456789abcdef
  iris-collector profiles                    what has been learned, and of whom not yet
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

constexpr const char* kAlertExamples = R"(examples:
  iris-collector alert show 0123456789abcdef
  iris-collector alert false-positive 0123456789abcdef
  iris-collector alert export 0123456789abcdef case.incident && iris-collector replay case.incident
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
    add_alerts();
    add_alert();
    add_profiles();
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
    auto& replay = *app_.add_subcommand("replay", "A recording of `iris-trace record`, or an alert's file, through the "
                                                  "detectors: the same file gives the same alerts, byte for byte.");
    replay.add_option("FILE", options_.file, "Recording, or what `alert export` wrote; '-' for standard input")->required();
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

  void parameter_of(CLI::App& command, const std::string& name, const std::string& value_name, const std::string& help) {
    command
        .add_option_function<std::string>("--" + name, [this, name](const std::string& value) { options_.parameters[name] = value; },
                                          help)
        ->type_name(value_name);
  }

  void add_alerts() {
    auto& alerts = *app_.add_subcommand("alerts", "What the detectors found, the latest first.");
    add_common(alerts);
    parameter_of(alerts, "gateway", "NAME", "Of this gateway");
    parameter_of(alerts, "owner", "NAME", "Of this container, service or module");
    parameter_of(alerts, "device", "ID", "Of this device");
    parameter_of(alerts, "class", "CLASS", "Such as lateral_movement");
    parameter_of(alerts, "severity", "1..5", "At least: 1 information, 2 low, 3 medium, 4 high, 5 critical");
    parameter_of(alerts, "status", "STATUS", "open, acknowledged, false_positive or closed");
    parameter_of(alerts, "from", "TIME", "Not before, such as 2026-01-02T03:04:05Z");
    parameter_of(alerts, "to", "TIME", "Before");
    parameter_of(alerts, "limit", "N", "At most so many; default 1000");
    add_json(alerts);
    alerts.footer("examples:\n  iris-collector alerts --severity 3 --status open\n"
                  "  iris-collector alerts --gateway plant-7 --json | jq .summary\n");
    alerts.callback([this] { options_.command = Options::Command::alerts; });
  }

  void add_alert() {
    auto& alert = *app_.add_subcommand("alert", "One alert: read it, say what it was. Works beside a running `serve`.");
    alert.require_subcommand(1);
    alert.footer(kAlertExamples);
    auto& show = add_of_alert(alert, "show", "The alert with its evidence.", Options::Command::alert_show);
    add_json(show);
    const auto set = [&](const char* name, const char* help, store::AlertState state) {
      auto& command = add_of_alert(alert, name, help, Options::Command::alert_set);
      command.callback([this, state] {
        options_.command = Options::Command::alert_set;
        options_.alert_state = state;
      });
    };
    set("acknowledge", "Somebody sees to it.", store::AlertState::acknowledged);
    set("false-positive", "It was in order: the profile learns it.", store::AlertState::false_positive);
    set("close", "It is dealt with.", store::AlertState::closed);
    auto& out = add_of_alert(alert, "export", "A file with which `replay` finds the alert again.", Options::Command::alert_export);
    out.add_option("FILE", options_.file, "Where to; '-' for standard output")->required();
  }

  CLI::App& add_of_alert(CLI::App& parent, const std::string& name, const std::string& help, Options::Command command) {
    auto& one = *parent.add_subcommand(name, help);
    add_common(one);
    one.add_option("ID", options_.alert, "As `alerts` shows it")->required();
    one.footer(kAlertExamples);
    one.callback([this, command] { options_.command = command; });
    return one;
  }

  void add_profiles() {
    auto& profiles = *app_.add_subcommand("profiles", "What is normal for each module and device, and how well that is known.");
    add_common(profiles);
    parameter_of(profiles, "key", "KEY", "The whole of this one");
    parameter_of(profiles, "limit", "N", "At most so many; default 1000");
    add_json(profiles);
    profiles.footer("examples:\n  iris-collector profiles\n  iris-collector profiles --key image/registry.example/modbus --json | jq .contacts\n");
    profiles.callback([this] { options_.command = Options::Command::profiles; });
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
