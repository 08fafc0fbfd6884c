// SPDX-License-Identifier: Apache-2.0
#include "capture/event_reader.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <thread>

namespace iris::capture {
namespace {

constexpr std::size_t kPollBudget = 1U << 16;
constexpr std::size_t kNoBudget = std::numeric_limits<std::size_t>::max();
constexpr std::chrono::milliseconds kStragglerPatience{500};
// libbpf hands a negative callback value through; none of its own errors is this one.
constexpr int kStop = -ECANCELED;

}  // namespace

base::Result<void> EventReader::open(int ring_map_fd) {
  ring_.reset(ring_buffer__new(ring_map_fd, on_record, this, nullptr));
  if (ring_ == nullptr) return base::fail_errno("cannot map the ring buffer", errno);
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_ || !wake_) return base::fail_errno("cannot create the descriptors to wait with", errno);
  // Edge triggered, unlike libbpf's own: only a wake-up that the programs asked for ends the wait, not each
  // record that happens to lie there.
  epoll_event ring_event{};
  ring_event.events = EPOLLIN | EPOLLET;
  ring_event.data.fd = ring_map_fd;
  epoll_event wake_event{};
  wake_event.events = EPOLLIN;
  wake_event.data.fd = wake_.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, ring_map_fd, &ring_event) != 0 ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &wake_event) != 0) {
    return base::fail_errno("cannot wait for the ring buffer", errno);
  }
  return {};
}

int EventReader::on_record(void* context, void* data, std::size_t size) {
  auto& reader = *static_cast<EventReader*>(context);
  const auto& event = *static_cast<const iris_event_header*>(data);
  const unsigned window = event.window & 1U;
  (*reader.handler_)(event, size);
  const bool complete = ++reader.events_read_[window] >= reader.stop_at_[window];
  return ++reader.handled_ >= reader.budget_ || complete ? kStop : 0;
}

base::Result<std::size_t> EventReader::consume(std::size_t budget, const EventHandler& handler) {
  handler_ = &handler;
  handled_ = 0;
  budget_ = budget;
  const int result = ring_buffer__consume(ring_.get());
  handler_ = nullptr;
  left_some_ = result == kStop;
  if (result < 0 && result != kStop) return base::fail_errno("cannot read the ring buffer", -result);
  return handled_;
}

base::Result<std::size_t> EventReader::poll(std::chrono::milliseconds timeout, const EventHandler& handler) {
  std::array<epoll_event, 2> ready{};
  const int count = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()),
                               left_some_ ? 0 : static_cast<int>(timeout.count()));
  if (count < 0) {
    if (errno == EINTR) return 0;
    return base::fail_errno("cannot wait for events", errno);
  }
  bool woken = false;
  for (int i = 0; i < count; ++i) {
    if (ready[static_cast<std::size_t>(i)].data.fd == wake_.get()) {
      std::uint64_t times = 0;
      woken = ::read(wake_.get(), &times, sizeof(times)) > 0;
    } else {
      ++wakeups_;
    }
  }
  if (woken && count == 1) return 0;
  return consume(kPollBudget, handler);
}

void EventReader::wake() {
  const std::uint64_t once = 1;
  // Fails only when a wake-up is pending already.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &once, sizeof(once));
}

base::Result<void> EventReader::read_window(unsigned window, std::uint64_t wanted, const EventHandler& handler) {
  const auto deadline = std::chrono::steady_clock::now() + kStragglerPatience;
  stop_at_[window] = wanted;
  base::Result<void> outcome;
  while (events_read_[window] < wanted) {
    const auto handled = consume(kNoBudget, handler);
    if (!handled) {
      outcome = tl::unexpected(handled.error());
      break;
    }
    if (events_read_[window] >= wanted || std::chrono::steady_clock::now() > deadline) break;
    // A record of the new window that is still being written hides what lies behind it.
    if (*handled == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  stop_at_[window] = UINT64_MAX;
  return outcome;
}

}  // namespace iris::capture
