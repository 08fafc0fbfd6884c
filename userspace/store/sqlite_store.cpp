// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <mutex>
#include <set>
#include <utility>

#include "base/unique_fd.h"
#include "store/alert_reader.h"
#include "store/flow_reader.h"
#include "store/identity_reader.h"
#include "store/ingest_writer.h"
#include "store/judge_tables.h"
#include "store/ledger_reader.h"
#include "store/retention.h"
#include "store/schema.h"
#include "store/store.h"

namespace iris::store {
namespace {

// Space is given back while at least this part of the file is free; what is free is used again anyway.
constexpr std::int64_t kFreePartKept = 4;
constexpr std::int64_t kFreePagesKept = 256;
constexpr int kVacuumPages = 2000;  // a slice

constexpr const char* kGatewayQuery =
    "SELECT id, name, revoked, created_ns, "
    "ifnull((SELECT max(committed_ns) FROM position WHERE gateway_id = gateway.id), 0), "
    "agent_version, host_name, kernel_release FROM gateway";

Gateway gateway_of(const sql::Statement& row) {
  Gateway gateway;
  gateway.id = row.column_int64(0);
  gateway.name = row.column_text(1);
  gateway.revoked = row.column_int64(2) != 0;
  gateway.created_wall_ns = row.column_uint64(3);
  gateway.last_seen_wall_ns = row.column_uint64(4);
  gateway.agent_version = row.column_text(5);
  gateway.host_name = row.column_text(6);
  gateway.kernel_release = row.column_text(7);
  return gateway;
}

/// Two connections: questions see a snapshot and do not hold up commits.
class SqliteStore : public Store {
 public:
  SqliteStore(sql::Connection writing, sql::Connection reading)
      : writing_(std::move(writing)), reading_(std::move(reading)) {}

  base::Result<void> prepare() {
    if (auto done = ingest_.prepare(writing_); !done) return done;
    if (auto done = retention_.prepare(writing_); !done) return done;
    if (auto done = flows_.prepare(reading_); !done) return done;
    if (auto done = identities_.prepare(reading_); !done) return done;
    if (auto done = judge_.prepare(writing_); !done) return done;
    if (auto done = alerts_.prepare(reading_); !done) return done;
    return ledgers_.prepare(reading_);
  }

  base::Result<Gateway> add_gateway(const std::string& name, const std::string& token_hash,
                                    std::uint64_t now_wall_ns) override {
    {
      const std::scoped_lock lock(write_mutex_);
      auto insert = writing_.prepare("INSERT OR IGNORE INTO gateway(name, token_hash, created_ns) VALUES(?,?,?)");
      if (!insert) return tl::unexpected(insert.error());
      if (auto done = run(*insert, std::string_view(name), Blob{token_hash}, now_wall_ns); !done) {
        return tl::unexpected(done.error());
      }
      if (writing_.changes() == 0) return base::fail("gateway '" + name + "' is there already");
    }
    auto added = gateway_by_name(name);
    if (!added) return tl::unexpected(added.error());
    if (!*added) return base::fail("gateway '" + name + "' was not kept");
    return std::move(**added);
  }

  base::Result<void> revoke_gateway(const std::string& name) override {
    const std::scoped_lock lock(write_mutex_);
    auto update = writing_.prepare("UPDATE gateway SET revoked = 1 WHERE name = ?");
    if (!update) return tl::unexpected(update.error());
    if (auto done = run(*update, std::string_view(name)); !done) return done;
    if (writing_.changes() == 0) return base::fail("there is no gateway '" + name + "'");
    return {};
  }

  base::Result<std::vector<Gateway>> gateways() override {
    const std::scoped_lock lock(read_mutex_);
    return read_gateways(reading_, " ORDER BY name");
  }

  base::Result<std::optional<Gateway>> gateway_by_token(const std::string& token_hash) override {
    return one_gateway(" WHERE token_hash = ?", Blob{token_hash});
  }
  base::Result<std::optional<Gateway>> gateway_by_name(const std::string& name) override {
    return one_gateway(" WHERE name = ?", std::string_view(name));
  }

  base::Result<void> describe_gateway(const Gateway& gateway) override {
    return describe_gateways(std::span(&gateway, 1));
  }
  base::Result<void> describe_gateways(std::span<const Gateway> gateways) override {
    const std::scoped_lock lock(write_mutex_);
    auto update = writing_.prepare(
        "UPDATE gateway SET agent_version = ?1, host_name = ?2, kernel_release = ?3 WHERE id = ?4 AND "
        "(agent_version, host_name, kernel_release) IS NOT (?1, ?2, ?3)");
    if (!update) return tl::unexpected(update.error());
    auto transaction = sql::Transaction::begin(writing_);
    if (!transaction) return tl::unexpected(transaction.error());
    for (const auto& gateway : gateways) {
      if (auto done = run(*update, std::string_view(gateway.agent_version), std::string_view(gateway.host_name),
                          std::string_view(gateway.kernel_release), gateway.id);
          !done) {
        return done;
      }
    }
    if (auto committed = transaction->commit(); !committed) return tl::unexpected(committed.error());
    return {};
  }

  base::Result<std::uint64_t> position(std::int64_t gateway_id, std::uint64_t epoch) override {
    const std::scoped_lock lock(write_mutex_);
    return ingest_.position(gateway_id, epoch);
  }

  base::Result<std::vector<CommitResult>> commit(std::span<const IngestBatch> batches,
                                                 std::uint64_t now_wall_ns) override {
    const std::scoped_lock lock(write_mutex_);
    auto results = commit_all(batches, now_wall_ns);
    if (!results) ingest_.forget();  // ids given out in it were taken back
    return results;
  }

  base::Result<void> flows(const FlowQuery& query, const std::function<void(const StoredFlow&)>& take) override {
    const std::scoped_lock lock(read_mutex_);
    Snapshot snapshot(reading_);
    std::vector<std::int64_t> ids;
    if (query.gateway_id) {
      ids.push_back(*query.gateway_id);
    } else {
      auto all = gateway_ids(reading_);
      if (!all) return tl::unexpected(all.error());
      ids = std::move(*all);
    }
    return flows_.flows(query, ids, take);
  }

  base::Result<std::vector<flow::OwnerPtr>> owners(std::optional<std::int64_t> gateway_id) override {
    const std::scoped_lock lock(read_mutex_);
    return flows_.owners(gateway_id);
  }

  base::Result<void> devices(const DeviceQuery& query, const std::function<void(const StoredDevice&)>& take) override {
    const std::scoped_lock lock(read_mutex_);
    return identities_.devices(query, take);
  }

  base::Result<void> security_events(const SecurityQuery& query,
                                     const std::function<void(const StoredSecurityEvent&)>& take) override {
    const std::scoped_lock lock(read_mutex_);
    Snapshot snapshot(reading_);
    return identities_.security_events(query, take);
  }

  base::Result<LedgerAccount> ledger(std::int64_t gateway_id, const TimeRange& range) override {
    const std::scoped_lock lock(read_mutex_);
    Snapshot snapshot(reading_);
    return ledgers_.account(gateway_id, range);
  }

  base::Result<std::vector<JudgeInput>> judge_inputs(std::uint64_t after, std::size_t max_bytes) override {
    const std::scoped_lock lock(write_mutex_);
    return judge_.inputs(after, max_bytes);
  }
  base::Result<void> add_judge_input(const JudgeInput& input) override {
    const std::scoped_lock lock(write_mutex_);
    return judge_.add_input(input.kind, input.gateway_id, input.body);
  }
  base::Result<std::uint64_t> judge_states(const std::function<void(JudgeState&&)>& take) override {
    const std::scoped_lock lock(write_mutex_);
    return judge_.states(take);
  }
  base::Result<void> checkpoint(std::span<const JudgeState> changed, std::uint64_t number,
                                std::uint64_t now_wall_ns) override {
    return in_transaction([&] { return judge_.checkpoint(changed, number, now_wall_ns); });
  }
  base::Result<void> put_alerts(std::span<const AlertEntry> alerts, std::uint64_t number) override {
    return in_transaction([&]() -> base::Result<void> {
      for (const auto& alert : alerts) {
        if (auto done = judge_.put(alert, number); !done) return done;
      }
      return {};
    });
  }
  base::Result<bool> set_alert_state(const std::string& id, AlertState state) override {
    bool found = false;
    auto done = in_transaction([&]() -> base::Result<void> {
      const auto set = judge_.set_state(id, state);
      if (!set) return tl::unexpected(set.error());
      found = *set;
      return {};
    });
    if (!done) return tl::unexpected(std::move(done.error()));
    return found;
  }
  base::Result<void> set_sink_position(const std::string& sink, std::uint64_t change) override {
    const std::scoped_lock lock(write_mutex_);
    return judge_.set_sink_position(sink, change);
  }

  base::Result<void> alerts(const AlertQuery& query, const std::function<void(const StoredAlert&)>& take) override {
    const std::scoped_lock lock(read_mutex_);
    return alerts_.alerts(query, take);
  }
  base::Result<std::vector<StoredAlert>> alert_changes(std::uint64_t change, std::size_t limit) override {
    const std::scoped_lock lock(read_mutex_);
    return alerts_.changes(change, limit);
  }
  base::Result<void> profiles(const ProfileQuery& query, const std::function<void(const StoredProfile&)>& take) override {
    const std::scoped_lock lock(read_mutex_);
    return alerts_.profiles(query, take);
  }
  base::Result<std::optional<StoredIncident>> incident(const std::string& alert_id) override {
    const std::scoped_lock lock(read_mutex_);
    Snapshot snapshot(reading_);
    return alerts_.incident(alert_id);
  }
  base::Result<std::uint64_t> sink_position(const std::string& sink) override {
    const std::scoped_lock lock(read_mutex_);
    return alerts_.sink_position(sink);
  }

  base::Result<bool> maintain(const Retention& retention, std::uint64_t now_wall_ns) override {
    const std::scoped_lock lock(write_mutex_);
    auto ids = gateway_ids(writing_);
    if (!ids) return tl::unexpected(ids.error());
    auto transaction = sql::Transaction::begin(writing_);
    if (!transaction) return tl::unexpected(transaction.error());
    const auto done = retention_.slice(retention, now_wall_ns, *ids);
    if (!done) return tl::unexpected(done.error());
    if (auto committed = transaction->commit(); !committed) return tl::unexpected(committed.error());
    if (done->forgot_keys) ingest_.forget();
    const auto vacuumed = give_back_space();
    if (!vacuumed) return tl::unexpected(vacuumed.error());
    return done->more || *vacuumed;
  }

 private:
  /// All statements of a scope see one state.
  class Snapshot {
   public:
    explicit Snapshot(sql::Connection& connection) : connection_(connection) {
      static_cast<void>(connection_.exec("BEGIN"));
    }
    ~Snapshot() { static_cast<void>(connection_.exec("COMMIT")); }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

   private:
    sql::Connection& connection_;
  };

  template <typename Work>
  base::Result<void> in_transaction(const Work& work) {
    const std::scoped_lock lock(write_mutex_);
    auto transaction = sql::Transaction::begin(writing_);
    if (!transaction) return tl::unexpected(transaction.error());
    if (auto done = work(); !done) return done;
    if (auto committed = transaction->commit(); !committed) return tl::unexpected(committed.error());
    return {};
  }

  base::Result<std::vector<CommitResult>> commit_all(std::span<const IngestBatch> batches, std::uint64_t now_wall_ns) {
    auto transaction = sql::Transaction::begin(writing_);
    if (!transaction) return tl::unexpected(transaction.error());
    std::vector<CommitResult> results;
    results.reserve(batches.size());
    std::set<std::pair<std::int64_t, std::uint64_t>> overlapped;
    for (const auto& batch : batches) {
      // The sender begins again behind the position: what follows would leave a hole that it fills later.
      const std::pair spool(batch.gateway_id, batch.epoch);
      base::Result<CommitResult> result = CommitResult::overlap;
      if (!overlapped.contains(spool)) result = ingest_.write(batch, now_wall_ns);
      if (!result) return tl::unexpected(result.error());
      if (*result == CommitResult::committed && !batch.packed.empty()) {
        if (auto done = judge_.add_input(JudgeInput::Kind::batch, batch.gateway_id, batch.packed); !done) {
          return tl::unexpected(done.error());
        }
      }
      if (*result == CommitResult::overlap) overlapped.insert(spool);
      results.push_back(*result);
    }
    if (auto committed = transaction->commit(); !committed) return tl::unexpected(committed.error());
    return results;
  }

  static base::Result<std::vector<Gateway>> read_gateways(sql::Connection& connection, const std::string& rest) {
    auto rows = connection.prepare(kGatewayQuery + rest);
    if (!rows) return tl::unexpected(rows.error());
    std::vector<Gateway> gateways;
    for (;;) {
      auto row = rows->step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return gateways;
      gateways.push_back(gateway_of(*rows));
    }
  }

  template <typename Value>
  base::Result<std::optional<Gateway>> one_gateway(const std::string& where, const Value& value) {
    const std::scoped_lock lock(read_mutex_);
    auto rows = reading_.prepare(kGatewayQuery + where);
    if (!rows) return tl::unexpected(rows.error());
    if (auto bound = bind_all(*rows, value); !bound) return tl::unexpected(bound.error());
    auto row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return std::optional<Gateway>{};
    return std::optional(gateway_of(*rows));
  }

  static base::Result<std::vector<std::int64_t>> gateway_ids(sql::Connection& connection) {
    auto rows = connection.prepare("SELECT id FROM gateway ORDER BY id");
    if (!rows) return tl::unexpected(rows.error());
    std::vector<std::int64_t> ids;
    for (;;) {
      auto row = rows->step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return ids;
      ids.push_back(rows->column_int64(0));
    }
  }

  /// True: more of the file could be given back.
  base::Result<bool> give_back_space() {
    const auto pages = writing_.query_int64("PRAGMA page_count");
    const auto free_pages = writing_.query_int64("PRAGMA freelist_count");
    if (!pages || !free_pages) return base::fail("the size of the store cannot be read");
    if (*free_pages < *pages / kFreePartKept || *free_pages < kFreePagesKept) return false;
    if (auto done = writing_.exec(fmt::format("PRAGMA incremental_vacuum({})", kVacuumPages)); !done) {
      return tl::unexpected(done.error());
    }
    return true;
  }

  std::mutex write_mutex_;  // over writing_ and all that uses it
  sql::Connection writing_;
  IngestWriter ingest_;
  RetentionWorker retention_;
  JudgeTables judge_;
  std::mutex read_mutex_;
  sql::Connection reading_;
  FlowReader flows_;
  LedgerReader ledgers_;
  IdentityReader identities_;
  AlertReader alerts_;
};

// Only the owner may read: it holds hashes of tokens. SQLite gives its other files the same mode.
base::Result<void> create_private(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) {
    return base::fail_errno("cannot open", errno,
                            errno == EACCES ? base::Error::Kind::permission : base::Error::Kind::failed);
  }
  return {};
}

base::Result<std::unique_ptr<Store>> open_sqlite(const std::string& path) {
  if (auto done = create_private(path); !done) return tl::unexpected(done.error());
  sql::OpenOptions options;
  options.busy_timeout_ms = 10'000;  // `gateway add` beside a running collector
  auto writing = sql::Connection::open(path, options);
  if (!writing) return tl::unexpected(writing.error());
  // auto_vacuum counts only before the first table; FULL: durable when COMMIT returns.
  if (auto done = writing->exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;"
                                "PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY");
      !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = migrate(*writing); !done) return tl::unexpected(done.error());
  auto reading = sql::Connection::open(path, options);
  if (!reading) return tl::unexpected(reading.error());
  if (auto done = reading->exec("PRAGMA query_only = ON; PRAGMA cache_size = -8192"); !done) {
    return tl::unexpected(done.error());
  }
  auto store = std::make_unique<SqliteStore>(std::move(*writing), std::move(*reading));
  if (auto done = store->prepare(); !done) return tl::unexpected(done.error());
  return store;
}

}  // namespace

base::Result<std::unique_ptr<Store>> open_store(const std::string& url) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!url.starts_with(kScheme) || url.size() == kScheme.size()) {
    return base::fail("'" + url + "' is no store: sqlite:PATH is expected", base::Error::Kind::usage);
  }
  const std::string path = url.substr(kScheme.size());
  auto store = open_sqlite(path);
  if (!store) return base::with_context("store " + path, store.error());
  return store;
}

}  // namespace iris::store
