// SPDX-License-Identifier: Apache-2.0
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <system_error>

#include "commands.h"

namespace iris::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kInFlight = 2000;
// One SYN and, as the user time-out says, no second wait: ETIMEDOUT after about a second.
constexpr int kSynCount = 1;
constexpr unsigned kUserTimeoutMs = 1000;

struct Attempt {
  int fd = -1;
  std::size_t target = 0;
  Clock::time_point started;
};

int start_connect(const Endpoint& to, Truth& truth) {
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    ++truth.errors[errno];
    return -1;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &kSynCount, sizeof kSynCount);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
  ++truth.attempts;
  if (connect(fd, to.address(), to.length) == 0) {
    ++truth.established;  // not the black hole that the caller promised
    ++truth.closed;
  } else if (errno == EINPROGRESS) {
    return fd;
  } else {
    truth.connect_failed(errno);
  }
  close(fd);
  return -1;
}

void take_result(int fd, Truth& truth) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    truth.connect_failed(error);
  } else {
    ++truth.established;
    ++truth.closed;
  }
}

}  // namespace

std::vector<Truth> run_timeouts(const TimeoutOptions& options) {
  std::vector<Truth> truths(options.to.size());
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  std::vector<Attempt> by_fd;
  std::deque<int> in_order_of_start;  // descriptors; a finished one has another start time or fd -1
  std::uint64_t started = 0;
  std::size_t in_flight = 0;

  while (started < options.connections || in_flight > 0) {
    while (started < options.connections && in_flight < kInFlight) {
      const std::size_t target = started++ % options.to.size();
      const int fd = start_connect(options.to[target], truths[target]);
      if (fd < 0) continue;
      const auto slot = static_cast<std::size_t>(fd);
      if (by_fd.size() <= slot) by_fd.resize(slot * 2 + 64);
      by_fd[slot] = Attempt{fd, target, Clock::now()};
      in_order_of_start.push_back(fd);
      epoll_event event{};
      event.events = EPOLLOUT;
      event.data.fd = fd;
      epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
      ++in_flight;
    }
    std::array<epoll_event, 256> events{};
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), options.give_up ? 5 : 100);
    for (int i = 0; i < count; ++i) {
      Attempt& attempt = by_fd[static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.fd)];
      take_result(attempt.fd, truths[attempt.target]);
      close(attempt.fd);
      attempt.fd = -1;
      --in_flight;
    }
    if (!options.give_up) continue;
    const auto latest = Clock::now() - *options.give_up;
    while (!in_order_of_start.empty()) {
      Attempt& attempt = by_fd[static_cast<std::size_t>(in_order_of_start.front())];
      if (attempt.fd >= 0 && attempt.started > latest) break;
      in_order_of_start.pop_front();
      if (attempt.fd < 0) continue;
      ++truths[attempt.target].given_up;
      close(attempt.fd);
      attempt.fd = -1;
      --in_flight;
    }
  }
  close(epoll);
  return truths;
}

}  // namespace iris::load
