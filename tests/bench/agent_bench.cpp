// SPDX-License-Identifier: Apache-2.0
// irisd as on a gateway that is cut off: memory with 100 containers and 10,000 live
// flows, CPU at 1,000 connections a second. Run by tests/bench/agent, in a network
// namespace of its own.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <vector>

#include "bpf_account.h"
#include "child.h"

namespace iris::bench {
namespace {

constexpr unsigned kContainers = 100;
constexpr unsigned kFlowsOfOne = 100;
constexpr unsigned kRate = 1000;  // connections a second

struct Options {
  std::string irisd, cgroup2_root;
  double seconds = 45;
};

/// Where Docker keeps its containers' groups, apart from those of a real one.
class EngineGroup {
 public:
  explicit EngineGroup(const std::string& root) : top_(root + "/iris-agent-bench") {
    std::filesystem::create_directories(path());
  }
  ~EngineGroup() {
    ::rmdir(path().c_str());
    ::rmdir(top_.c_str());
  }
  EngineGroup(const EngineGroup&) = delete;
  EngineGroup& operator=(const EngineGroup&) = delete;
  std::string path() const { return top_ + "/docker"; }

 private:
  std::string top_;
};

/// A cgroup with the name that Docker gives; gone with the object.
class ContainerGroup {
 public:
  ContainerGroup(const std::string& root, unsigned number)
      : path_(fmt::format("{}/{:064x}", root, 0xb00000000000ULL + number)) {
    std::filesystem::create_directory(path_);
  }
  ~ContainerGroup() { ::rmdir(path_.c_str()); }
  ContainerGroup(const ContainerGroup&) = delete;
  ContainerGroup& operator=(const ContainerGroup&) = delete;
  void enter() const { std::ofstream(path_ + "/cgroup.procs") << getpid(); }

 private:
  std::string path_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A datagram to each of a hundred peers, every two seconds: a hundred flows a window.
[[noreturn]] void talk(const ContainerGroup& group, unsigned number) {
  group.enter();
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (;;) {
    for (unsigned flow = 0; flow < kFlowsOfOne; ++flow) {
      sockaddr_in to = loopback(static_cast<std::uint16_t>(20'000 + flow));
      to.sin_addr.s_addr = htonl(0x7f010000U + number * kFlowsOfOne + flow);
      sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    sleep(2);
  }
}

[[noreturn]] void accept_all(int listener) {
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd >= 0) close(fd);
  }
}

/// A thousand connections a second, in steps of ten milliseconds.
void connect_steadily(std::uint16_t port, double seconds) {
  const double start = now_seconds();
  for (std::uint64_t done = 0; now_seconds() < start + seconds;) {
    while (static_cast<double>(done) < (now_seconds() - start) * kRate) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in to = loopback(port);
      if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) ++done;
      close(fd);
    }
    usleep(10'000);
  }
}

class Scratch {
 public:
  Scratch() {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a directory below /tmp");
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/iris-agent-bench-XXXXXX";
};

std::string write_configuration(const std::string& directory) {
  std::filesystem::create_directory(directory + "/spool");
  ::chmod((directory + "/spool").c_str(), 0700);
  const std::string token = directory + "/token";
  std::ofstream(token) << "iris_" << std::string(64, '0') << "\n";
  ::chmod(token.c_str(), 0600);
  const std::string file = directory + "/irisd.toml";
  // Nobody listens there: the uplink is down.
  std::ofstream(file) << fmt::format(
      "[spool]\ndirectory = \"{0}/spool\"\n[uplink]\ntarget = \"127.0.0.1:9\"\ntoken_file = \"{0}/token\"\ninsecure = true\n"
      "[local]\nsocket = \"{0}/irisd.sock\"\n",
      directory);
  return file;
}

std::uint64_t program_ns(pid_t pid) {
  std::uint64_t sum = 0;
  for (const auto& [id, figures] : program_figures(bpf_held_by(pid).programs)) sum += figures.run_time_ns;
  return sum;
}

int run(const Options& options) {
  const RunTimeStatistics statistics;
  const Scratch scratch;
  Child irisd({options.irisd, "--foreground", "--config", write_configuration(scratch.path())}, Output::null);
  while (irisd.running() && irisd.errors().find("ready") == std::string::npos) usleep(100'000);
  if (!irisd.running()) throw std::runtime_error("irisd did not start: " + irisd.errors());
  const auto mib = [&irisd](const char* field) { return static_cast<double>(irisd.status_kib(field)) / 1024; };
  fmt::print("irisd at rest                    RSS {:5.1f} MiB\n", mib("VmRSS"));

  {
    const EngineGroup engine(options.cgroup2_root);
    std::vector<std::unique_ptr<ContainerGroup>> groups;
    std::vector<std::unique_ptr<Child>> talkers;
    for (unsigned i = 0; i < kContainers; ++i) {
      groups.push_back(std::make_unique<ContainerGroup>(engine.path(), i));
      talkers.push_back(std::make_unique<Child>([&group = *groups.back(), i] { talk(group, i); }));
    }
    const double cpu_before = irisd.cpu_seconds();
    const double start = now_seconds();
    while (now_seconds() < start + options.seconds) usleep(200'000);
    const double share = (irisd.cpu_seconds() - cpu_before) / (now_seconds() - start) * 100;
    fmt::print("{} containers, {} live flows  RSS {:5.1f} MiB, peak {:.1f} MiB, CPU {:.2f} % of one core\n", kContainers,
               kContainers * kFlowsOfOne, mib("VmRSS"), mib("VmHWM"), share);
    for (const auto& talker : talkers) talker->stop(SIGKILL, 5);
  }

  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), length) != 0 || listen(listener, 1024) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  Child server([listener] { accept_all(listener); });
  const double cpu_before = irisd.cpu_seconds();
  const std::uint64_t ns_before = program_ns(irisd.pid());
  const double start = now_seconds();
  connect_steadily(ntohs(address.sin_port), options.seconds);
  const double seconds = now_seconds() - start;
  fmt::print("{} connections a second         CPU {:.2f} % of one core, and {:.2f} % in the kernel's programs\n", kRate,
             (irisd.cpu_seconds() - cpu_before) / seconds * 100,
             static_cast<double>(program_ns(irisd.pid()) - ns_before) / 1e7 / seconds);
  server.stop(SIGKILL, 5);
  close(listener);
  if (!irisd.stop(SIGTERM, 10)) fmt::print("irisd had to be killed\n");
  return 0;
}

}  // namespace
}  // namespace iris::bench

int main(int argc, char** argv) {
  iris::bench::Options options;
  CLI::App app{"What irisd takes with 100 containers, 10,000 live flows and no collector."};
  app.add_option("--irisd", options.irisd)->required();
  app.add_option("--cgroup2-root", options.cgroup2_root)->required();
  app.add_option("--seconds", options.seconds, "of each of the two loads");
  CLI11_PARSE(app, argc, argv);
  try {
    return iris::bench::run(options);
  } catch (const std::exception& error) {
    std::cerr << "agent_bench: " << error.what() << "\n";
    return 1;
  }
}
