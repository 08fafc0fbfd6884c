// SPDX-License-Identifier: Apache-2.0
#include "trace/net_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace iris::test {

NetNamespace::NetNamespace() {
  // A namespace belongs to a thread; this process stays where it is.
  std::thread([this] {
    if (unshare(CLONE_NEWNET) == 0) fd_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }).join();
  if (fd_ < 0) throw std::runtime_error("no network namespace of our own: are we root?");
  shell("ip link set lo up && echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets");
}

NetNamespace::~NetNamespace() {
  if (fd_ >= 0) close(fd_);
}

void NetNamespace::inside(const std::function<void()>& body) const {
  std::exception_ptr error;
  std::thread([&] {
    try {
      if (setns(fd_, CLONE_NEWNET) != 0) throw std::system_error(errno, std::generic_category(), "setns");
      body();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

void NetNamespace::shell(const std::string& command) const {
  inside([&command] {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  });
}

void NetNamespace::add_black_hole() const {
  // Frames for a neighbour that is not there: the far end of a pair that nobody reads.
  shell("ip link add hole type veth peer name bottom && ip link set bottom up && ip link set hole up && "
        "ip address add 198.51.100.1/24 dev hole && ip -6 address add 2001:db8:1::1/64 dev hole nodad && "
        "ip neighbour add 198.51.100.7 lladdr 02:00:00:00:00:07 dev hole && "
        "ip neighbour add 2001:db8:1::7 lladdr 02:00:00:00:00:07 dev hole");
}

}  // namespace iris::test
