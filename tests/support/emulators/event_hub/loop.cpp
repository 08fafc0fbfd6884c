// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <stdexcept>

namespace iris::event_hub_emulator {
namespace {

constexpr std::size_t kMaxReaders = 5;

base::UniqueFd listen_on_loopback(std::uint16_t& port) {
  base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(fd.get(), 64) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

Loop::Loop(Options chosen, Emulator& emulator)
    : options(std::move(chosen)), emulator_(emulator), domain_(nullptr, pn_ssl_domain_free),
      waker_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (std::size_t i = 0; i < options.partitions; ++i) hub.partitions[std::to_string(i)];
  for (std::string group : options.groups) {
    std::transform(group.begin(), group.end(), group.begin(), [](unsigned char c) { return std::tolower(c); });
    hub.groups.insert(group);
  }
  hub.created_ms = now_ms();
  plain_listener_ = listen_on_loopback(plain_port_);
  if (options.certificate_file.empty()) return;
  domain_.reset(pn_ssl_domain(PN_SSL_MODE_SERVER));
  if (pn_ssl_domain_set_credentials(domain_.get(), options.certificate_file.c_str(), options.key_file.c_str(), nullptr) != 0) {
    throw std::runtime_error("cannot read the certificate " + options.certificate_file);
  }
  tls_listener_ = listen_on_loopback(tls_port_);
}

Loop::~Loop() = default;

std::int64_t Loop::now_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

void Loop::note(const std::function<void(Seen&)>& change) {
  const std::lock_guard lock(emulator_.mutex_);
  change(emulator_.seen_);
  emulator_.changed_.notify_all();
}

void Loop::accept(int listener, bool tls) {
  while (true) {
    base::UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connections.push_back(std::make_unique<Connection>(*this, std::move(fd), tls ? domain_.get() : nullptr));
    note([](Seen& seen) { ++seen.connections, ++seen.open; });
  }
}

void Loop::run() {
  while (true) {
    std::vector<pollfd> items = {{waker_.get(), POLLIN, 0}, {plain_listener_.get(), POLLIN, 0}};
    if (tls_listener_) items.push_back({tls_listener_.get(), POLLIN, 0});
    const std::size_t first = items.size();
    std::vector<Connection*> polled;
    int patience = 60'000;
    for (const auto& connection : connections) {
      patience = std::min(patience, connection->patience());
      if (const short events = connection->wanted_events(); events != 0) {
        items.push_back({connection->fd(), events, 0});
        polled.push_back(connection.get());
      }
    }
    poll(items.data(), items.size(), patience);
    if ((items[0].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = read(waker_.get(), &count, sizeof(count));
    }
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if ((items[first + i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) polled[i]->on_readable();
    }
    accept(plain_listener_.get(), false);
    if (tls_listener_) accept(tls_listener_.get(), true);
    std::vector<std::function<void()>> actions;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      actions.swap(actions_);
      stopping = stopping_;
    }
    for (const auto& action : actions) action();
    if (stopping) return;
    // A thief's detaches go out on other connections than its own: twice round.
    for (int round = 0; round < 2; ++round) {
      connections.remove_if([this](const auto& connection) {
        if (connection->work()) return false;
        note([](Seen& seen) { --seen.open; });
        return true;
      });
    }
  }
}

void Loop::call(const std::function<void(Loop&)>& action) {
  std::promise<void> done;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    actions_.push_back([&] {
      action(*this);
      done.set_value();
    });
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(waker_.get(), &one, sizeof(one));
  done.get_future().wait();
}

void Loop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(waker_.get(), &one, sizeof(one));
}

Partition* Loop::partition_of(const std::string& name, const std::string& partition) {
  if (name != options.hub) return nullptr;
  const auto found = hub.partitions.find(partition);
  return found == hub.partitions.end() ? nullptr : &found->second;
}

std::optional<Refusal> Loop::admit(Reader& reader) {
  if (!hub.groups.contains(reader.group)) {
    return Refusal{"amqp:not-found", "The messaging entity 'sb:" + options.hub + "/ConsumerGroups/" + reader.group + "' could not be found."};
  }
  if (partition_of(options.hub, reader.partition) == nullptr) {
    return Refusal{"com.microsoft:argument-out-of-range",
                   "The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and " +
                       std::to_string(hub.partitions.size() - 1) + "."};
  }
  for (Fault& fault : attach_faults) {
    if (fault.count == 0 || (!fault.partition.empty() && fault.partition != reader.partition)) continue;
    --fault.count;
    return fault.refusal;
  }
  std::vector<Reader*> others;
  for (const auto& connection : connections) {
    for (Reader& other : connection->readers()) {
      if (other.group == reader.group && other.partition == reader.partition) others.push_back(&other);
    }
  }
  const Refusal stolen = {"amqp:link:stolen", "New receiver with higher epoch of '" +
                              std::to_string(reader.epoch.value_or(0)) + "' is created hence current receiver is getting disconnected."};
  for (const Reader* other : others) {
    if (!other->epoch) continue;
    if (!reader.epoch || *reader.epoch < *other->epoch) {
      return Refusal{"amqp:link:stolen", "At least one receiver for the endpoint is created with epoch of '" +
                                             std::to_string(*other->epoch) + "', and so a receiver without or with a lower one is not allowed."};
    }
  }
  if (reader.epoch) {
    for (Reader* other : others) other->connection->detach(*other, stolen);
  } else if (others.size() >= kMaxReaders) {
    return Refusal{"amqp:resource-limit-exceeded",
                   "Exceeded the maximum number of allowed receivers per partition in a consumer group which is 5."};
  }
  return std::nullopt;
}

}  // namespace iris::event_hub_emulator
