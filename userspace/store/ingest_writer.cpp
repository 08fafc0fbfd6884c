// SPDX-License-Identifier: Apache-2.0
#include "store/ingest_writer.h"

#include <algorithm>

namespace iris::store {
namespace {

/// SQLite's integers are signed; a gateway may claim any time.
std::uint64_t storable(std::uint64_t wall_ns) { return std::min<std::uint64_t>(wall_ns, INT64_MAX); }

/// The spool names what it dropped after it had given it a number; a stop of the
/// agent or a full queue happened before that, and explains no missing number.
bool explains_missing(const flow::Gap& gap) { return gap.reason.starts_with("spool_"); }

}  // namespace

base::Result<void> IngestWriter::prepare(sql::Connection& connection) {
  if (auto done = dictionary_.prepare(connection); !done) return done;
  if (auto done = identities_.prepare(connection); !done) return done;
  if (auto done = flows_.prepare(connection, "flow_raw"); !done) return done;
  if (auto done = ledgers_.prepare(connection, "ledger_raw"); !done) return done;
  return prepare_all(
      connection,
      {{&find_position_, "SELECT sequence, end_ns FROM position WHERE gateway_id = ? AND epoch = ?"},
       {&set_position_, "INSERT OR REPLACE INTO position(gateway_id, epoch, sequence, end_ns, committed_ns) "
                        "VALUES(?,?,?,?,?)"},
       {&insert_gap_, "INSERT INTO gap(gateway_id, start_ns, end_ns, reason, windows, flows) VALUES(?,?,?,?,?,?)"},
       {&insert_event_, "INSERT INTO event(gateway_id, wall_ns, kind, owner_id, body) VALUES(?,?,?,?,?)"}});
}

base::Result<IngestWriter::Position> IngestWriter::read_position(std::int64_t gateway_id, std::uint64_t epoch) {
  const ResetAtEnd reset(*find_position_);
  if (auto bound = bind_all(*find_position_, gateway_id, epoch); !bound) return tl::unexpected(bound.error());
  auto row = find_position_->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return Position{};
  return Position{find_position_->column_uint64(0), find_position_->column_uint64(1)};
}

base::Result<std::uint64_t> IngestWriter::position(std::int64_t gateway_id, std::uint64_t epoch) {
  auto found = read_position(gateway_id, epoch);
  if (!found) return tl::unexpected(found.error());
  return found->sequence;
}

base::Result<CommitResult> IngestWriter::write(const IngestBatch& ingest, std::uint64_t now_wall_ns) {
  const auto before = read_position(ingest.gateway_id, ingest.epoch);
  if (!before) return tl::unexpected(before.error());
  if (ingest.first_sequence == 0 || ingest.first_sequence > ingest.last_sequence) return CommitResult::overlap;
  if (ingest.last_sequence <= before->sequence) return CommitResult::duplicate;
  if (ingest.first_sequence <= before->sequence) return CommitResult::overlap;

  if (auto done = write_gaps(ingest, *before); !done) return tl::unexpected(done.error());
  for (const auto& record : ingest.batch.records) {
    if (auto done = write_record(ingest.gateway_id, record); !done) return tl::unexpected(done.error());
  }
  dictionary_.end_batch();
  if (auto done = run(*set_position_, ingest.gateway_id, ingest.epoch, ingest.last_sequence,
                      storable(ingest.batch.end_wall_ns), storable(now_wall_ns));
      !done) {
    return tl::unexpected(done.error());
  }
  return CommitResult::committed;
}

base::Result<void> IngestWriter::write_gaps(const IngestBatch& ingest, const Position& before) {
  const auto& gaps = ingest.batch.gaps;
  for (const auto& gap : gaps) {
    if (auto done = write_gap(ingest.gateway_id, gap); !done) return done;
  }
  const std::uint64_t missing = ingest.first_sequence - before.sequence - 1;
  if (missing == 0 || std::any_of(gaps.begin(), gaps.end(), explains_missing)) return {};
  flow::Gap gap;
  gap.end_wall_ns = ingest.batch.start_wall_ns;
  // Of an epoch's first batches nobody knows when they began; and clocks are set back.
  gap.start_wall_ns = before.sequence == 0 ? gap.end_wall_ns : std::min(before.end_ns, gap.end_wall_ns);
  gap.reason = "sequence_missing";
  gap.windows = missing;
  return write_gap(ingest.gateway_id, gap);
}

base::Result<void> IngestWriter::write_gap(std::int64_t gateway_id, const flow::Gap& gap) {
  return run(*insert_gap_, gateway_id, storable(gap.start_wall_ns), storable(gap.end_wall_ns),
             std::string_view(gap.reason), gap.windows, gap.flows);
}

template <typename Event>
base::Result<void> IngestWriter::write_event(std::int64_t gateway_id, std::string_view kind, const Event& event) {
  const std::uint64_t wall_ns = storable(event.wall_ns);
  const auto owner_id = dictionary_.owner(gateway_id, event.owner, wall_ns);
  if (!owner_id) return tl::unexpected(owner_id.error());
  body_.clear();
  json_.append(body_, event);
  return run(*insert_event_, gateway_id, wall_ns, kind, *owner_id, std::string_view(body_));
}

base::Result<void> IngestWriter::write_record(std::int64_t gateway_id, const flow::Record& record) {
  if (const auto* flow = std::get_if<flow::FlowRecord>(&record)) {
    const auto key = dictionary_.flow_key(gateway_id, *flow);
    if (!key) return tl::unexpected(key.error());
    return flows_.add(gateway_id, storable(flow->window_start_wall_ns), *key, FlowValues::of(*flow));
  }
  if (const auto* ledger = std::get_if<flow::Ledger>(&record)) {
    return ledgers_.add(gateway_id, storable(ledger->window_start_wall_ns), 0, LedgerValues::of(*ledger));
  }
  if (const auto* exit = std::get_if<flow::ExitRecord>(&record)) return write_event(gateway_id, "exit", *exit);
  if (const auto* exec = std::get_if<flow::ExecRecord>(&record)) return write_event(gateway_id, "exec", *exec);
  if (const auto* dns = std::get_if<flow::DnsRecord>(&record)) return write_event(gateway_id, "dns", *dns);
  if (const auto* change = std::get_if<flow::ContainerRecord>(&record)) {
    return write_event(gateway_id, "container", *change);
  }
  if (const auto* device = std::get_if<flow::DeviceRecord>(&record)) return identities_.write(gateway_id, *device);
  if (const auto* event = std::get_if<flow::SecurityRecord>(&record)) return identities_.write(gateway_id, *event);
  return {};  // a batch holds no socket events
}

}  // namespace iris::store
