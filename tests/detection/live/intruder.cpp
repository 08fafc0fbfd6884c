// SPDX-License-Identifier: Apache-2.0
// iris-live-intruder: what the live set of attacks does on the demo gateway, for real. With
// `--in PID` it first joins that process' network namespace and cgroups: it then acts as code
// does that runs within the module's own process, without a program that starts there.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "gateway/modbus.h"
#include "gateway/net.h"

namespace {

using namespace iris::demo;
using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

constexpr const char* kUsage =
    "usage: iris-live-intruder [--in PID] ACTION\n"
    "  serve ADDRESS:PORT PAYLOAD_BYTES          answers HTTP's GET with a payload, all else with little\n"
    "  modbus ADDRESS:PORT UNITS                 asks each unit for registers\n"
    "  scan PREFIX FIRST LAST PORT..             connects to PREFIX.FIRST to PREFIX.LAST\n"
    "  beacon ADDRESS:PORT BEATS MEAN_S JITTER   calls home every MEAN_S seconds, give or take the share JITTER\n"
    "  send ADDRESS:PORT PORTIONS BYTES EVERY_S  sends BYTES in each of PORTIONS connections\n"
    "  flood ADDRESS:PORT SECONDS PACKETS_S      datagrams\n"
    "  sleep SECONDS                             only is there\n";

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

std::string cgroup2_root() {
  std::ifstream mounts("/proc/mounts");
  for (std::string device, where, type, rest; mounts >> device >> where >> type && std::getline(mounts, rest);)
    if (type == "cgroup2") return where;
  throw std::runtime_error("no cgroup2 hierarchy is mounted");
}

void join(const std::string& pid) {
  const int net = ::open(("/proc/" + pid + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
  if (net < 0) fail("network namespace of " + pid);
  std::ifstream groups("/proc/" + pid + "/cgroup");
  std::string path;
  for (std::string line; std::getline(groups, line);)
    if (line.starts_with("0::")) path = line.substr(3);
  if (path.empty()) throw std::runtime_error("no cgroup of " + pid);
  std::ofstream procs(cgroup2_root() + path + "/cgroup.procs");
  if (!(procs << ::getpid() << std::endl)) fail("cgroup " + path);
  if (::setns(net, CLONE_NEWNET) != 0) fail("setns");
  ::close(net);
}

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) throw std::invalid_argument("no address: " + host);
  return address;
}

/// Takes what comes until the client ends its side; the first line decides the answer.
void answer(Connection client, std::size_t payload) {
  client.set_read_timeout(20);
  std::string head;
  for (std::uint8_t byte = 0; head.size() < 4 && client.read_exactly(&byte, 1);) head.push_back(static_cast<char>(byte));
  if (head == "GET ") {
    for (std::uint8_t byte = 0; head.size() < 8192 && !head.ends_with("\r\n\r\n") && client.read_exactly(&byte, 1);)
      head.push_back(static_cast<char>(byte));
    client.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(payload) + "\r\nConnection: close\r\n\r\n" +
                 std::string(payload, 'x'));
  } else if (head == "POLL") {
    for (std::uint8_t byte = 0; byte != '\n' && client.read_exactly(&byte, 1);) {
    }
    client.write("nothing to do\n");
  } else {
    client.read_to_end(std::size_t{64} << 20);
  }
}

int modbus(const Words& words) {
  for (int unit = 1; unit <= std::stoi(words.at(2)); ++unit) {
    try {
      modbus::Master master(Endpoint::parse(words.at(1)));
      master.read(static_cast<std::uint8_t>(unit), modbus::Function::read_holding_registers, 0, 20);
      say("unit " + std::to_string(unit) + " answers");
    } catch (const std::exception& error) {
      say("unit " + std::to_string(unit) + ": " + error.what());
    }
  }
  return 0;
}

/// All at once; who has not answered after four seconds is not there.
int scan(const Words& words) {
  std::vector<pollfd> tries;
  for (std::size_t port = 4; port < words.size(); ++port) {
    for (int last = std::stoi(words.at(2)); last <= std::stoi(words.at(3)); ++last) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (fd < 0) fail("socket");
      const auto address = address_of(words.at(1) + "." + std::to_string(last), static_cast<std::uint16_t>(std::stoi(words[port])));
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      tries.push_back({fd, POLLOUT, 0});
      sleep_ms(50);
    }
  }
  sleep_ms(4000);
  ::poll(tries.data(), tries.size(), 0);
  int open = 0;
  for (const auto& one : tries) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    open += (one.revents & POLLOUT) != 0 && error == 0;
    ::close(one.fd);
  }
  say(std::to_string(tries.size()) + " tried, " + std::to_string(open) + " open");
  return 0;
}

int beacon(const Words& words) {
  const int beats = std::stoi(words.at(2));
  const double mean = std::stod(words.at(3)), jitter = std::stod(words.at(4));
  std::mt19937 random(std::random_device{}());
  std::uniform_real_distribution<double> gap(mean * (1 - jitter), mean * (1 + jitter));
  auto next = Clock::now();
  for (int beat = 0; beat < beats; ++beat) {
    std::this_thread::sleep_until(next);
    auto home = Connection::open(Endpoint::parse(words.at(1)));
    home.write("POLL " + std::string(180, '#') + "\n");
    home.set_read_timeout(5);
    say("beat " + std::to_string(beat + 1) + ": " + std::to_string(home.read_to_end(4096).size()) + " bytes back");
    next += std::chrono::milliseconds(static_cast<int>(gap(random) * 1000));
  }
  return 0;
}

int send_away(const Words& words) {
  const std::string portion(std::stoul(words.at(3)), 'd');
  auto next = Clock::now();
  for (int sent = 0; sent < std::stoi(words.at(2)); ++sent) {
    std::this_thread::sleep_until(next);
    Connection::open(Endpoint::parse(words.at(1))).write(portion);
    say("portion " + std::to_string(sent + 1) + ": " + std::to_string(portion.size()) + " bytes");
    next += std::chrono::milliseconds(static_cast<int>(std::stod(words.at(4)) * 1000));
  }
  return 0;
}

int flood(const Words& words) {
  const auto to = Endpoint::parse(words.at(1));
  const auto address = address_of(to.host, to.port);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const std::string datagram(64, 'f');
  const auto start = Clock::now();
  const long total = std::stol(words.at(2)) * std::stol(words.at(3));
  const double rate = std::stod(words.at(3));
  long sent = 0;
  for (long i = 0; i < total; ++i) {
    sent += ::sendto(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) > 0;
    if (i % 50 == 0) std::this_thread::sleep_until(start + std::chrono::microseconds(static_cast<long>(static_cast<double>(i) / rate * 1e6)));
  }
  ::close(fd);
  say(std::to_string(sent) + " datagrams");
  return 0;
}

int act(Words words) {
  if (words.size() >= 2 && words[0] == "--in") {
    join(words[1]);
    words.erase(words.begin(), words.begin() + 2);
  }
  const std::string action = words.empty() ? "" : words[0];
  if (action == "serve" && words.size() == 3) {
    const auto payload = std::stoul(words[2]);
    serve(Endpoint::parse(words[1]), [payload](Connection client) { answer(std::move(client), payload); });
  }
  if (action == "modbus" && words.size() == 3) return modbus(words);
  if (action == "scan" && words.size() >= 5) return scan(words);
  if (action == "beacon" && words.size() == 5) return beacon(words);
  if (action == "send" && words.size() == 5) return send_away(words);
  if (action == "flood" && words.size() == 4) return flood(words);
  if (action == "sleep" && words.size() == 2) return static_cast<int>(::sleep(static_cast<unsigned>(std::stoi(words[1]))));
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return act({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "iris-live-intruder: %s\n", error.what());
    return 1;
  }
}
