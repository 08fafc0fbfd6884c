// SPDX-License-Identifier: Apache-2.0
#include "symbolize/symbolizer.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "symbolize/helper_process.h"

namespace iris::symbolize {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::size_t kMaxWaiting = 64;
constexpr std::size_t kMaxFrames = 128;
constexpr auto kGiveBackWithin = std::chrono::milliseconds(2800);
// One bad file must not use up the time of those that wait behind it.
constexpr auto kAnswerWithin = std::chrono::milliseconds(1500);
constexpr auto kIdle = std::chrono::seconds(10);
constexpr auto kReapAfter = std::chrono::milliseconds(200);

std::string find_helper() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  for (const auto& place : {self.parent_path(), self.parent_path().parent_path() / "lib" / "iris"}) {
    const std::string path = place / "iris-symbolize";
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

struct Request {
  std::uint64_t id = 0;
  std::vector<flow::StackFrame> frames;
  std::vector<std::string> modules;
  Clock::time_point deadline;
};

std::string to_line(const Request& request, std::uint64_t number) {
  Json frames = Json::array();
  for (std::size_t i = 0; i < std::min(request.frames.size(), kMaxFrames); ++i) {
    frames.push_back({{"build_id", request.frames[i].build_id}, {"offset", request.frames[i].offset}});
  }
  const Json json{{"id", number}, {"frames", std::move(frames)}, {"modules", request.modules}};
  // A path is bytes, not text: what is not UTF-8 cannot be asked for.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// False when the line is no answer to `number`.
bool take_answer(const std::string& line, std::uint64_t number, std::vector<flow::StackFrame>& frames) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || json.value("id", Json()) != number) return false;
  const auto answers = json.find("frames");
  if (answers == json.end() || !answers->is_array()) return false;
  for (std::size_t i = 0; i < std::min(frames.size(), answers->size()); ++i) {
    const Json& answer = (*answers)[i];
    if (!answer.is_object()) return false;
    if (const auto symbol = answer.find("symbol"); symbol != answer.end() && symbol->is_string()) {
      frames[i].symbol = *symbol;
    }
    // Only the base name: what stands before it is our view of the container's root.
    if (const auto module = answer.find("module"); module != answer.end() && module->is_string()) {
      frames[i].module = std::filesystem::path(module->get<std::string>()).filename();
    }
  }
  return true;
}

}  // namespace

class Symbolizer::Impl {
 public:
  using Finished = std::vector<std::pair<std::uint64_t, std::vector<flow::StackFrame>>>;

  explicit Impl(std::string helper_path)
      : helper_path_(helper_path.empty() ? find_helper() : std::move(helper_path)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        ready_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    watch(EPOLL_CTL_ADD, ready_.get(), EPOLLIN);
    watch(EPOLL_CTL_ADD, timer_.get(), EPOLLIN);
  }

  bool available() const { return !helper_path_.empty() && access(helper_path_.c_str(), X_OK) == 0; }
  int poll_fd() const { return epoll_.get(); }
  int helper_pid() const { return helper_.running() ? helper_.pid() : -1; }

  void submit(std::uint64_t id, std::vector<flow::StackFrame> frames, std::vector<std::string> modules) {
    if (modules.size() > kMaxModules) modules.resize(kMaxModules);
    Request request{id, std::move(frames), std::move(modules), Clock::now() + kGiveBackWithin};
    if (waiting_.size() >= kMaxWaiting || !available()) {
      give_back(std::move(request));
    } else {
      waiting_.push_back(std::move(request));
      advance();
    }
    arm();
  }

  Finished poll() {
    std::uint64_t ignored = 0;
    for (const int fd : {ready_.get(), timer_.get()}) {
      if (read(fd, &ignored, sizeof ignored) < 0) continue;  // nothing there: fine
    }
    if (helper_.running()) listen();
    expire();
    advance();
    helper_.reap();
    arm();
    // give_back() may have signalled within this very call.
    if (read(ready_.get(), &ignored, sizeof ignored) < 0) ignored = 0;
    return std::exchange(finished_, {});
  }

 private:
  void watch(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void give_back(Request request) {
    finished_.emplace_back(request.id, std::move(request.frames));
    const std::uint64_t one = 1;
    if (write(ready_.get(), &one, sizeof one) < 0) return;  // full means readable already
  }

  void give_back_front() {
    Request request = std::move(waiting_.front());
    waiting_.pop_front();
    asked_ = false;
    give_back(std::move(request));
    idle_since_ = Clock::now();
  }

  void listen() {
    const bool alive = helper_.exchange();
    while (const auto line = helper_.next_line()) {
      if (!asked_ || !take_answer(*line, number_, waiting_.front().frames)) {
        lose_helper();
        return;
      }
      give_back_front();
    }
    if (!alive) lose_helper();
  }

  // The request that it was working on is what it died of, so that one goes
  // back as it is; the others get a new helper.
  void lose_helper() {
    helper_.discard();
    if (asked_) give_back_front();
  }

  void expire() {
    const auto now = Clock::now();
    if (asked_ && now >= asked_deadline_) lose_helper();
    while (!waiting_.empty() && now >= waiting_.front().deadline) {
      if (asked_) {
        lose_helper();
      } else {
        give_back_front();
      }
    }
    if (helper_.running() && waiting_.empty() && now >= idle_since_ + kIdle) helper_.finish();
  }

  // Hands over the next request, one at a time: whoever is being worked on
  // when the helper dies is then known.
  void advance() {
    while (!asked_ && !waiting_.empty()) {
      if (!helper_.running() && !start_helper()) {
        give_back_front();
        continue;
      }
      asked_ = true;
      asked_deadline_ = std::min(waiting_.front().deadline, Clock::now() + kAnswerWithin);
      helper_.queue(to_line(waiting_.front(), ++number_));
      if (!helper_.exchange()) lose_helper();
    }
    if (helper_.running()) {
      watch(EPOLL_CTL_MOD, helper_.fd(), helper_.wants_to_write() ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
  }

  bool start_helper() {
    if (!helper_.start(helper_path_)) return false;
    watch(EPOLL_CTL_ADD, helper_.fd(), EPOLLIN);  // leaves the set when it is closed
    return true;
  }

  void arm() {
    auto next = Clock::time_point::max();
    if (asked_) next = asked_deadline_;
    if (!waiting_.empty()) next = std::min(next, waiting_.front().deadline);
    if (helper_.running() && waiting_.empty()) next = std::min(next, idle_since_ + kIdle);
    if (helper_.has_dying()) next = std::min(next, Clock::now() + kReapAfter);
    itimerspec when{};
    if (next != Clock::time_point::max()) {
      const auto ns = std::max<std::int64_t>(
          1, std::chrono::duration_cast<std::chrono::nanoseconds>(next - Clock::now()).count());
      when.it_value.tv_sec = ns / 1'000'000'000;
      when.it_value.tv_nsec = ns % 1'000'000'000;
    }
    timerfd_settime(timer_.get(), 0, &when, nullptr);
  }

  std::string helper_path_;
  base::UniqueFd epoll_;
  base::UniqueFd ready_;  // something in finished_
  base::UniqueFd timer_;  // the next deadline
  HelperProcess helper_;
  std::deque<Request> waiting_;  // the front is being worked on when asked_
  bool asked_ = false;
  std::uint64_t number_ = 0;
  Clock::time_point asked_deadline_;
  Clock::time_point idle_since_ = Clock::now();
  Finished finished_;
};

Symbolizer::Symbolizer(std::string helper_path) : impl_(std::make_unique<Impl>(std::move(helper_path))) {}
Symbolizer::~Symbolizer() = default;
bool Symbolizer::available() const { return impl_->available(); }
void Symbolizer::submit(std::uint64_t id, std::vector<flow::StackFrame> frames, std::vector<std::string> module_paths) {
  impl_->submit(id, std::move(frames), std::move(module_paths));
}
int Symbolizer::poll_fd() const { return impl_->poll_fd(); }
std::vector<std::pair<std::uint64_t, std::vector<flow::StackFrame>>> Symbolizer::poll() { return impl_->poll(); }
int Symbolizer::helper_pid() const { return impl_->helper_pid(); }

}  // namespace iris::symbolize
