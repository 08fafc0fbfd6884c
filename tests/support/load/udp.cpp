// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "commands.h"

namespace iris::load {
namespace {

constexpr std::size_t kLargestDatagram = 65'536;
constexpr timeval kAnswerWithin{1, 0};

void echo_all(int fd, std::vector<char>& buffer, Truth& truth) {
  for (;;) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    auto* address = reinterpret_cast<sockaddr*>(&from);
    const ssize_t got = recvfrom(fd, buffer.data(), buffer.size(), 0, address, &length);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) ++truth.errors[errno];
      return;
    }
    ++truth.datagrams_received;
    truth.bytes_received += static_cast<std::uint64_t>(got);
    const ssize_t sent = sendto(fd, buffer.data(), static_cast<std::size_t>(got), 0, address, length);
    if (sent < 0) {
      ++truth.errors[errno];
      continue;
    }
    ++truth.datagrams_sent;
    truth.bytes_sent += static_cast<std::uint64_t>(sent);
  }
}

void exchange(const UdpOptions& options, std::size_t target, std::uint64_t pairs, Truth& truth) {
  const Endpoint& to = options.to[target];
  const int fd = socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket for " + to.text);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kAnswerWithin, sizeof kAnswerWithin);
  std::vector<char> out(options.size);
  std::vector<char> in(kLargestDatagram);
  if (options.connected && connect(fd, to.address(), to.length) != 0) {
    truth.connect_failed(errno);
    close(fd);
    return;
  }
  for (std::uint64_t i = 0; i < pairs; ++i) {
    const ssize_t sent = options.connected ? send(fd, out.data(), out.size(), 0)
                                           : sendto(fd, out.data(), out.size(), 0, to.address(), to.length);
    if (sent < 0) {
      truth.connect_failed(errno);
      continue;
    }
    ++truth.datagrams_sent;
    truth.bytes_sent += static_cast<std::uint64_t>(sent);
    const ssize_t got = recv(fd, in.data(), in.size(), 0);
    if (got < 0) {
      ++truth.datagrams_unanswered;
      ++truth.errors[errno];
      continue;
    }
    ++truth.datagrams_received;
    truth.bytes_received += static_cast<std::uint64_t>(got);
  }
  close(fd);
}

}  // namespace

Json run_udp_server(const std::vector<Endpoint>& listen, std::optional<std::chrono::milliseconds> duration) {
  block_stop_signals();
  const int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  std::vector<pollfd> polled{{stop_fd, POLLIN, 0}};
  for (const Endpoint& at : listen) polled.push_back({bind_udp(at), POLLIN, 0});

  const Stopwatch watch;
  Truth truth;
  std::jthread server([&polled, &truth] {
    std::vector<char> buffer(kLargestDatagram);
    for (;;) {
      if (poll(polled.data(), polled.size(), -1) < 0) continue;
      for (std::size_t i = 1; i < polled.size(); ++i) {
        if (polled[i].revents != 0) echo_all(polled[i].fd, buffer, truth);
      }
      if (polled[0].revents != 0) return;
    }
  });
  announce_ready();
  wait_for_stop(duration);
  const std::uint64_t one = 1;
  if (write(stop_fd, &one, sizeof one) != sizeof one) throw std::system_error(errno, std::generic_category(), "eventfd");
  server.join();
  Json json = truth.to_json();
  watch.add_to(json);
  for (const pollfd& entry : polled) close(entry.fd);
  return json;
}

std::vector<Truth> run_udp_client(const UdpOptions& options) {
  const std::size_t jobs = options.to.size() * options.threads;
  std::vector<Truth> truths(jobs);
  {
    std::vector<std::jthread> threads;
    for (std::size_t job = 0; job < jobs; ++job) {
      const std::uint64_t pairs = options.pairs / jobs + (job < options.pairs % jobs ? 1 : 0);
      threads.emplace_back([&options, &truth = truths[job], job, pairs] {
        exchange(options, job % options.to.size(), pairs, truth);
      });
    }
  }
  std::vector<Truth> sums(options.to.size());
  for (std::size_t job = 0; job < jobs; ++job) sums[job % options.to.size()] += truths[job];
  return sums;
}

}  // namespace iris::load
