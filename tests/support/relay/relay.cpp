// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace iris::test {
namespace {

constexpr int kTurnMs = 10;

sockaddr* plain(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

base::UniqueFd connect_to(const std::string& path) {
  base::UniqueFd end(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(end.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) end.reset();
  return end;
}

bool would_block() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Relay::Relay(std::string unix_path) : unix_path_(std::move(unix_path)) {
  listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_.get(), plain(address), size) != 0 || listen(listener_.get(), 16) != 0 ||
      getsockname(listener_.get(), plain(address), &size) != 0) {
    fail("the relay cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void Relay::cut() {
  const std::lock_guard lock(mutex_);
  settings_.cut = true;
}
void Relay::cut_after(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  settings_.cut_after_bytes = bytes;
}
void Relay::refuse(bool refused) {
  const std::lock_guard lock(mutex_);
  settings_.refused = refused;
}
void Relay::stall(bool stalled) {
  const std::lock_guard lock(mutex_);
  settings_.stalled = stalled;
}
void Relay::limit(std::uint64_t bytes_per_second) {
  const std::lock_guard lock(mutex_);
  settings_.bytes_per_second = bytes_per_second;
}
std::uint64_t Relay::cuts() const {
  const std::lock_guard lock(mutex_);
  return cuts_;
}
std::uint64_t Relay::forwarded_bytes() const {
  const std::lock_guard lock(mutex_);
  return forwarded_bytes_;
}

void Relay::run() {
  auto before = Clock::now();
  while (true) {
    Settings settings;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      settings = settings_;
      settings_.cut = false;
    }
    const auto now = Clock::now();
    turn(settings, std::chrono::duration<double>(now - before).count());
    before = now;
  }
}

void Relay::turn(const Settings& settings, double seconds) {
  if (settings.cut) reset_all();
  const bool moves = !settings.stalled && settings.bytes_per_second == 0;
  std::vector<pollfd> watched{{listener_.get(), POLLIN, 0}};
  for (const auto& pair : pairs_) {
    for (const auto& end : pair.ends) {
      if (moves) watched.push_back({end.get(), POLLIN, 0});
    }
  }
  poll(watched.data(), watched.size(), kTurnMs);
  if (watched[0].revents != 0) take_connection(settings);
  if (settings.stalled) return;
  for (auto pair = pairs_.begin(); pair != pairs_.end();) {
    const bool alive = forward(*pair, 0, settings, seconds) && forward(*pair, 1, settings, seconds);
    if (!alive) reset(*pair);
    pair = alive ? std::next(pair) : pairs_.erase(pair);
  }
}

void Relay::take_connection(const Settings& settings) {
  Pair pair;
  pair.ends[0].reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!pair.ends[0]) return;
  pair.ends[1] = settings.refused ? base::UniqueFd() : connect_to(unix_path_);
  if (!pair.ends[1]) return reset(pair);  // nobody behind us
  const int on = 1;
  setsockopt(pair.ends[0].get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  pairs_.push_back(std::move(pair));
}

bool Relay::forward(Pair& pair, std::size_t from, const Settings& settings, double seconds) {
  Way& way = pair.ways[from];
  const auto rate = static_cast<double>(settings.bytes_per_second);
  way.allowance = rate == 0 ? static_cast<double>(kBufferBytes) : std::min(way.allowance + seconds * rate, rate / 4 + 1);
  if (way.held == 0) {
    const ssize_t got = recv(pair.ends[from].get(), way.buffer.data(), way.buffer.size(), 0);
    if (got == 0 || (got < 0 && !would_block())) return false;
    way.held = got < 0 ? 0 : static_cast<std::size_t>(got);
  }
  std::size_t most = std::min(way.held, static_cast<std::size_t>(way.allowance));
  if (from == 0) most = std::min<std::uint64_t>(most, settings.cut_after_bytes);
  if (way.held == 0 || (most == 0 && settings.cut_after_bytes != 0)) return true;
  const ssize_t sent = send(pair.ends[1 - from].get(), way.buffer.data(), most, MSG_NOSIGNAL);
  if (sent < 0) return would_block();
  const auto size = static_cast<std::size_t>(sent);
  way.held -= size;
  way.allowance -= static_cast<double>(size);
  std::memmove(way.buffer.data(), way.buffer.data() + size, way.held);
  const std::lock_guard lock(mutex_);
  forwarded_bytes_ += size;
  if (from != 0 || settings_.cut_after_bytes == UINT64_MAX) return true;
  settings_.cut_after_bytes -= std::min<std::uint64_t>(settings_.cut_after_bytes, size);
  if (settings_.cut_after_bytes > 0) return true;
  settings_.cut_after_bytes = UINT64_MAX;
  return false;
}

void Relay::reset_all() {
  for (auto& pair : pairs_) reset(pair);
  pairs_.clear();
}

void Relay::reset(Pair& pair) {
  const linger now{1, 0};  // without what is still in the buffers
  setsockopt(pair.ends[0].get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  const std::lock_guard lock(mutex_);
  ++cuts_;
}

}  // namespace iris::test
