// SPDX-License-Identifier: Apache-2.0
// iris-load: traffic, failures and exits made to order. It prints what it has
// itself seen as one JSON object on stdout, for a tracer to be held against.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <thread>

#include "commands.h"

namespace iris::load {

void block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void wait_for_stop(std::optional<std::chrono::milliseconds> duration) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (!duration) {
    int signal = 0;
    sigwait(&signals, &signal);
    return;
  }
  timespec limit{};
  limit.tv_sec = duration->count() / 1000;
  limit.tv_nsec = duration->count() % 1000 * 1'000'000;
  sigtimedwait(&signals, nullptr, &limit);
}

void announce_ready() { std::fputs("iris-load: ready\n", stderr); }

Json targets_to_json(const std::vector<Endpoint>& to, const std::vector<Truth>& truths) {
  Truth sum;
  Json targets = Json::array();
  for (std::size_t i = 0; i < to.size(); ++i) {
    sum += truths[i];
    Json target = truths[i].to_json();
    target["to"] = to[i].text;
    targets.push_back(std::move(target));
  }
  Json json = sum.to_json();
  json["targets"] = std::move(targets);
  return json;
}

namespace {

using std::chrono::milliseconds;

constexpr std::uint16_t kUnreachablePort = 9;

/// One kind of job within `mixed`, run in a thread of its own.
struct Part {
  std::string name;
  std::vector<Endpoint> to;
  std::vector<Truth> truths;
};

std::vector<Endpoint> endpoints(const std::vector<std::string>& texts, std::uint16_t default_port = 0) {
  std::vector<Endpoint> result;
  for (const std::string& text : texts) result.push_back(Endpoint::parse(text, default_port));
  return result;
}

std::optional<milliseconds> seconds_to_ms(double seconds) {
  if (seconds <= 0) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct Arguments {
  std::vector<std::string> to, listen, refused_to, timeout_to, unreachable_to, reset_to, udp_to;
  std::uint64_t connections = 1, send_bytes = 1, receive_bytes = 0, reply_bytes = 0, request_bytes = 1, bytes = 1 << 20;
  std::uint64_t refused = 0, timed_out = 0, unreachable = 0, reset = 0, pairs = 0, count = 1, trickle = 0;
  unsigned threads = 1;
  std::size_t size = 64;
  std::string close = "client", root, connect;
  double for_seconds = 0;
  std::int64_t hold_ms = 0, give_up_ms = -1;
  int exit_code = 0;
  bool connected = false, segv = false, abort = false, reset_all = false, core = false;

  Closer closer() const { return close == "server" ? Closer::server : Closer::client; }
};

TcpClientOptions tcp_options(const Arguments& args) {
  TcpClientOptions options;
  options.to = endpoints(args.to);
  options.connections = args.connections;
  options.threads = args.threads;
  options.send_bytes = args.send_bytes;
  options.receive_bytes = args.receive_bytes;
  options.closer = args.closer();
  options.hold = milliseconds(args.hold_ms);
  return options;
}

TimeoutOptions timeout_options(const std::vector<std::string>& to, std::uint64_t connections, std::int64_t give_up_ms) {
  TimeoutOptions options;
  options.to = endpoints(to);
  options.connections = connections;
  if (give_up_ms >= 0) options.give_up = milliseconds(give_up_ms);
  return options;
}

TcpClientOptions reset_options(const std::vector<std::string>& to, std::uint64_t connections, unsigned threads) {
  TcpClientOptions options;
  options.to = endpoints(to);
  options.connections = connections;
  options.threads = threads;
  options.send_bytes = 0;
  options.closer = Closer::server;  // wait for what the server does
  return options;
}

UdpOptions udp_options(const Arguments& args, const std::vector<std::string>& to, std::uint64_t pairs) {
  UdpOptions options;
  options.to = endpoints(to);
  options.pairs = pairs;
  options.size = args.size;
  options.connected = args.connected;
  options.threads = args.threads;
  return options;
}

Json timed(const std::vector<Endpoint>& to, const std::function<std::vector<Truth>()>& job) {
  const Stopwatch watch;
  const std::vector<Truth> truths = job();
  Json json = targets_to_json(to, truths);
  watch.add_to(json);
  return json;
}

Json run_mixed(const Arguments& args) {
  std::vector<Part> parts;
  std::vector<std::function<std::vector<Truth>()>> jobs;
  const auto add = [&](const char* name, std::uint64_t count, const std::vector<std::string>& to, auto job,
                       std::uint16_t default_port = 0) {
    if (count == 0) return;
    if (to.empty()) throw std::invalid_argument(std::string("mixed: no target for ") + name);
    parts.push_back({name, endpoints(to, default_port), {}});
    jobs.emplace_back(std::move(job));
  };
  add("tcp", args.connections, args.to, [&] { return run_tcp_client(tcp_options(args)); });
  add("refused", args.refused, args.refused_to,
      [&] { return run_connect_only(endpoints(args.refused_to), args.refused); });
  add("timeout", args.timed_out, args.timeout_to,
      [&] { return run_timeouts(timeout_options(args.timeout_to, args.timed_out, args.give_up_ms)); });
  add("unreachable", args.unreachable, args.unreachable_to,
      [&] { return run_connect_only(endpoints(args.unreachable_to, kUnreachablePort), args.unreachable); },
      kUnreachablePort);
  add("reset", args.reset, args.reset_to,
      [&] { return run_tcp_client(reset_options(args.reset_to, args.reset, 1)); });
  add("udp", args.pairs, args.udp_to, [&] { return run_udp_client(udp_options(args, args.udp_to, args.pairs)); });

  const Stopwatch watch;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      threads.emplace_back([&part = parts[i], &job = jobs[i]] { part.truths = job(); });
    }
  }
  Truth sum;
  Json by_part = Json::object();
  for (const Part& part : parts) {
    for (const Truth& truth : part.truths) sum += truth;
    by_part[part.name] = targets_to_json(part.to, part.truths);
  }
  Json json = sum.to_json();
  json["parts"] = std::move(by_part);
  watch.add_to(json);
  return json;
}

ExitOptions exit_options(const Arguments& args) {
  ExitOptions options;
  options.count = args.count;
  options.code = args.exit_code;
  options.signal = args.segv ? SIGSEGV : args.abort ? SIGABRT : 0;
  if (!args.core) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
  }
  return options;
}

/// The job that the command line asks for, with its name.
struct Command {
  CLI::App* app;
  std::function<Json()> run;
};

std::vector<Command> declare(CLI::App& app, Arguments& args) {
  std::vector<Command> commands;
  const auto command = [&](const char* name, const char* help, std::function<Json()> run) {
    CLI::App* sub = app.add_subcommand(name, help);
    commands.push_back({sub, std::move(run)});
    return sub;
  };
  const auto to = [&](CLI::App* sub) {
    sub->add_option("--to", args.to, "ADDR:PORT or [V6]:PORT, taken in turn")->required()->allow_extra_args(false);
  };
  const auto connections = [&](CLI::App* sub) { sub->add_option("--connections", args.connections, "how many"); };
  const auto threads = [&](CLI::App* sub) {
    sub->add_option("--threads", args.threads, "at the same time")->check(CLI::Range(1, 256));
  };
  const auto listen = [&](CLI::App* sub) {
    sub->add_option("--listen", args.listen, "ADDR:PORT or [V6]:PORT")->required()->allow_extra_args(false);
    sub->add_option("--for", args.for_seconds, "seconds; without it until SIGINT or SIGTERM");
  };
  const auto stream = [&](CLI::App* sub) {
    sub->add_option("--send", args.send_bytes, "bytes to send on each connection");
    sub->add_option("--receive", args.receive_bytes, "bytes to wait for");
    sub->add_option("--close", args.close, "who closes first")->check(CLI::IsMember({"client", "server"}));
    sub->add_option("--hold-ms", args.hold_ms, "stay open for so long");
  };
  const auto datagrams = [&](CLI::App* sub) {
    sub->add_option("--size", args.size, "bytes a datagram")->check(CLI::Range(0, 65'507));
    sub->add_flag("--connected", args.connected, "connect() the UDP socket first");
  };

  CLI::App* sub = command("tcp-server", "accept, answer, count", [&args] {
    TcpServerOptions options{endpoints(args.listen), args.reply_bytes, args.request_bytes, args.closer(), args.reset_all,
                             args.threads};
    return run_tcp_server(options, seconds_to_ms(args.for_seconds));
  });
  listen(sub);
  threads(sub);
  sub->add_option("--reply", args.reply_bytes, "bytes to answer with");
  sub->add_option("--request", args.request_bytes, "answer after so many bytes (0: at once)");
  sub->add_option("--close", args.close, "who closes first")->check(CLI::IsMember({"client", "server"}));
  sub->add_flag("--reset", args.reset_all, "send a RST right after accept");

  sub = command("tcp", "connect, send, receive, close", [&args] {
    const TcpClientOptions options = tcp_options(args);
    return timed(options.to, [&] { return run_tcp_client(options); });
  });
  to(sub), connections(sub), threads(sub), stream(sub);

  sub = command("refused", "connect where nobody listens", [&args] {
    const auto targets = endpoints(args.to);
    return timed(targets, [&] { return run_connect_only(targets, args.connections); });
  });
  to(sub), connections(sub);

  sub = command("timeout", "connect to a black hole", [&args] {
    const TimeoutOptions options = timeout_options(args.to, args.connections, args.give_up_ms);
    return timed(options.to, [&] { return run_timeouts(options); });
  });
  to(sub), connections(sub);
  sub->add_option("--give-up-ms", args.give_up_ms, "close before the time-out");

  sub = command("unreachable", "connect where no route leads", [&args] {
    const auto targets = endpoints(args.to, kUnreachablePort);
    return timed(targets, [&] { return run_connect_only(targets, args.connections); });
  });
  to(sub), connections(sub);

  sub = command("reset", "connect to a `tcp-server --reset` and wait for its RST", [&args] {
    const TcpClientOptions options = reset_options(args.to, args.connections, args.threads);
    return timed(options.to, [&] { return run_tcp_client(options); });
  });
  to(sub), connections(sub), threads(sub);

  sub = command("bulk", "one connection, many bytes", [&args] {
    const auto targets = endpoints(args.to);
    return timed(targets, [&] { return run_bulk(targets, args.bytes); });
  });
  to(sub);
  sub->add_option("--bytes", args.bytes, "to each target");

  sub = command("idle", "long-lived connections", [&args] {
    IdleOptions options{endpoints(args.to), args.connections, seconds_to_ms(args.for_seconds).value_or(milliseconds(1000)),
                        args.trickle};
    return timed(options.to, [&] { return run_idle(options); });
  });
  to(sub), connections(sub);
  sub->add_option("--for", args.for_seconds, "seconds")->required();
  sub->add_option("--trickle-bytes-per-s", args.trickle, "sent on each connection");

  sub = command("udp-server", "echo datagrams",
                [&args] { return run_udp_server(endpoints(args.listen), seconds_to_ms(args.for_seconds)); });
  listen(sub);

  sub = command("udp", "send and receive, in pairs", [&args] {
    const UdpOptions options = udp_options(args, args.to, args.pairs);
    return timed(options.to, [&] { return run_udp_client(options); });
  });
  to(sub), threads(sub), datagrams(sub);
  sub->add_option("--pairs", args.pairs, "how many, over all threads")->required();

  sub = command("mixed", "several of these at once, by counts", [&args] { return run_mixed(args); });
  sub->add_option("--to", args.to, "servers")->allow_extra_args(false);
  connections(sub), threads(sub), stream(sub), datagrams(sub);
  sub->add_option("--refused", args.refused, "how many to --refused-to");
  sub->add_option("--refused-to", args.refused_to)->allow_extra_args(false);
  sub->add_option("--timeout", args.timed_out, "how many to --timeout-to");
  sub->add_option("--timeout-to", args.timeout_to)->allow_extra_args(false);
  sub->add_option("--give-up-ms", args.give_up_ms, "close the latter before the time-out");
  sub->add_option("--unreachable", args.unreachable, "how many to --unreachable-to");
  sub->add_option("--unreachable-to", args.unreachable_to)->allow_extra_args(false);
  sub->add_option("--reset", args.reset, "how many to --reset-to");
  sub->add_option("--reset-to", args.reset_to)->allow_extra_args(false);
  sub->add_option("--pairs", args.pairs, "datagram pairs with --udp-to");
  sub->add_option("--udp-to", args.udp_to)->allow_extra_args(false);

  sub = command("exits", "fork and die, one after the other", [&args] { return run_exits(exit_options(args)); });
  sub->add_option("--count", args.count, "how many");
  sub->add_option("--code", args.exit_code, "exit code")->check(CLI::Range(0, 255));
  CLI::Option* segv = sub->add_flag("--segv", args.segv, "die by a bad store");
  sub->add_flag("--abort", args.abort, "die by abort()")->excludes(segv);
  sub->add_flag("--core", args.core, "leave the core limit alone (without it: no cores)");

  sub = command("churn-cgroups", "make a cgroup, a child in it, remove it", [&args] {
    ChurnOptions options;
    options.root = args.root;
    options.count = args.count;
    if (!args.connect.empty()) options.connect = Endpoint::parse(args.connect);
    return run_churn(options);
  });
  sub->add_option("--root", args.root, "a directory of the cgroup2 hierarchy")->required()->check(CLI::ExistingDirectory);
  sub->add_option("--count", args.count, "how many");
  sub->add_option("--connect", args.connect, "ADDR:PORT: each child makes one connection");
  return commands;
}

}  // namespace
}  // namespace iris::load

int main(int argc, char** argv) {
  using namespace iris::load;
  CLI::App app{"Makes traffic, failures and exits, and prints its own count of them as JSON."};
  app.require_subcommand(1);
  Arguments args;
  const std::vector<Command> commands = declare(app, args);
  CLI11_PARSE(app, argc, argv);
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  try {
    for (const Command& command : commands) {
      if (!command.app->parsed()) continue;
      Json json{{"command", command.app->get_name()}, {"pid", getpid()}};
      json.update(command.run());
      std::cout << json.dump() << std::endl;
    }
  } catch (const std::invalid_argument& error) {
    std::cerr << "iris-load: " << error.what() << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "iris-load: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
