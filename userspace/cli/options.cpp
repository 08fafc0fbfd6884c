// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <CLI/CLI.hpp>

#include <sstream>

#include "cli/filter_options.h"
#include "cli/version.h"

namespace iris::cli {
namespace {

constexpr const char* kLimits = "Limits";
constexpr const char* kWhere = "Where to look";
constexpr const char* kAgent = "Agent";
constexpr double kLongestSeconds = 10.0 * 365 * 86'400;

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000 + 0.5));
}

/// Seconds, or a number with s, m or h behind it.
CLI::Option* add_seconds(CLI::App& app, const std::string& name, std::function<void(double)> apply, double least,
                         double most, const char* what) {
  const auto read = [name, apply, least, most](const std::string& text) {
    std::size_t used = 0;
    double value = 0;
    try {
      value = std::stod(text, &used);
    } catch (const std::exception&) {
      used = std::string::npos;
    }
    const std::string unit = used == std::string::npos ? "?" : text.substr(used);
    if (unit == "m") value *= 60;
    else if (unit == "h") value *= 3600;
    else if (!unit.empty() && unit != "s") throw CLI::ValidationError(name, "'" + text + "' is not a time (10, 1.5s, 5m, 2h)");
    if (!(value >= least && value <= most)) {
      throw CLI::ValidationError(name, "'" + text + "' is out of range (" + CLI::detail::to_string(least) + " to " +
                                           CLI::detail::to_string(most) + " seconds)");
    }
    apply(value);
  };
  return app.add_option_function<std::string>(name, read, what)->type_name("S");
}

void add_duration(CLI::App& app, Options& options) {
  add_seconds(app, "--for", [&options](double value) { options.duration = milliseconds(value); }, 0.1, kLongestSeconds,
              "Stop after this time (seconds, or 5m, 2h)");
}

void add_window(CLI::App& app, Options& options) {
  add_seconds(app, "--window", [&options](double value) { options.tracer.window = milliseconds(value); }, 0.1, 3600,
              "Length of a window (default 10)");
}

void add_json(CLI::App& app, Options& options) {
  app.add_flag("--json", options.json, "One JSON object a line, and nothing else on standard output");
}

void add_output(CLI::App& app, Options& options) {
  add_json(app, options);
  app.add_flag("--wide", options.wide, "All columns at full width, whatever the terminal");
}

void add_agent(CLI::App& app, Options& options) {
  app.add_option("--socket", options.socket, "Where irisd listens")
      ->type_name("PATH")->envname("IRIS_SOCKET")->group(kAgent)->capture_default_str();
}

/// What every command that loads the programs takes.
void add_tracing(CLI::App& app, Options& options) {
  add_agent(app, options);
  app.add_flag("--standalone", options.standalone, "Do not ask irisd, load the programs")->group(kAgent);
  auto& tracer = options.tracer;
  app.add_option("--docker-socket", tracer.owners.docker_socket, "Docker Engine API, for names")
      ->type_name("PATH")->group(kWhere)->capture_default_str();
  app.add_option("--containerd-socket", tracer.owners.containerd_socket, "containerd, for names")
      ->type_name("PATH")->group(kWhere)->capture_default_str();
  app.add_flag_callback("--no-runtimes", [&tracer] { tracer.owners.use_docker = tracer.owners.use_containerd = false; },
                        "Ask no container runtime: ids instead of names")->group(kWhere);
  app.add_option_function<std::string>("--cgroup-root", [&tracer](const std::string& path) {
       tracer.cgroup2_root = path;
       tracer.owners.cgroup_root = path;
     }, "Root of the cgroup2 hierarchy (default: where it is mounted)")->type_name("PATH")->group(kWhere);
  app.add_option("--cgroup1", tracer.cgroup1_controller,
                 "Name owners by this cgroup v1 controller, where containers live in v1 only")
      ->type_name("CONTROLLER")->group(kWhere);
  app.add_option("--ring-size", tracer.ring_bytes, "Ring buffer for events, as 4M")
      ->type_name("BYTES")->transform(CLI::AsSizeValue(false).description(""))->check(CLI::Range(64U << 10, 1U << 30).description(""))->group(kLimits);
  app.add_option("--max-flows", tracer.max_flows, "Flows of one window held in the kernel; more are folded")
      ->type_name("N")->check(CLI::Range(64U, 1U << 22).description(""))->group(kLimits)->capture_default_str();
  app.add_option("--max-sockets", tracer.max_sockets, "Open sockets followed")
      ->type_name("N")->check(CLI::Range(64U, 1U << 22).description(""))->group(kLimits)->capture_default_str();
}

struct Parser {
  Options options;
  std::string types;
  std::string only;
  bool no_events = false;
  CLI::App app{"See which container talks to what, what failed, and what died: from inside the kernel, passively."};

  Parser();
  CLI::App* add(Command command, const char* name, const char* what, const char* examples);
  void note_given();
  void finish();
};

CLI::App* Parser::add(Command command, const char* name, const char* what, const char* examples) {
  auto* sub = app.add_subcommand(name, what);
  sub->footer(std::string("Examples:\n") + examples);
  sub->callback([this, command] { options.command = command; });
  return sub;
}

Parser::Parser() {
  app.name("iris-trace");
  app.set_version_flag("--version", std::string("iris-trace ") + kVersion);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no permission or no kernel support.\n"
             "'iris-trace COMMAND --help' has examples. See also iris-trace(1).");

  auto* flows = add(Command::flows, "flows", "Who talks to whom: a table of flows for each window",
                    "  iris-trace flows                          live, on a terminal\n"
                    "  iris-trace flows --once --window 5        one table of five seconds\n"
                    "  iris-trace flows -f --container modbus --failed\n"
                    "  iris-trace flows --for 1m --json > flows.jsonl\n");
  flows->add_flag("-f,--follow", options.follow, "A table each window until Ctrl-C (default on a terminal and with --json)");
  flows->add_flag("--once", options.once, "One window (default for text that goes elsewhere)")->excludes("--follow");
  add_window(*flows, options);
  add_duration(*flows, options);
  flows->add_option("--top", options.top, "Only the N largest flows of each window; 0: all")->type_name("N");
  add_output(*flows, options);
  add_filters(*flows, options.filter, FilterSet::flows);
  add_tracing(*flows, options);

  auto* events = add(Command::events, "events", "Each connect, accept, failure, close, listen and UDP peer as it happens",
                     "  iris-trace events --container telemetry\n"
                     "  iris-trace events --types connect,failed --peer 198.51.100.0/24\n"
                     "  iris-trace events --port 502 --json | jq .peer_address\n");
  events->add_option("--types", types, "Only these: connect, accept, established, failed, close, listen, udp; "
                                       "and, when named, exec, dns, container, identity")->type_name("LIST");
  add_duration(*events, options);
  add_output(*events, options);
  add_filters(*events, options.filter, FilterSet::events);
  add_tracing(*events, options);

  auto* exits = add(Command::exits, "exits", "Process exits: code or signal, who sent it, out of memory, crash stack",
                    "  iris-trace exits --failed\n"
                    "  iris-trace exits --container modbus --for 1h\n");
  add_duration(*exits, options);
  add_output(*exits, options);
  add_filters(*exits, options.filter, FilterSet::exits);
  exits->add_flag_callback("--no-symbols", [this] { options.tracer.symbolize = false; },
                           "Leave crash stacks as build ids and offsets");
  add_tracing(*exits, options);

  auto* containers = add(Command::containers, "containers", "The containers on this host, and what is known of them",
                         "  iris-trace containers\n  iris-trace containers --json | jq -r .owner.name\n");
  add_output(*containers, options);
  add_filters(*containers, options.filter, FilterSet::exits);
  add_tracing(*containers, options);

  auto* devices = add(Command::devices, "devices", "The devices behind this gateway: what they are called, where, and who says so",
                      "  iris-trace devices\n  iris-trace devices --peer 198.51.100.0/24\n"
                      "  iris-trace devices --json | jq .device.tags\n");
  add_output(*devices, options);
  add_filters(*devices, options.filter, FilterSet::devices);
  add_agent(*devices, options);

  auto* alerts = add(Command::alerts, "alerts", "What the collector has found about this gateway, the latest first",
                     "  iris-trace alerts\n  iris-trace alerts --severity 4\n"
                     "  iris-trace alerts --json | jq -r .summary\n");
  add_json(*alerts, options);
  alerts->add_option("--severity", options.min_severity, "Only of this severity or graver: 1 (information) to 5 (critical)")
      ->type_name("N")->check(CLI::Range(1, 5).description(""));
  add_agent(*alerts, options);

  auto* status = add(Command::status, "status", "Kernel, programs, memory, loss and container runtimes",
                     "  iris-trace status\n  iris-trace status --for 10 --json\n");
  add_duration(*status, options);
  add_json(*status, options);
  add_tracing(*status, options);

  auto* selftest = add(Command::selftest, "selftest", "Make a connect, an accept, a UDP exchange, a refused connect and a "
                                                      "crash, and see whether each is seen",
                       "  iris-trace selftest && echo ready\n");
  add_json(*selftest, options);
  add_tracing(*selftest, options);

  auto* record = add(Command::record, "record", "Keep everything in a file",
                     "  iris-trace record incident.iris --for 10m\n"
                     "  iris-trace record - --no-events > flows.iris\n");
  record->add_option("FILE", options.file, "Recording to write; '-' for standard output")->required();
  add_window(*record, options);
  add_duration(*record, options);
  record->add_flag("--no-events", no_events, "Leave out the single events of sockets: flows, exits, names only");
  add_tracing(*record, options);

  auto* replay = add(Command::replay, "replay", "Show a recording, as text or JSON",
                     "  iris-trace replay incident.iris --only flows,exits\n"
                     "  iris-trace replay incident.iris --container modbus --json\n");
  replay->add_option("FILE", options.file, "Recording to read; '-' for standard input")->required();
  replay->add_option("--only", only, "Only these kinds: flows, events, exits, exec, dns, containers, identities")->type_name("LIST");
  replay->add_option("--top", options.top, "Only the N largest flows of each window; 0: all")->type_name("N");
  add_output(*replay, options);
  add_filters(*replay, options.filter, FilterSet::all);
}

/// Which options say something about irisd, or against asking it.
void Parser::note_given() {
  for (const CLI::App* sub : app.get_subcommands()) {
    for (const CLI::Option* option : sub->get_options()) {
      if (option->count() == 0) continue;
      const std::string name = option->get_name();
      options.socket_named = options.socket_named || name == "--socket";
      options.window_given = options.window_given || name == "--window";
      const bool of_tracer = option->get_group() == kLimits || option->get_group() == kWhere || name == "--no-symbols";
      if (of_tracer) options.own_option = name;
    }
  }
}

/// From what was asked for to what the tracer has to do.
void Parser::finish() {
  note_given();
  auto& tracer = options.tracer;
  auto& selection = options.selection;
  switch (options.command) {
    case Command::flows: selection.flows = true; break;
    case Command::events:
      selection.socket_events.set();
      if (!types.empty()) select_types(selection, types);
      break;
    case Command::exits: selection.exits = true; break;
    case Command::record:
      selection = all_records();
      if (no_events) selection.socket_events.reset();
      break;
    case Command::replay:
      selection = all_records();
      if (!only.empty()) select_kinds(selection, only);
      break;
    case Command::containers:
    case Command::devices:
    case Command::alerts:
    case Command::selftest: break;
    case Command::status: selection = all_records(); break;
  }
  tracer.flows = selection.flows;
  tracer.socket_events = selection.socket_events.any();
  tracer.exits = selection.exits;
  tracer.execs = selection.execs;
  tracer.containers = selection.containers || options.command == Command::containers;
  tracer.dns = selection.dns || selection.flows || selection.socket_events.any();  // peers by name
}

}  // namespace

bool Selection::has(const flow::Record& record) const {
  if (const auto* event = std::get_if<flow::SocketEvent>(&record)) {
    return socket_events.test(static_cast<std::size_t>(event->type));
  }
  return (flows && std::holds_alternative<flow::FlowRecord>(record)) ||
         (exits && std::holds_alternative<flow::ExitRecord>(record)) ||
         (execs && std::holds_alternative<flow::ExecRecord>(record)) ||
         (dns && std::holds_alternative<flow::DnsRecord>(record)) ||
         (containers && std::holds_alternative<flow::ContainerRecord>(record)) ||
         (identities && (std::holds_alternative<flow::DeviceRecord>(record) ||
                         std::holds_alternative<flow::SecurityRecord>(record))) ||
         std::holds_alternative<flow::Ledger>(record);
}

std::variant<Options, EarlyEnd> parse_options(int argc, const char* const* argv) {
  Parser parser;
  try {
    parser.app.parse(argc, argv);
    parser.finish();
  } catch (const CLI::ParseError& error) {
    if (argc > 1 && argv[1][0] != '-' && parser.app.get_subcommands().empty()) {
      return EarlyEnd{2, "", "'" + std::string(argv[1]) + "' is not a command of iris-trace\nRun with --help for more information.\n"};
    }
    std::ostringstream out;
    std::ostringstream err;
    const int code = parser.app.exit(error, out, err);
    return EarlyEnd{code == 0 ? 0 : 2, out.str(), err.str()};
  }
  return parser.options;
}

}  // namespace iris::cli
