// SPDX-License-Identifier: Apache-2.0
#include "notify/udp_socket.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/ip_address.h"

namespace iris::notify {
namespace {

using Clock = UdpSocket::Clock;

/// After that the name is looked up again: nothing tells that the receiver has moved.
constexpr std::chrono::minutes kLifetime{5};

struct AddressesCloser {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, AddressesCloser>;

/// A look-up in a thread of its own, which may outlive us: nothing ends getaddrinfo().
struct Lookup {
  std::string host;
  std::string service;
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;  // guarded by mutex, as what follows
  int result = 0;
  Addresses found;

  void run() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICSERV | (base::IpAddress::parse(host) ? AI_NUMERICHOST : AI_ADDRCONFIG);
    addrinfo* list = nullptr;
    const int code = getaddrinfo(host.c_str(), service.c_str(), &hints, &list);
    const std::lock_guard lock(mutex);
    result = code;
    if (code == 0) found.reset(list);
    done = true;
    finished.notify_all();
  }
};

base::Result<Addresses> look_up(const SyslogTarget& target, Clock::time_point deadline) {
  const auto lookup = std::make_shared<Lookup>();
  lookup->host = target.host;
  lookup->service = std::to_string(target.port);
  if (base::IpAddress::parse(target.host)) {
    lookup->run();  // asks nobody
  } else {
    std::thread([lookup] { lookup->run(); }).detach();
  }
  std::unique_lock lock(lookup->mutex);
  if (!lookup->finished.wait_until(lock, deadline, [&lookup] { return lookup->done; })) {
    return base::fail("no answer from the name servers");
  }
  if (lookup->result != 0) return base::fail(std::string("the name cannot be resolved: ") + gai_strerror(lookup->result));
  return std::move(lookup->found);
}

}  // namespace

base::Result<void> UdpSocket::open(Clock::time_point deadline) {
  const auto addresses = look_up(target_, deadline);
  if (!addresses) return tl::unexpected(addresses.error());
  int error = EADDRNOTAVAIL;
  for (const addrinfo* item = addresses->get(); item != nullptr; item = item->ai_next) {
    base::UniqueFd fd(::socket(item->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // Connected, so that the kernel tells when there is no way or nobody listens.
    if (fd && ::connect(fd.get(), item->ai_addr, item->ai_addrlen) == 0) {
      fd_ = std::move(fd);
      opened_ = Clock::now();
      return {};
    }
    error = errno;
  }
  return base::fail_errno("no way to it", error);
}

base::Result<void> UdpSocket::send(std::string_view datagram, Clock::time_point deadline) {
  const auto failed = [this](base::Error error) { return base::with_context(target_.host_and_port(), std::move(error)); };
  if (fd_ && Clock::now() - opened_ > kLifetime) fd_.reset();
  if (!fd_) {
    if (auto opened = open(deadline); !opened) return failed(opened.error());
  }
  if (::send(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) return {};
  const int error = errno;
  // "Refused" is the answer to the datagram before; the socket is sound.
  if (error != ECONNREFUSED) fd_.reset();
  return failed(base::fail_errno("cannot send", error).value());
}

}  // namespace iris::notify
