// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "spool/database.h"
#include "spool/pending.h"
#include "spool/room.h"
#include "wire/batch_codec.h"

namespace iris::spool {
namespace {

/// How far ahead of what is sent the mark on disk goes, so that it is seldom written.
constexpr std::uint64_t kOfferAhead = 31;
/// Acknowledged windows that wait for an append before they are deleted without one.
constexpr std::uint64_t kMaxAcknowledged = 256;

/// A batch too large for a row, with what must not be lost of it.
flow::Batch without_records(const flow::Batch& batch, std::uint64_t windows, std::uint64_t flows) {
  flow::Batch small{batch.start_wall_ns, batch.end_wall_ns, {}, batch.gaps};
  for (const auto& record : batch.records) {
    if (std::holds_alternative<flow::Ledger>(record)) small.records.push_back(record);
  }
  small.gaps.push_back({batch.start_wall_ns, batch.end_wall_ns, "batch_too_large", windows, flows});
  return small;
}

base::Error plain(sql::Error error) { return {error.kind, "the spool: " + error.message}; }

}  // namespace

class Spool::Impl {
 public:
  Impl(const SpoolOptions& options, std::uint64_t now_wall_ns)
      : directory_(options), room_({}), started_wall_ns_(now_wall_ns), opened_at_wall_ns_(now_wall_ns) {}

  ~Impl() {
    if (connection_) static_cast<void>(purge());
  }

  base::Result<void> open() {
    auto locked = directory_.lock();
    if (!locked) {
      if (locked.error().kind == base::Error::Kind::usage) return locked;
      fault_ = locked.error().message;
      return {};
    }
    static_cast<void>(ready());
    return {};
  }

  base::Result<std::uint64_t> append(flow::Batch batch) {
    pending_.push(std::move(batch));
    const std::uint64_t epoch = state_.epoch;
    auto written = ready().and_then([this] { return write_pending(); });
    // The file was damaged, and there is a new one.
    if (!written && connection_ && state_.epoch != epoch) written = write_pending();
    if (written) {
      fault_.clear();
      return state_.last_sequence;
    }
    ++failed_appends_;
    waiting_dropped_ += pending_.shrink();
    return base::with_context("the batch is kept in memory", std::move(written.error()));
  }

  base::Result<std::optional<StoredBatch>> next_after(std::uint64_t sequence) {
    while (connection_) {
      std::optional<StoredBatch> found;
      if (auto looked = look(std::max(sequence, acknowledged_), found); !looked) {
        return tl::unexpected(failed(std::move(looked.error())));
      }
      if (found || !dropped_one_) return found;
    }
    return std::optional<StoredBatch>{};
  }

  base::Result<void> acknowledge(std::uint64_t sequence) {
    acknowledged_ = std::max(acknowledged_, std::min(sequence, state_.last_sequence));
    if (!connection_ || acknowledged_ - purged_ < kMaxAcknowledged) return {};
    if (auto purged = purge(); !purged) return tl::unexpected(failed(std::move(purged.error())));
    return {};
  }

  base::Result<bool> resume(std::uint64_t sequence) {
    if (!connection_ || sequence <= state_.last_sequence) return true;
    if (auto begun = begin_epoch(); !begun) return tl::unexpected(failed(std::move(begun.error())));
    return false;
  }

  base::Result<std::map<std::string, std::string>> kept(std::string_view prefix) {
    if (!connection_) return base::fail("the spool cannot be read: " + fault_);
    auto values = read_kept(*connection_, prefix);
    if (!values) return tl::unexpected(failed(std::move(values.error())));
    return std::move(*values);
  }

  SpoolStatus status() {
    SpoolStatus status;
    status.epoch = state_.epoch;
    status.last_sequence = state_.last_sequence;
    if (connection_ && acknowledged_ < state_.last_sequence) {
      auto oldest = connection_->query("SELECT first_sequence FROM batches WHERE last_sequence > ?1"
                                       " AND content IS NOT NULL ORDER BY last_sequence LIMIT 1",
                                       acknowledged_);
      if (oldest && oldest->step().value_or(false)) status.oldest_sequence = oldest->column_uint64(0);
    }
    if (status.oldest_sequence != 0) status.windows = status.last_sequence - status.oldest_sequence + 1;
    status.waiting_windows = pending_.windows();
    status.bytes = directory_.bytes();
    status.dropped_windows = state_.dropped + waiting_dropped_;
    status.failed_appends = failed_appends_;
    status.fault = fault_;
    status.quarantined = directory_.quarantined();
    return status;
  }

 private:
  base::Error failed(sql::Error error) {
    fault_ = error.message;
    if (connection_ && is_damage(error)) static_cast<void>(replace_damaged());
    // A connection opened while the disk was read-only stays so.
    reopen_ = error.primary() == SQLITE_READONLY;
    return plain(std::move(error));
  }

  /// Opens what is not open yet.
  base::Result<void> ready() {
    if (reopen_) connection_.reset();
    if (connection_) return {};
    reopen_ = false;
    if (!directory_.locked()) {
      if (auto locked = directory_.lock(); !locked) {
        fault_ = locked.error().message;
        return locked;
      }
    }
    auto opened = use(directory_.open_database());
    if (!opened && is_damage(opened.error())) {
      fault_ = opened.error().message;
      return replace_damaged();
    }
    if (!opened) return tl::unexpected(failed(std::move(opened.error())));
    if (state_.last_end_wall_ns != 0 && started_wall_ns_ != 0) {
      // A clock that was set back tells nothing of how long it was.
      const auto from = std::min(state_.last_end_wall_ns, started_wall_ns_);
      pending_.gaps().push_back({from, started_wall_ns_, "agent_stopped", 0, 0});
    }
    started_wall_ns_ = 0;
    return {};
  }

  /// Of a file that is older than what the collector has.
  sql::Result<void> begin_epoch() {
    // What lay in the file when it was opened had reached the collector, or had been named, before the file
    // was put back. Of what was given out since nobody can tell.
    const std::uint64_t there = std::max(opened_.last_sequence, acknowledged_);
    const std::uint64_t unsure = std::max(there, given_);
    auto transaction = sql::Transaction::begin(*connection_);
    if (!transaction) return tl::unexpected(transaction.error());
    if (auto left = leave_rows(*connection_, there, unsure); !left) return left;
    State next = state_;
    next.epoch = new_epoch();
    next.offered = 0;
    next.last_sequence -= std::min(next.last_sequence, unsure);
    if (auto kept = connection_->run("UPDATE state SET epoch = ?1, offered = 0", next.epoch); !kept) return kept;
    const auto from = std::min(opened_.last_end_wall_ns, opened_at_wall_ns_);
    const flow::Gap gap{from, opened_at_wall_ns_, "spool_restored", 0, 0};
    if (auto named = add_gap(*connection_, gap); !named) return named;
    if (auto committed = transaction->commit(); !committed) return committed;
    state_ = opened_ = next;
    opened_.last_sequence = 0;  // the rows that are left are known to nobody
    begin_counting();
    return {};
  }

  void begin_counting() {
    acknowledged_ = purged_ = given_ = 0;
    offering_ = false;
    room_ = Room(directory_.limits());
  }

  sql::Result<void> use(sql::Result<sql::Connection> connection) {
    if (!connection) return tl::unexpected(connection.error());
    auto state = read_state(*connection);
    if (!state) return tl::unexpected(state.error());
    state_ = opened_ = *state;
    begin_counting();
    connection_ = std::move(*connection);
    return {};
  }

  /// Sets the file aside and begins a new one.
  base::Result<void> replace_damaged() {
    connection_.reset();
    state_ = {};
    if (auto moved = directory_.set_aside(); !moved) {
      fault_ = moved.error().message;
      return moved;
    }
    const flow::Gap lost{0, started_wall_ns_, "spool_corrupted", 0, 0};
    auto opened = use(directory_.open_database()).and_then([&] { return add_gap(*connection_, lost); });
    started_wall_ns_ = 0;
    if (!opened) {
      connection_.reset();
      pending_.gaps().push_back(lost);
      fault_ = opened.error().message;
      return tl::unexpected(plain(std::move(opened.error())));
    }
    return {};
  }

  base::Result<void> write_pending() {
    while (!pending_.empty()) {
      auto written = write(pending_.front());
      if (!written) {
        room_.rolled_back();
        return tl::unexpected(failed(std::move(written.error())));
      }
      pending_.pop_front();
      pending_.gaps().clear();
    }
    return {};
  }

  /// One row, with everything that goes into its transaction.
  sql::Result<void> write(const Pending::Entry& entry) {
    if (auto bounded = bound_log(); !bounded) return bounded;
    auto transaction = sql::Transaction::begin(*connection_);
    if (!transaction) return tl::unexpected(transaction.error());
    if (auto gone = delete_acknowledged(); !gone) return gone;
    flow::Batch batch = entry.batch;
    batch.gaps.insert(batch.gaps.end(), pending_.gaps().begin(), pending_.gaps().end());
    std::string packed = packed_row(batch, entry);
    const auto fits = room_.make(*connection_, packed.size(), state_.offered, state_.last_sequence);
    if (!fits) return tl::unexpected(fits.error());
    const auto gaps = read_gaps(*connection_);
    if (!gaps) return tl::unexpected(gaps.error());
    if (!gaps->empty()) {
      batch.gaps.insert(batch.gaps.end(), gaps->begin(), gaps->end());
      packed = packed_row(batch, entry);
      if (auto told = connection_->run("DELETE FROM gaps"); !told) return told;
    }
    State next = state_;
    next.last_sequence += entry.windows;
    if (offering_ && next.last_sequence > next.offered) next.offered = next.last_sequence + kOfferAhead;
    if (next.offered != state_.offered) {
      if (auto marked = connection_->run("UPDATE state SET offered = ?1", next.offered); !marked) return marked;
    }
    auto inserted = connection_->run("INSERT INTO batches VALUES(?1, ?2, ?3, ?4, ?5, ?6)", next.last_sequence,
                                     state_.last_sequence + 1, batch.start_wall_ns, batch.end_wall_ns, entry.flows,
                                     sql::Blob{packed});
    if (!inserted) return inserted;
    if (auto kept = keep(*connection_, entry.batch.keep); !kept) return kept;
    auto emptied = connection_->run("DELETE FROM batches WHERE last_sequence = ?1 AND content IS NULL",
                                    state_.last_sequence);
    if (!emptied) return emptied;
    const auto dropped = connection_->query_int64("SELECT dropped FROM state");
    if (!dropped) return tl::unexpected(dropped.error());
    next.dropped = static_cast<std::uint64_t>(*dropped);
    if (auto committed = transaction->commit(); !committed) return committed;
    state_ = next;
    purged_ = acknowledged_;
    offering_ = false;
    return {};
  }

  std::string packed_row(flow::Batch& batch, const Pending::Entry& entry) {
    auto packed = wire::pack(batch);
    if (packed && packed->size() <= directory_.limits().row_bytes) return std::move(*packed);
    batch = without_records(batch, entry.windows, entry.flows);
    return wire::pack(batch).value_or(std::string());
  }

  /// SQLite empties the log by itself, but not when the database cannot be written.
  sql::Result<void> bound_log() {
    if (directory_.wal_bytes() <= directory_.limits().wal_bytes) return {};
    return connection_->exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /// The newest row stays: it carries the sequence on. Without content, it goes with its successor.
  sql::Result<void> delete_acknowledged() {
    return connection_->run("DELETE FROM batches WHERE last_sequence <= ?1 AND last_sequence < ?2", acknowledged_,
                            state_.last_sequence);
  }

  sql::Result<void> purge() {
    if (purged_ == acknowledged_) return {};
    if (auto gone = delete_acknowledged(); !gone) return gone;
    purged_ = acknowledged_;
    return {};
  }

  /// Looks for the first row behind `sequence`. Sets dropped_one_ when that one could not be read.
  sql::Result<void> look(std::uint64_t sequence, std::optional<StoredBatch>& found) {
    dropped_one_ = false;
    std::uint64_t last = 0;
    {
      auto row = connection_->query("SELECT last_sequence, first_sequence, content FROM batches WHERE last_sequence > ?1"
                                    " AND content IS NOT NULL ORDER BY last_sequence LIMIT 1",
                                    sequence);
      if (!row) return tl::unexpected(row.error());
      const auto any = row->step();
      if (!any) return tl::unexpected(any.error());
      if (!*any) return {};
      last = row->column_uint64(0);
      if (auto batch = wire::unpack(row->column_blob(2))) {
        found = StoredBatch{row->column_uint64(1), last, std::move(*batch)};
      }
    }
    if (!found) {
      dropped_one_ = true;
      auto transaction = sql::Transaction::begin(*connection_);
      if (!transaction) return tl::unexpected(transaction.error());
      if (auto dropped = drop_row(*connection_, last, "spool_corrupted"); !dropped) return dropped;
      return transaction->commit();
    }
    offering_ = true;
    given_ = std::max(given_, last);
    if (last <= state_.offered) return {};
    // Before it leaves: after a crash nobody else would know.
    const std::uint64_t mark = last + kOfferAhead;
    if (auto marked = connection_->run("UPDATE state SET offered = ?1", mark); !marked) {
      found.reset();
      return marked;
    }
    state_.offered = mark;
    return {};
  }

  Directory directory_;
  Room room_;
  std::optional<sql::Connection> connection_;
  State state_;
  Pending pending_;
  std::uint64_t started_wall_ns_;       // 0: the gap before the start is taken care of
  const std::uint64_t opened_at_wall_ns_;
  State opened_;                        // as it was then, or when the epoch began
  std::uint64_t acknowledged_ = 0;
  std::uint64_t given_ = 0;             // last sequence that next_after() gave
  std::uint64_t purged_ = 0;            // acknowledged and deleted
  std::uint64_t failed_appends_ = 0;
  std::uint64_t waiting_dropped_ = 0;   // windows, from memory
  bool offering_ = false;               // since the last append
  bool dropped_one_ = false;
  bool reopen_ = false;
  std::string fault_;
};

base::Result<std::unique_ptr<Spool>> Spool::open(const SpoolOptions& options, std::uint64_t now_wall_ns) {
  if (options.max_bytes < kMinBytes) {
    return base::fail(fmt::format("the spool needs at least {} bytes, not {}", kMinBytes, options.max_bytes),
                      base::Error::Kind::usage);
  }
  auto impl = std::make_unique<Impl>(options, now_wall_ns);
  if (auto opened = impl->open(); !opened) return tl::unexpected(std::move(opened.error()));
  return std::unique_ptr<Spool>(new Spool(std::move(impl)));
}

Spool::Spool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Spool::~Spool() = default;

base::Result<std::uint64_t> Spool::append(flow::Batch batch) { return impl_->append(std::move(batch)); }
base::Result<std::optional<StoredBatch>> Spool::next_after(std::uint64_t sequence) { return impl_->next_after(sequence); }
base::Result<void> Spool::acknowledge(std::uint64_t sequence) { return impl_->acknowledge(sequence); }
base::Result<bool> Spool::resume(std::uint64_t sequence) { return impl_->resume(sequence); }
base::Result<std::map<std::string, std::string>> Spool::kept(std::string_view prefix) const { return impl_->kept(prefix); }
SpoolStatus Spool::status() const { return impl_->status(); }

}  // namespace iris::spool
