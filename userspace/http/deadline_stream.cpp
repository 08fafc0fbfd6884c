// SPDX-License-Identifier: Apache-2.0
#include "http/deadline_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace iris::http {

DeadlineStream::DeadlineStream(int socket, const PeerLimits& limits)
    : socket_(socket), limits_(limits), request_until_(Clock::now() + limits.request) {}

bool DeadlineStream::ready(short events, Clock::time_point until) const {
  pollfd waited{socket_, events, 0};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return false;
    const int count = ::poll(&waited, 1, static_cast<int>(left.count()));
    if (count < 0 && errno == EINTR) continue;
    return count > 0;
  }
}

bool DeadlineStream::is_readable() const { return begin_ < end_ || ready(POLLIN, request_until_); }

bool DeadlineStream::is_writable() const { return ready(POLLOUT, Clock::now() + limits_.silence); }

ssize_t DeadlineStream::read(char* into, std::size_t size) {
  if (begin_ == end_) {
    if (!ready(POLLIN, request_until_)) return -1;
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) return got;
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
  }
  const std::size_t count = std::min(size, end_ - begin_);
  std::memcpy(into, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

DeadlineStream::Clock::time_point DeadlineStream::answer_until() {
  if (!answer_until_) answer_until_ = Clock::now() + limits_.answer;
  return *answer_until_;
}

ssize_t DeadlineStream::write(const char* from, std::size_t size) {
  const auto until = answer_until();
  for (std::size_t done = 0; done < size;) {
    if (!ready(POLLOUT, std::min(until, Clock::now() + limits_.silence))) return -1;
    const ssize_t sent = ::send(socket_, from + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno != EAGAIN && errno != EINTR) {
      return -1;
    }
  }
  return static_cast<ssize_t>(size);
}

// Nobody here asks who the peer is.
void DeadlineStream::get_remote_ip_and_port(std::string&, int&) const {}
void DeadlineStream::get_local_ip_and_port(std::string&, int&) const {}

}  // namespace iris::http
