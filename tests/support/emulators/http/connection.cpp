// SPDX-License-Identifier: Apache-2.0
#include "emulators/http/connection.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace iris::emulator {
namespace {

constexpr std::size_t kMaxHeadBytes = 256 * 1024;
constexpr std::size_t kCutInHeadBytes = 12;  // "HTTP/1.1 200"

bool ready(int socket, short events, int timeout_ms) {
  pollfd descriptor{socket, events, 0};
  return poll(&descriptor, 1, timeout_ms) == 1 && (descriptor.revents & events) != 0;
}

}  // namespace

bool OpenSockets::add(int socket) {
  const std::lock_guard lock(mutex_);
  if (!ended_) sockets_.insert(socket);
  return !ended_;
}

void OpenSockets::close(int socket) {
  const std::lock_guard lock(mutex_);
  sockets_.erase(socket);
  ::close(socket);  // under the lock: its number may be another's at once
}

void OpenSockets::end_all() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  end_.notify_all();
}

bool OpenSockets::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

bool OpenSockets::wait_for_end(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  return end_.wait_for(lock, most, [this] { return ended_; });
}

Connection::Connection(int socket, SSL_CTX* tls, OpenSockets& open) : socket_(socket), open_(open) {
  const timeval limit{10, 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (tls != nullptr) {
    ssl_.reset(SSL_new(tls));
    if (ssl_) SSL_set_fd(ssl_.get(), socket);
  }
}

Connection::~Connection() {
  if (ssl_ && !cut_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool Connection::open() { return !ssl_ || SSL_accept(ssl_.get()) == 1; }

bool Connection::wait_for_request(std::chrono::milliseconds most) {
  return begin_ < end_ || (ssl_ && SSL_pending(ssl_.get()) > 0) || ready(socket_, POLLIN, static_cast<int>(most.count()));
}

void Connection::misbehave(const WireFault& fault) {
  fault_ = fault;
  head_written_ = false;
}

void Connection::answer_done() {
  fault_ = {};
  head_.clear();
  head_complete_ = false;
}

bool Connection::is_readable() const {
  return begin_ < end_ || (ssl_ && SSL_pending(ssl_.get()) > 0) || ready(socket_, POLLIN, 10'000);
}
bool Connection::is_writable() const { return !cut_ && ready(socket_, POLLOUT, 10'000); }

bool Connection::fill() {
  ERR_clear_error();
  const ssize_t got = ssl_ ? SSL_read(ssl_.get(), buffer_.data(), static_cast<int>(buffer_.size()))
                           : recv(socket_, buffer_.data(), buffer_.size(), 0);
  begin_ = 0;
  end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
  return got > 0;
}

ssize_t Connection::read(char* into, std::size_t size) {
  if (begin_ == end_ && !fill()) return 0;
  const auto taken = std::min(size, end_ - begin_);
  std::memcpy(into, buffer_.data() + begin_, taken);
  begin_ += taken;
  for (std::size_t i = 0; i < taken && !head_complete_; ++i) {
    head_ += into[i];
    head_complete_ = head_.ends_with("\r\n\r\n") || head_.size() > kMaxHeadBytes;
  }
  return static_cast<ssize_t>(taken);
}

bool Connection::write_all(const char* from, std::size_t size) {
  while (size > 0) {
    const auto piece = std::min<std::size_t>(size, 1 << 20);
    ERR_clear_error();
    const ssize_t put = ssl_ ? SSL_write(ssl_.get(), from, static_cast<int>(piece)) : send(socket_, from, piece, MSG_NOSIGNAL);
    if (put <= 0) return false;
    from += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

bool Connection::write_slowly(const char* from, std::size_t size) {
  while (size > 0) {
    const auto piece = std::min(size, fault_.piece_bytes);
    if (!write_all(from, piece) || open_.wait_for_end(fault_.pause)) return false;
    from += piece;
    size -= piece;
  }
  return true;
}

// The library writes an answer's head first, in one piece, and then its body.
ssize_t Connection::write(const char* from, std::size_t size) {
  if (cut_) return -1;
  const bool body = head_written_;
  head_written_ = true;
  if (!body && fault_.delay.count() > 0 && open_.wait_for_end(fault_.delay)) return -1;
  using Cut = WireFault::Cut;
  std::size_t allowed = size;
  if (fault_.cut == Cut::before_answer) allowed = 0;
  if (fault_.cut == Cut::in_head) allowed = std::min(size, kCutInHeadBytes);
  if (fault_.cut == Cut::in_body && body) allowed = size / 2;
  cut_ = allowed < size;
  const bool slow = body && fault_.piece_bytes > 0;
  const bool written = slow ? write_slowly(from, allowed) : write_all(from, allowed);
  return written && !cut_ ? static_cast<ssize_t>(size) : -1;
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = "127.0.0.1";  // for the library's log alone
  port = 0;
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const { get_remote_ip_and_port(ip, port); }

}  // namespace iris::emulator
