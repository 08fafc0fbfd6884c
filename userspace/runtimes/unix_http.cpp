// SPDX-License-Identifier: Apache-2.0
#include "runtimes/unix_http.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "base/unique_fd.h"
#include "http/response_reader.h"
#include "runtimes/label_policy.h"

namespace iris::runtimes {
namespace {

using Clock = std::chrono::steady_clock;
using State = http::ResponseReader::State;
using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{3000};
constexpr milliseconds kBusyStep{20};  // until a full queue of connections is tried again
constexpr milliseconds kLongWait{60'000};
constexpr std::size_t kReadBytes = 16u << 10;
constexpr int kMaxReads = 16;  // in one step

std::string explain(int error_number) {
  if (error_number == EACCES || error_number == EPERM) {
    return "permission denied: run as root or as a member of the socket's group";
  }
  if (error_number == ECONNREFUSED) return "nobody listens on the socket: the daemon is not running";
  if (error_number == ENOENT) return "the socket is gone: the daemon is not running";
  return std::generic_category().message(error_number);
}

std::string header(const http::ResponseReader& reader, const char* name) {
  const auto found = reader.headers().find(name);
  return found == reader.headers().end() ? std::string() : clean_text(found->second, 64);
}

/// One request on a connection of its own. Never blocks: step() goes on as far as it can.
class Transfer {
 public:
  Transfer(const std::string& path, std::optional<Clock::time_point> until, std::size_t max_body_bytes,
           std::function<void(std::string_view)> on_data)
      : request_("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: iris\r\nAccept: */*\r\n" +
                 (on_data ? "" : "Connection: close\r\n") + "\r\n"),
        until_(until), connect_until_(Clock::now() + kConnectTimeout), max_body_bytes_(max_body_bytes),
        on_data_(std::move(on_data)), reader_([this](std::string_view piece) { return take(piece); }) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool done() const { return done_; }
  const UnixHttp::Response& response() const { return response_; }
  UnixHttp::Response take_response() { return std::move(response_); }

  void step(const std::string& socket_path) {
    if (!done_ && !connected_) connect_to(socket_path);
    while (!done_ && connected_ && !request_.empty() && send_some()) {
    }
    // Not for ever: a stop and the other transfer have their turn, too.
    for (int reads = 0; reads < kMaxReads && !done_ && connected_ && receive_some(); ++reads) {
    }
    const auto now = Clock::now();
    if (!done_ && ((until_ && now >= *until_) || (!connected_ && now >= connect_until_))) fail("no answer in time: the daemon hangs");
  }

  /// What step() waits for; fd -1: only the time.
  pollfd wanted() const {
    return {done_ || !connected_ ? -1 : socket_.get(), static_cast<short>(request_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
  }
  Clock::time_point next() const {
    if (done_) return Clock::time_point::max();
    if (!connected_) return Clock::now() + kBusyStep;
    return until_.value_or(Clock::time_point::max());
  }

 private:
  void connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return fail("the path of the socket is too long");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (!socket_) socket_ = base::UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return fail(explain(errno));
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      connected_ = true;
    } else if (errno != EAGAIN && errno != EINTR) {  // EAGAIN: its queue is full
      fail(explain(errno));
    }
  }

  bool send_some() {
    const auto sent = send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      request_.erase(0, static_cast<std::size_t>(sent));
      return true;
    }
    if (errno == EINTR) return true;
    if (errno == EPIPE || errno == ECONNRESET) request_.clear();  // its answer may be there
    else if (errno != EAGAIN) fail(explain(errno));
    return false;
  }

  bool receive_some() {
    std::array<char, kReadBytes> piece;
    const auto got = recv(socket_.get(), piece.data(), piece.size(), 0);
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) fail(errno == ECONNRESET ? "the connection was closed" : explain(errno));
      return errno == EINTR && !done_;
    }
    const State state = got == 0 ? reader_.end_of_input() : reader_.feed({piece.data(), static_cast<std::size_t>(got)});
    if (state == State::failed) {
      fail(too_large_ ? "the answer is larger than " + std::to_string(max_body_bytes_) + " bytes" : reader_.error());
    } else if (state == State::done) {
      finish();
    }
    return !done_;
  }

  bool take(std::string_view piece) {
    if (on_data_ && reader_.status() == 200) {
      on_data_(piece);
      return true;
    }
    too_large_ = response_.body.size() + piece.size() > max_body_bytes_;
    if (!too_large_) response_.body.append(piece);
    return !too_large_;
  }

  void finish() {
    done_ = true;
    socket_.reset();
    response_.status = static_cast<long>(reader_.status());
    response_.api_version = header(reader_, "api-version");
    response_.server = header(reader_, "server");
  }

  void fail(std::string error) {
    done_ = true;
    socket_.reset();
    response_.status = 0;
    response_.error = std::move(error);
  }

  std::string request_;  // what of it has not been sent
  const std::optional<Clock::time_point> until_;
  const Clock::time_point connect_until_;
  const std::size_t max_body_bytes_;
  const std::function<void(std::string_view)> on_data_;  // of the stream
  base::UniqueFd socket_;
  bool connected_ = false;
  bool done_ = false;
  bool too_large_ = false;
  UnixHttp::Response response_;
  http::ResponseReader reader_;
};

}  // namespace

class UnixHttp::Impl {
 public:
  Impl(std::string socket_path, const std::atomic<bool>& stop)
      : socket_path_(std::move(socket_path)), stop_(stop), waker_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  /// Everything that is under way, once around; waits at most that long for something to do.
  void step(Transfer* transfer, milliseconds wait) {
    advance(transfer);
    if (stop_ || (transfer != nullptr && transfer->done()) || wait <= milliseconds(0)) return;
    const auto now = Clock::now();
    auto until = now + wait;
    std::array<pollfd, 3> items{pollfd{waker_.get(), POLLIN, 0}, pollfd{-1, 0, 0}, pollfd{-1, 0, 0}};
    for (auto* one : {transfer, stream_ ? &*stream_ : nullptr}) {
      if (one == nullptr) continue;
      items[one == transfer ? 1 : 2] = one->wanted();
      until = std::min(until, one->next());
    }
    const auto left = std::max(std::chrono::ceil<milliseconds>(until - now), milliseconds(0));
    poll(items.data(), items.size(), static_cast<int>(left.count()));
    if (items[0].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = read(waker_.get(), &count, sizeof(count));
    }
    advance(transfer);
  }

  Response get(const std::string& path, milliseconds timeout, std::size_t max_body_bytes) {
    Transfer transfer(path, Clock::now() + timeout, max_body_bytes, {});
    while (!transfer.done() && !stop_) step(&transfer, kLongWait);
    Response response = transfer.take_response();
    if (!transfer.done()) response.error = "stopped";
    return response;
  }

  void open_stream(const std::string& path, std::function<void(std::string_view)> on_data) {
    stream_.emplace(path, std::nullopt, 4096, std::move(on_data));  // the bytes of an error's text
    advance(nullptr);
  }

  bool stream_open() const { return stream_ && !stream_->done(); }
  const Response& stream_response() const { return stream_->response(); }
  bool has_stream() const { return stream_.has_value(); }
  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(waker_.get(), &one, sizeof(one));
  }

 private:
  void advance(Transfer* transfer) {
    if (stream_) stream_->step(socket_path_);
    if (transfer != nullptr) transfer->step(socket_path_);
  }

  const std::string socket_path_;
  const std::atomic<bool>& stop_;
  const base::UniqueFd waker_;
  std::optional<Transfer> stream_;
};

UnixHttp::UnixHttp(std::string socket_path, const std::atomic<bool>& stop)
    : impl_(std::make_unique<Impl>(std::move(socket_path), stop)) {}
UnixHttp::~UnixHttp() = default;

UnixHttp::Response UnixHttp::get(const std::string& path, milliseconds timeout, std::size_t max_body_bytes) {
  return impl_->get(path, timeout, max_body_bytes);
}

void UnixHttp::open_stream(const std::string& path, std::function<void(std::string_view)> on_data) {
  impl_->open_stream(path, std::move(on_data));
}

void UnixHttp::wait(milliseconds timeout) { impl_->step(nullptr, timeout); }

bool UnixHttp::stream_open() const { return impl_->stream_open(); }

std::string UnixHttp::stream_error() const {
  if (!impl_->has_stream()) return "the connection was closed";
  const Response& response = impl_->stream_response();
  if (!response.error.empty()) return response.error;
  if (response.status != 0 && response.status != 200) return "status " + std::to_string(response.status);
  return "the connection was closed";
}

void UnixHttp::wake() { impl_->wake(); }

}  // namespace iris::runtimes
