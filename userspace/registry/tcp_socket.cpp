// SPDX-License-Identifier: Apache-2.0
#include "registry/tcp_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace iris::registry {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kLookStep{50};
constexpr milliseconds kPerAddress{10'000};
constexpr std::size_t kMaxAddresses = 8;

/// A look-up in a thread of its own, which may outlive us when the name servers are silent:
/// nothing ends getaddrinfo(). (getaddrinfo_a() has such a thread, too, but one that no
/// sanitizer knows.)
struct Lookup {
  std::string host;
  std::string service;
  addrinfo hints{};
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;  // guarded by mutex, as what follows
  int result = 0;
  addrinfo* found = nullptr;
  ~Lookup() {
    if (found != nullptr) freeaddrinfo(found);
  }
  void run() {
    addrinfo* list = nullptr;
    const int code = getaddrinfo(host.c_str(), service.c_str(), &hints, &list);
    const std::lock_guard lock(mutex);
    result = code;
    found = code == 0 ? list : nullptr;
    done = true;
    finished.notify_all();
  }
};

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

base::IpAddress ip_of(const sockaddr* address) {
  base::IpAddress ip;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof(v4));
    ip.bytes[10] = ip.bytes[11] = 0xff;
    std::memcpy(ip.bytes.data() + 12, &v4.sin_addr, 4);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof(v6));
    std::memcpy(ip.bytes.data(), &v6.sin6_addr, 16);
  }
  return ip;
}

using Reason = ConnectError::Reason;
template <typename T>
using Connected = tl::expected<T, ConnectError>;

tl::unexpected<ConnectError> fail(Reason reason, std::string message) {
  return tl::unexpected<ConnectError>({reason, std::move(message)});
}

tl::unexpected<ConnectError> no_connection(int error_number) {
  return fail(Reason::no_connection, "cannot connect: " + std::generic_category().message(error_number));
}

Connected<std::vector<Address>> look_up(const Endpoint& endpoint, Clock::time_point deadline,
                                        const std::atomic<bool>& interrupted) {
  const auto lookup = std::make_shared<Lookup>();
  lookup->host = endpoint.host;
  lookup->service = std::to_string(endpoint.port);
  lookup->hints.ai_socktype = SOCK_STREAM;
  lookup->hints.ai_flags = AI_NUMERICSERV;
  if (base::IpAddress::parse(endpoint.host)) {
    lookup->hints.ai_flags |= AI_NUMERICHOST;
    lookup->run();  // asks nobody
  } else {
    std::thread([lookup] { lookup->run(); }).detach();
  }
  std::unique_lock lock(lookup->mutex);
  while (!lookup->done) {
    if (interrupted) return fail(Reason::interrupted, "interrupted");
    if (Clock::now() >= deadline) return fail(Reason::no_names, "no answer from the name servers for " + endpoint.host);
    lookup->finished.wait_for(lock, kLookStep);
  }
  if (lookup->result != 0) {
    return fail(Reason::no_such_name, "cannot look up " + endpoint.host + ": " + gai_strerror(lookup->result));
  }
  std::vector<Address> addresses;
  for (const addrinfo* item = lookup->found; item != nullptr && addresses.size() < kMaxAddresses; item = item->ai_next) {
    if (item->ai_family != AF_INET && item->ai_family != AF_INET6) continue;
    Address& address = addresses.emplace_back();
    std::memcpy(&address.bytes, item->ai_addr, std::min<std::size_t>(item->ai_addrlen, sizeof(address.bytes)));
    address.size = item->ai_addrlen;
  }
  if (addresses.empty()) return fail(Reason::no_such_name, "cannot look up " + endpoint.host + ": no address");
  return addresses;
}

Connected<base::UniqueFd> connect_one(const Address& address, Clock::time_point deadline, const Waker& waker,
                                      const std::atomic<bool>& interrupted) {
  base::UniqueFd fd(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return no_connection(errno);
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0) return fd;
  if (errno != EINPROGRESS) return no_connection(errno);
  while (true) {
    const auto rest = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (interrupted) return fail(Reason::interrupted, "interrupted");
    if (rest <= milliseconds(0)) return fail(Reason::timed_out, "cannot connect: no answer");
    pollfd items[] = {{fd.get(), POLLOUT, 0}, {waker.fd(), POLLIN, 0}};
    poll(items, 2, static_cast<int>(rest.count()));
    if ((items[1].revents & POLLIN) != 0) waker.clear();
    if (items[0].revents == 0) continue;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return no_connection(error);
    return fd;
  }
}

}  // namespace

Waker::Waker() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void Waker::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(fd_.get(), &one, sizeof(one));  // full: it is awake
}

void Waker::clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(fd_.get(), &count, sizeof(count));
}

std::optional<Endpoint> parse_endpoint(const std::string& text, std::uint16_t default_port) {
  Endpoint endpoint{text, default_port};
  std::string port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) return std::nullopt;
    endpoint.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return std::nullopt;
      port = text.substr(end + 2);
      if (port.empty()) return std::nullopt;
    }
  } else if (const auto colon = text.find(':'); colon != std::string::npos && text.find(':', colon + 1) == std::string::npos) {
    endpoint.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return std::nullopt;
  }
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  }
  if (endpoint.host.empty() || endpoint.port == 0) return std::nullopt;
  return endpoint;
}

tl::expected<base::UniqueFd, ConnectError> connect_tcp(const Endpoint& endpoint, const ConnectOptions& options,
                                                       const Waker& waker, const std::atomic<bool>& interrupted) {
  const auto deadline = Clock::now() + options.timeout;
  const auto addresses = look_up(endpoint, deadline, interrupted);
  if (!addresses) return tl::unexpected(addresses.error());
  ConnectError last;
  for (const Address& address : *addresses) {
    const base::IpAddress ip = ip_of(reinterpret_cast<const sockaddr*>(&address.bytes));
    if (options.only_local && !ip.is_loopback() && !ip.is_site_local()) {
      last = {Reason::not_local, "the development emulator is reached without encryption, so only on this host "
                                 "or a private network, not at " + ip.to_string()};
      continue;
    }
    auto fd = connect_one(address, std::min(deadline, Clock::now() + kPerAddress), waker, interrupted);
    if (fd) return fd;
    last = fd.error();
    last.message += " (" + ip.to_string() + ", port " + std::to_string(endpoint.port) + ")";
    if (interrupted) break;
  }
  return tl::unexpected(last);
}

}  // namespace iris::registry
