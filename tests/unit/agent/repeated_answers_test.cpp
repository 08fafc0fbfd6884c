// SPDX-License-Identifier: Apache-2.0
#include "agent/repeated_answers.h"

#include <gtest/gtest.h>

#include "agent/batch_builder.h"

namespace iris::agent {
namespace {

constexpr std::uint64_t kHour = 3'600'000'000'000;

flow::DnsRecord answer(std::uint64_t owner, const std::string& name, std::vector<const char*> addresses,
                       std::uint64_t wall_ns) {
  flow::DnsRecord record;
  flow::Owner made;
  made.cgroup_id = owner;
  record.owner = std::make_shared<const flow::Owner>(made);
  record.question_name = name;
  for (const char* address : addresses) record.addresses.push_back(*base::IpAddress::parse(address));
  record.wall_ns = wall_ns;
  return record;
}

TEST(RepeatedAnswers, TheSameWithinTheHourIsNoNews) {
  RepeatedAnswers answers;
  EXPECT_FALSE(answers.repeats(answer(1, "hub.example", {"203.0.113.1", "203.0.113.2"}, 10 * kHour)));
  EXPECT_TRUE(answers.repeats(answer(1, "hub.example", {"203.0.113.2", "203.0.113.1"}, 10 * kHour + 5)));
  EXPECT_TRUE(answers.repeats(answer(1, "hub.example", {"203.0.113.1", "203.0.113.2"}, 11 * kHour - 1)));
  EXPECT_FALSE(answers.repeats(answer(1, "hub.example", {"203.0.113.1", "203.0.113.2"}, 11 * kHour)));
  EXPECT_TRUE(answers.repeats(answer(1, "hub.example", {"203.0.113.1", "203.0.113.2"}, 11 * kHour + 1)));
}

TEST(RepeatedAnswers, AnotherOwnerNameAddressOrCodeIsNews) {
  RepeatedAnswers answers;
  EXPECT_FALSE(answers.repeats(answer(1, "hub.example", {"203.0.113.1"}, kHour)));
  EXPECT_FALSE(answers.repeats(answer(2, "hub.example", {"203.0.113.1"}, kHour)));
  EXPECT_FALSE(answers.repeats(answer(1, "other.example", {"203.0.113.1"}, kHour)));
  EXPECT_FALSE(answers.repeats(answer(1, "hub.example", {"203.0.113.9"}, kHour)));
  auto failed = answer(1, "hub.example", {}, kHour);
  failed.response_code = 3;
  EXPECT_FALSE(answers.repeats(failed));
  EXPECT_TRUE(answers.repeats(failed));
}

TEST(RepeatedAnswers, AClockSetBackMakesNewsOnce) {
  RepeatedAnswers answers;
  EXPECT_FALSE(answers.repeats(answer(1, "hub.example", {}, 100 * kHour)));
  EXPECT_FALSE(answers.repeats(answer(1, "hub.example", {}, 2 * kHour)));
  EXPECT_TRUE(answers.repeats(answer(1, "hub.example", {}, 2 * kHour + 1)));
}

TEST(RepeatedAnswers, TooManyMakeAllOfThemNewsAgain) {
  RepeatedAnswers answers;
  for (std::size_t i = 0; i <= RepeatedAnswers::kMaxKnown; ++i) {
    EXPECT_FALSE(answers.repeats(answer(1, std::to_string(i) + ".example", {}, kHour)));
  }
  EXPECT_FALSE(answers.repeats(answer(1, "0.example", {}, kHour)));
}

TEST(BatchBuilder, RepeatedAnswersAreFoldedInTheLedgerAndWakeNobody) {
  BatchBuilder builder;
  const auto close = [&builder](std::uint64_t start_wall_ns) {
    flow::Ledger ledger;
    ledger.window_start_wall_ns = start_wall_ns;
    ledger.window_end_wall_ns = start_wall_ns + 10;
    ledger.produced = ledger.delivered = 2;
    builder.write(ledger);
  };
  builder.write(answer(1, "hub.example", {}, kHour));
  builder.write(answer(1, "hub.example", {}, kHour + 1));
  close(kHour);
  const auto first = builder.take();
  ASSERT_TRUE(first);
  ASSERT_EQ(first->records.size(), 2U);
  const auto& ledger = std::get<flow::Ledger>(first->records[1]);
  EXPECT_EQ(ledger.produced, 2U);
  EXPECT_EQ(ledger.delivered, 1U);
  EXPECT_EQ(ledger.folded, 1U);
  builder.write(answer(1, "hub.example", {}, kHour + 12));
  builder.write(answer(1, "hub.example", {}, kHour + 13));
  close(kHour + 10);
  EXPECT_FALSE(builder.take()) << "nothing but repetitions is an idle window";
}

}  // namespace
}  // namespace iris::agent
