// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "store_fixture.h"

namespace iris::store {
namespace {

constexpr std::int64_t kGateways = 3;

/// Commits one batch of each gateway at a time, from the position on, for ever.
/// Says so on `ready` once it begins: opening takes its time under a sanitizer.
[[noreturn]] void commit_until_killed(const std::string& url, int ready) {
  auto store = open_store(url);
  if (!store || ::write(ready, "r", 1) != 1) ::_exit(1);
  for (;;) {
    std::vector<IngestBatch> batches;
    for (std::int64_t id = 1; id <= kGateways; ++id) {
      const std::uint64_t next = (*store)->position(id, 7).value() + 1;
      batches.push_back(make_batch(id, next, next * static_cast<std::uint64_t>(id)));
    }
    if (!(*store)->commit(batches, kNoon)) ::_exit(1);
  }
}

TEST_F(StoreTest, IsExactAfterEachKill) {
  for (const char* name : {"one", "two", "three"}) add(name);
  store_.reset();
  std::minstd_rand random(4711);
  std::uint64_t reached = 0;
  for (int round = 0; round < 20; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_until_killed(url(), ready[1]);
    ::close(ready[1]);
    char word = 0;
    EXPECT_EQ(::read(ready[0], &word, 1), 1);
    ::close(ready[0]);
    ::usleep(20'000 + static_cast<useconds_t>(random() % 80'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";
    reopen();
    for (std::int64_t id = 1; id <= kGateways; ++id) {
      const std::uint64_t position = store_->position(id, 7).value();
      ASSERT_EQ(bytes(id), static_cast<std::uint64_t>(id) * position * (position + 1) / 2) << "round " << round;
      ASSERT_EQ(store_->ledger(id, {})->produced, position);
      reached = position;
    }
    store_.reset();
  }
  EXPECT_GE(reached, 10U);
}

}  // namespace
}  // namespace iris::store
