// SPDX-License-Identifier: Apache-2.0
#include "demo_gateway.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace iris::test {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

std::string run(std::vector<std::string> arguments) {
  Place place;
  place.before_exec = [] { setenv("IRIS_DEMO_BINARY", IRIS_DEMO_PATH, 1); };
  const std::string name = arguments.at(0) + " " + arguments.at(1);
  Child child(std::move(arguments), place);
  if (child.wait() != 0) throw std::runtime_error(name + ": " + child.out() + child.err());
  auto out = child.out();
  out.resize(out.find_last_not_of('\n') + 1);
  return out;
}

base::UniqueFd open_namespace(const std::string& name) {
  base::UniqueFd fd(open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail("network namespace " + name);
  return fd;
}

}  // namespace

DemoGateway::DemoGateway() {
  std::string base = "/tmp/iris-demo-XXXXXX";  // short: sockets lie below it
  if (mkdtemp(base.data()) == nullptr) fail("mkdtemp");
  directory_ = base + "/gw";

  // Waits for the end of this process, however it comes, and clears up. Its own
  // session: a Ctrl-C or a time-out that ends the test shall not end it.
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  alive_ = base::UniqueFd(ends[1]);
  const base::UniqueFd waits(ends[0]);
  guardian_ = fork();
  if (guardian_ < 0) fail("fork");
  if (guardian_ == 0) {
    setsid();
    dup2(waits.get(), STDIN_FILENO);
    const std::string script = "cat >/dev/null; '" IRIS_DEMO_GATEWAY_PATH "' stop '" + directory_ + "'; rmdir '" + base + "'";
    execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  run({IRIS_DEMO_GATEWAY_PATH, "start", directory_});
  name_ = run({IRIS_ENGINE_PATH, "netns", directory_ + "/engine"});
  net_namespace_ = open_namespace(name_);
}

DemoGateway::~DemoGateway() {
  device_.reset();
  net_namespace_.reset();
  alive_.reset();
  waitpid(guardian_, nullptr, 0);
}

void DemoGateway::wait_for_neighbour(const std::string& address) const {
  wait_until("neighbour " + address,
             [&] { return run({"ip", "-n", name_, "neighbour", "show", "to", address}).find("lladdr") != std::string::npos; },
             std::chrono::seconds(60));
}

void DemoGateway::add_factory_device(const std::string& address, const std::string& device_id) {
  // With a MAC address of its own, as another machine has.
  const std::string there = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(device_net_.fd());
  run({"ip", "-n", name_ + "-fab", "link", "add", "link", "uplink", "name", "device", "netns", there, "type", "macvlan", "mode", "bridge"});
  device_net_.shell("ip address add " + address + "/27 dev device && ip link set device up");
  Place place;
  place.net_namespace = device_net_.fd();
  device_ = std::make_unique<Child>(std::vector<std::string>{IRIS_DEMO_PATH, "leaf-device", "198.51.100.193:8883", device_id}, place);
}

}  // namespace iris::test
