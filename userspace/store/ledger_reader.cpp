// SPDX-License-Identifier: Apache-2.0
#include "store/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"
#include "store/values.h"

namespace iris::store {
namespace {

std::uint64_t signed_time(std::uint64_t ns) { return std::min<std::uint64_t>(ns, INT64_MAX); }

/// Sums that stop at the largest number.
std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

std::string gap_text(const std::vector<flow::Gap>& gaps) {
  std::uint64_t start = UINT64_MAX;
  std::uint64_t end = 0;
  for (const auto& gap : gaps) {
    start = std::min(start, gap.start_wall_ns);
    end = std::max(end, gap.end_wall_ns);
  }
  const std::string what = gaps.size() == 1 ? "gap" : fmt::format("{} gaps", gaps.size());
  return fmt::format("{} from {} to {}", what, base::format_rfc3339(start), base::format_rfc3339(end));
}

}  // namespace

std::uint64_t LedgerAccount::lost() const {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : dropped) sum = plus(sum, count);
  return sum;
}

std::string LedgerAccount::verdict() const {
  if (end_wall_ns == 0 && gaps.empty()) return "no data";
  std::string text;
  const auto say = [&text](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (lost() > 0) say(fmt::format("{} lost", lost()));
  const std::uint64_t named = plus(plus(delivered, folded), lost());
  if (produced > named) say(fmt::format("{} not accounted for", produced - named));
  if (!gaps.empty()) say(gap_text(gaps));
  return text.empty() ? "complete" : text;
}

base::Result<void> LedgerReader::prepare(sql::Connection& connection) {
  std::string ledgers;
  for (const char* table : {"ledger_raw", "ledger_hourly", "ledger_daily"}) {
    if (!ledgers.empty()) ledgers += " UNION ALL ";
    ledgers += fmt::format("SELECT window_start, value FROM {} WHERE gateway_id = ?1 AND window_start >= ?2 AND "
                           "window_start < ?3", table);
  }
  return prepare_all(connection,
                     {{&find_ledgers_, ledgers},
                      {&find_gaps_, fmt::format("SELECT start_ns, end_ns, reason, windows, flows FROM gap WHERE "
                                                "gateway_id = ?1 AND end_ns >= ?2 AND start_ns < ?3 "
                                                "ORDER BY end_ns, id LIMIT {}", kMaxGaps)}});
}

base::Result<LedgerAccount> LedgerReader::account(std::int64_t gateway_id, const TimeRange& range) {
  LedgerAccount account;
  if (auto done = add_ledgers(gateway_id, range, account); !done) return tl::unexpected(done.error());
  if (auto done = add_gaps(gateway_id, range, account); !done) return tl::unexpected(done.error());
  return account;
}

base::Result<void> LedgerReader::add_ledgers(std::int64_t gateway_id, const TimeRange& range, LedgerAccount& account) {
  const ResetAtEnd reset(*find_ledgers_);
  if (auto bound = bind_all(*find_ledgers_, gateway_id, signed_time(range.start_wall_ns),
                            signed_time(range.end_wall_ns));
      !bound) {
    return tl::unexpected(bound.error());
  }
  LedgerValues sum;
  std::uint64_t start_ns = UINT64_MAX;
  for (;;) {
    auto row = find_ledgers_->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const std::uint64_t window_start = find_ledgers_->column_uint64(0);
    LedgerValues values;
    if (!values.unpack(find_ledgers_->column_blob(1), window_start)) {
      return base::fail("the store is damaged: a ledger cannot be read");
    }
    start_ns = std::min(start_ns, window_start);
    sum.add(values);
  }
  if (start_ns == UINT64_MAX) return {};
  account.start_wall_ns = start_ns;
  account.end_wall_ns = sum.window_end_ns;
  account.produced = sum.produced;
  account.delivered = sum.delivered;
  account.folded = sum.folded;
  account.dropped.insert(sum.dropped.begin(), sum.dropped.end());
  return {};
}

base::Result<void> LedgerReader::add_gaps(std::int64_t gateway_id, const TimeRange& range, LedgerAccount& account) {
  const ResetAtEnd reset(*find_gaps_);
  if (auto bound = bind_all(*find_gaps_, gateway_id, signed_time(range.start_wall_ns), signed_time(range.end_wall_ns));
      !bound) {
    return tl::unexpected(bound.error());
  }
  for (;;) {
    auto row = find_gaps_->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    const auto& gap = *find_gaps_;
    account.gaps.push_back({gap.column_uint64(0), gap.column_uint64(1), std::string(gap.column_text(2)),
                            gap.column_uint64(3), gap.column_uint64(4)});
  }
}

}  // namespace iris::store
