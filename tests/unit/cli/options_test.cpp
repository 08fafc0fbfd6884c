// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/version.h"

namespace iris::cli {
namespace {

using ::testing::HasSubstr;

std::variant<Options, EarlyEnd> parse(const std::string& line) {
  std::istringstream words("iris-trace " + line);
  std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
  std::vector<const char*> argv;
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

Options good(const std::string& line) {
  auto parsed = parse(line);
  if (const auto* end = std::get_if<EarlyEnd>(&parsed)) {
    ADD_FAILURE() << line << ": " << end->err;
    return {};
  }
  return std::get<Options>(parsed);
}

EarlyEnd early(const std::string& line) {
  auto parsed = parse(line);
  if (std::holds_alternative<Options>(parsed)) {
    ADD_FAILURE() << line << " was taken";
    return {};
  }
  return std::get<EarlyEnd>(parsed);
}

TEST(Options, FlowsByDefault) {
  const Options options = good("flows");
  EXPECT_EQ(options.command, Command::flows);
  EXPECT_TRUE(options.tracer.flows);
  EXPECT_TRUE(options.tracer.dns) << "peers by name";
  EXPECT_FALSE(options.tracer.socket_events);
  EXPECT_FALSE(options.tracer.exits);
  EXPECT_EQ(options.tracer.window.count(), 10'000);
  EXPECT_FALSE(options.duration);
}

TEST(Options, AlertsFromASeverityOn) {
  EXPECT_EQ(good("alerts").min_severity, 1);
  const Options options = good("alerts --json --severity 4 --socket /s");
  EXPECT_EQ(options.command, Command::alerts);
  EXPECT_EQ(options.min_severity, 4);
  EXPECT_TRUE(options.socket_named);
  for (const char* bad : {"alerts --severity 0", "alerts --severity 6", "alerts --severity high", "alerts --standalone"}) {
    EXPECT_EQ(early(bad).exit_code, 2) << bad;
  }
}

TEST(Options, TimesTakeUnits) {
  EXPECT_EQ(good("flows --window 0.5 --for 5m").tracer.window.count(), 500);
  EXPECT_EQ(good("flows --for 5m").duration->count(), 300'000);
  EXPECT_EQ(good("record f --for 2h").duration->count(), 7'200'000);
  EXPECT_EQ(good("exits --for 3s").duration->count(), 3000);
  for (const char* bad : {"flows --for x", "flows --for 5q", "flows --for 0", "flows --for -1", "flows --for nan",
                          "flows --for inf", "flows --window 7200"}) {
    EXPECT_EQ(early(bad).exit_code, 2) << bad;
  }
}

TEST(Options, FiltersAreFilledIn) {
  const Options options = good(
      "events --container modbus --pid 12 --protocol udp --port 502 --peer 198.51.100.0/24 --role responder --failed");
  EXPECT_EQ(options.filter.container, "modbus");
  EXPECT_EQ(options.filter.pid, 12U);
  EXPECT_EQ(options.filter.protocol, 17);
  EXPECT_EQ(options.filter.port, 502);
  EXPECT_TRUE(options.filter.peer->contains(*base::IpAddress::parse("198.51.100.9")));
  EXPECT_EQ(options.filter.role, flow::Role::responder);
  EXPECT_TRUE(options.filter.failed_only);
  EXPECT_EQ(good("flows --peer hub.example").filter.peer_name, "hub.example");
  EXPECT_TRUE(good("flows --peer 2001:db8::1").filter.peer);
  EXPECT_EQ(good("flows --protocol icmp").filter.protocol, 1);
  EXPECT_EQ(good("flows --protocol 132").filter.protocol, 132);
}

TEST(Options, ABadFilterIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"flows --peer 198.51.100.0/33", "198.51.100.0/33"},
      {"flows --peer 198.51.100", "198.51.100"},
      {"flows --peer 2001:db8:::1", "2001:db8:::1"},
      {"flows --port 0", "'0' is not a port"},
      {"flows --port 65536", "65536"},
      {"flows --port 5x", "5x"},
      {"flows --protocol tpc", "tpc"},
      {"flows --role client", "client"},
      {"events --pid 0", "'0' is not a process id"},
      {"events --types conect", "conect"},
      {"replay f --only flow", "'flow'"},
      {"flows --pid 5", "--pid"},      // a flow sums over processes
      {"exits --port 5", "--port"},    // an exit has no port
      {"flows --max-flows 0", "--max-flows"},
      {"flows --ring-size 1", "--ring-size"},
      {"flows --nonsense", "--nonsense"},
      {"flows --once --follow", "--once"},
      {"record", "FILE"},
      {"nonsense", "nonsense"},
      {"", "subcommand"},
  };
  for (const auto& [line, named] : cases) {
    const EarlyEnd end = early(line);
    EXPECT_EQ(end.exit_code, 2) << line;
    EXPECT_THAT(end.err, HasSubstr(named)) << line;
    EXPECT_EQ(end.out, "") << line;
  }
}

TEST(Options, EventsCanBeChosen) {
  EXPECT_EQ(good("events").selection.socket_events.count(), 7U);
  const Options options = good("events --types connect,failed,dns");
  EXPECT_EQ(options.selection.socket_events.count(), 2U);
  EXPECT_TRUE(options.selection.socket_events.test(static_cast<std::size_t>(flow::SocketEventType::failed)));
  EXPECT_TRUE(options.selection.dns);
  EXPECT_FALSE(options.tracer.execs);
  EXPECT_TRUE(good("events --types exec").tracer.execs);
}

TEST(Options, LimitsAndPlacesReachTheTracer) {
  const Options options = good(
      "record f --ring-size 8M --max-flows 1000 --max-sockets 2000 --docker-socket /d --containerd-socket /c "
      "--cgroup-root /g --cgroup1 pids");
  EXPECT_EQ(options.tracer.ring_bytes, 8U << 20);
  EXPECT_EQ(options.tracer.max_flows, 1000U);
  EXPECT_EQ(options.tracer.max_sockets, 2000U);
  EXPECT_EQ(options.tracer.owners.docker_socket, "/d");
  EXPECT_EQ(options.tracer.owners.containerd_socket, "/c");
  EXPECT_EQ(options.tracer.cgroup2_root, "/g");
  EXPECT_EQ(options.tracer.cgroup1_controller, "pids");
  EXPECT_FALSE(good("flows --no-runtimes").tracer.owners.use_docker);
  EXPECT_FALSE(good("flows --no-runtimes").tracer.owners.use_containerd);
  EXPECT_FALSE(good("record f --no-events").tracer.socket_events);
  EXPECT_TRUE(good("record f").tracer.socket_events);
}

TEST(Options, HelpHasExamplesForEveryCommand) {
  EXPECT_EQ(early("--help").exit_code, 0);
  EXPECT_THAT(early("--help").out, HasSubstr("Exit codes"));
  for (const char* command : {"flows", "events", "exits", "containers", "devices", "alerts", "status", "selftest", "record", "replay"}) {
    const EarlyEnd help = early(std::string(command) + " --help");
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Examples:\n  iris-trace " + std::string(command)));
    EXPECT_EQ(help.err, "");
  }
  EXPECT_EQ(early("--version").out, std::string("iris-trace ") + kVersion + "\n");
}

}  // namespace
}  // namespace iris::cli
