// SPDX-License-Identifier: Apache-2.0
#include "notify/notifier.h"

#include <gmock/gmock.h>

#include <functional>

#include "notify/memory_feed.h"

namespace iris::notify {
namespace {

using test_support::MemoryFeed;
using test_support::quick;
using testing::ElementsAre;
using testing::HasSubstr;

/// What a sink of the test has been given; outlives it.
class Record {
 public:
  using Answer = std::function<base::Result<void>(const Notice&, std::size_t attempt)>;

  base::Result<void> take(const Notice& notice) {
    Answer answer;
    std::size_t attempt = 0;
    {
      const std::lock_guard lock(mutex_);
      attempt = ++attempts_;
      answer = answer_;
      changed_.notify_all();
    }
    auto result = answer ? answer(notice, attempt) : base::Result<void>();
    const std::lock_guard lock(mutex_);
    if (result) taken_.push_back(notice.change);
    changed_.notify_all();
    return result;
  }
  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::vector<std::uint64_t> await(std::size_t taken) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return taken_.size() >= taken; });
    return taken_;
  }
  void await_attempts(std::size_t attempts) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return attempts_ >= attempts; });
  }
  std::vector<std::uint64_t> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Answer answer_;  // guarded by mutex_, as all
  std::size_t attempts_ = 0;
  std::vector<std::uint64_t> taken_;
};

class TestSink final : public Sink {
 public:
  explicit TestSink(Record& record, std::chrono::seconds retry_after = {}) : record_(record), retry_after_(retry_after) {}
  base::Result<void> deliver(const Notice& notice) override { return record_.take(notice); }
  std::chrono::seconds retry_after() const override { return retry_after_; }

 private:
  Record& record_;
  const std::chrono::seconds retry_after_;
};

std::vector<NamedSink> one(Record& record, int min_severity = 1, std::chrono::seconds retry_after = {}) {
  std::vector<NamedSink> sinks;
  sinks.push_back({"test", min_severity, std::make_unique<TestSink>(record, retry_after)});
  return sinks;
}

struct NotifierTest : testing::Test {
  void add(std::uint64_t first, std::uint64_t last, int severity = 3) {
    for (auto change = first; change <= last; ++change) feed.add({change, severity, "{}"});
  }
  MemoryFeed feed;
  Record record;
};

TEST_F(NotifierTest, DeliversInOrderAndSavesItsPosition) {
  add(1, 5);
  auto options = quick();
  options.batch = 2;
  Notifier notifier(feed, one(record), options);
  EXPECT_THAT(record.await(5), ElementsAre(1, 2, 3, 4, 5));
  feed.await("test", 5);
}

TEST_F(NotifierTest, IsWokenForMore) {
  Notifier notifier(feed, one(record), quick());
  for (std::uint64_t change = 1; change <= 50; ++change) {
    add(change, change);
    notifier.wake();
    record.await(change);
  }
  EXPECT_EQ(record.taken().size(), 50u);
}

TEST_F(NotifierTest, AsksNowAndThenWithoutBeingWoken) {
  auto options = quick();
  options.poll = std::chrono::milliseconds(1);
  Notifier notifier(feed, one(record), options);
  feed.await("test", 0);
  add(1, 1);
  EXPECT_THAT(record.await(1), ElementsAre(1));
}

TEST_F(NotifierTest, PassesOverWhatIsNotSevereEnough) {
  add(1, 3, 2);
  add(4, 4, 3);
  add(5, 6, 1);
  add(7, 7, 5);
  add(8, 8, 2);
  Notifier notifier(feed, one(record, 3), quick());
  feed.await("test", 8);
  EXPECT_THAT(record.taken(), ElementsAre(4, 7));
  const auto status = notifier.status().at(0);
  EXPECT_EQ(status.delivered, 2u);
  EXPECT_EQ(status.given_up, 0u);
}

TEST_F(NotifierTest, TriesAgainUntilItArrives) {
  add(1, 3);
  record.answer([](const Notice& notice, std::size_t attempt) -> base::Result<void> {
    if (notice.change == 2 && attempt < 6) return base::fail("nobody there");
    return {};
  });
  Notifier notifier(feed, one(record), quick());
  EXPECT_THAT(record.await(3), ElementsAre(1, 2, 3));
  feed.await("test", 3);
  const auto status = notifier.status().at(0);
  EXPECT_EQ(status.name, "test");
  EXPECT_EQ(status.delivered, 3u);
  EXPECT_EQ(status.failed_attempts, 4u);
  EXPECT_EQ(status.last_fault, "");
}

TEST_F(NotifierTest, WhatIsRefusedForGoodHoldsUpNothing) {
  add(1, 3);
  record.answer([](const Notice& notice, std::size_t) -> base::Result<void> {
    if (notice.change == 3) return base::fail("the alert is nonsense", base::Error::Kind::usage);
    return {};
  });
  Notifier notifier(feed, one(record), quick());
  feed.await("test", 3);
  EXPECT_THAT(record.taken(), ElementsAre(1, 2));
  const auto status = notifier.status().at(0);
  EXPECT_EQ(status.delivered, 2u);
  EXPECT_EQ(status.given_up, 1u);
  EXPECT_EQ(status.failed_attempts, 0u);
  EXPECT_THAT(status.last_fault, HasSubstr("nonsense"));
}

TEST_F(NotifierTest, SaysThatItIsBehindAndWhy) {
  add(1, 2);
  record.answer([](const Notice&, std::size_t) { return base::fail("nobody there"); });
  Notifier notifier(feed, one(record), quick());
  record.await_attempts(3);
  auto status = notifier.status().at(0);
  EXPECT_TRUE(status.behind);
  EXPECT_EQ(status.last_fault, "nobody there");
  EXPECT_GE(status.failed_attempts, 2u);
  record.answer({});
  record.await(2);
  feed.await("test", 2);
  // The feed has been asked for more; what it says is noted right after.
  while ((status = notifier.status().at(0)).behind) std::this_thread::yield();
  EXPECT_EQ(status.last_fault, "");
}

TEST_F(NotifierTest, AfterARestartNothingIsMissing) {
  add(1, 10);
  record.answer([](const Notice& notice, std::size_t) -> base::Result<void> {
    if (notice.change == 4) return base::fail("nobody there");
    return {};
  });
  {
    Notifier notifier(feed, one(record), quick());
    record.await_attempts(6);
    EXPECT_EQ(feed.saved("test"), 3u);  // also if it were killed now: what was taken need not come again
  }
  EXPECT_EQ(feed.saved("test"), 3u);
  EXPECT_THAT(record.taken(), ElementsAre(1, 2, 3));
  record.answer({});
  Notifier notifier(feed, one(record), quick());
  feed.await("test", 10);
  EXPECT_THAT(record.taken(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

TEST_F(NotifierTest, APositionThatCannotBeSavedMeansAgainRatherThanNever) {
  add(1, 2);
  record.answer([this](const Notice& notice, std::size_t) -> base::Result<void> {
    if (notice.change == 2) feed.break_down(true);
    return {};
  });
  {
    Notifier notifier(feed, one(record), quick());
    feed.await_failures(1);
    record.await(2);
  }
  feed.break_down(false);
  EXPECT_EQ(feed.saved("test"), 0u);
  record.answer({});
  Notifier notifier(feed, one(record), quick());
  feed.await("test", 2);
  EXPECT_THAT(record.taken(), ElementsAre(1, 2, 1, 2));
}

TEST_F(NotifierTest, AStoreThatFailsForATimeIsAFault) {
  feed.break_down(true);
  add(1, 1);
  Notifier notifier(feed, one(record), quick());
  feed.await_failures(3);
  EXPECT_EQ(notifier.status().at(0).last_fault, "the store is broken");
  feed.break_down(false);
  EXPECT_THAT(record.await(1), ElementsAre(1));
  feed.await("test", 1);
  while (!notifier.status().at(0).last_fault.empty()) std::this_thread::yield();
}

TEST_F(NotifierTest, ASinkThatIsDownHoldsUpNoOther) {
  Record down;
  down.answer([](const Notice&, std::size_t) { return base::fail("nobody there"); });
  auto sinks = one(record);
  sinks.push_back({"down", 1, std::make_unique<TestSink>(down)});
  add(1, 20);
  Notifier notifier(feed, std::move(sinks), quick());
  feed.await("test", 20);
  down.await_attempts(2);
  EXPECT_EQ(feed.saved("down"), 0u);
  EXPECT_EQ(notifier.status().at(1).name, "down");
  EXPECT_TRUE(notifier.status().at(1).behind);
}

TEST_F(NotifierTest, StopEndsEveryWait) {
  add(1, 1);
  record.answer([](const Notice&, std::size_t) { return base::fail("nobody there"); });
  Record idle;
  auto sinks = one(record, 1, std::chrono::hours(1));  // a receiver that asks for an hour
  sinks.push_back({"idle", 5, std::make_unique<TestSink>(idle)});
  Notifier notifier(feed, std::move(sinks), quick());
  record.await_attempts(1);
  feed.await("idle", 1);
  notifier.stop();
  notifier.wake();
}  // and joins: without end if a wait were not ended

TEST_F(NotifierTest, AWakeDoesNotShortenThePauseAfterAFailure) {
  add(1, 1);
  record.answer([](const Notice&, std::size_t) { return base::fail("nobody there"); });
  auto options = quick();
  Record idle;
  auto sinks = one(record, 1, std::chrono::hours(1));
  sinks.push_back({"idle", 1, std::make_unique<TestSink>(idle)});
  Notifier notifier(feed, std::move(sinks), options);
  record.await_attempts(1);
  for (std::uint64_t change = 2; change <= 50; ++change) {
    add(change, change);
    notifier.wake();
    idle.await(change);
  }
  EXPECT_LE(notifier.status().at(0).failed_attempts, 1u);
}

}  // namespace
}  // namespace iris::notify
