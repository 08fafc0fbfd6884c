// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "flow/batch.h"
#include "store/judgement.h"

/// What the collector keeps. One interface, SQLite behind it by default.
namespace iris::store {

struct Gateway {
  std::int64_t id = 0;
  std::string name;
  bool revoked = false;
  std::uint64_t created_wall_ns = 0;
  std::uint64_t last_seen_wall_ns = 0;  // last commit; 0: never
  std::string agent_version;
  std::string host_name;
  std::string kernel_release;
};

/// One batch of one gateway on its way into the store.
struct IngestBatch {
  std::int64_t gateway_id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  flow::Batch batch;
  std::string packed{};  // the same as JudgeInput.body; empty: not to be judged
};

enum class CommitResult : std::uint8_t {
  committed,
  duplicate,  // everything in it was there already
  overlap,    // part of it was, or came behind such a batch of its gateway and epoch in the same
              // commit(): the sender must begin again behind the position
};

/// The account of one gateway, from its ledgers, its sequences and its gaps.
struct LedgerAccount {
  std::uint64_t start_wall_ns = 0;
  std::uint64_t end_wall_ns = 0;
  std::uint64_t produced = 0;
  std::uint64_t delivered = 0;
  std::uint64_t folded = 0;
  std::map<std::string, std::uint64_t> dropped;
  std::vector<flow::Gap> gaps;      // "sequence_missing" for batches that never came
  std::uint64_t lost() const;       // sum of dropped
  /// "complete", "12 lost", "gap from 2026-.. to .."
  std::string verdict() const;
};

struct TimeRange {
  std::uint64_t start_wall_ns = 0;
  std::uint64_t end_wall_ns = UINT64_MAX;
};

struct FlowQuery {
  TimeRange range;
  std::optional<std::int64_t> gateway_id;
  std::string owner;                      // container, service or module name
  std::optional<base::Cidr> peer;
  std::optional<std::uint16_t> port;
  std::size_t limit = 1000;
  std::size_t offset = 0;
};

struct StoredFlow {
  std::int64_t gateway_id = 0;
  flow::FlowRecord flow;
};

struct DeviceQuery {
  std::optional<std::int64_t> gateway_id;
  std::string device;    // id; empty: all
  std::string address;   // that had this address, as text without a port; empty: all
  TimeRange range;       // the state at its end, or with `history` each that stood within
  bool history = false;
  std::size_t limit = 1000;
  std::size_t offset = 0;
};

struct StoredDevice {
  std::int64_t gateway_id = 0;
  std::uint64_t from_wall_ns = 0;
  std::uint64_t until_wall_ns = 0;  // 0: it stands
  bool gone = false;                // removed then; the body tells what was known last
  std::string body;                 // DEVICE of the JSON contract
};

struct SecurityQuery {
  std::optional<std::int64_t> gateway_id;
  std::string device;
  TimeRange range;
  std::size_t limit = 1000;
  std::size_t offset = 0;
};

struct StoredSecurityEvent {
  std::int64_t gateway_id = 0;
  std::string body;    // of the JSON contract
  std::string device;  // DEVICE as it was then; empty: not known
};

struct Retention {
  std::uint64_t raw_ns = 7ULL * 86'400 * 1'000'000'000;      // then hourly
  std::uint64_t hourly_ns = 90ULL * 86'400 * 1'000'000'000;  // then daily
  std::uint64_t daily_ns = 730ULL * 86'400 * 1'000'000'000;
};

/// Calls may come from any thread; they take turns. No call reads a clock.
class Store {
 public:
  virtual ~Store() = default;

  /// `token_hash`: SHA-256, 32 bytes. A name that is there already is an error.
  virtual base::Result<Gateway> add_gateway(const std::string& name, const std::string& token_hash,
                                            std::uint64_t now_wall_ns) = 0;
  virtual base::Result<void> revoke_gateway(const std::string& name) = 0;
  virtual base::Result<std::vector<Gateway>> gateways() = 0;
  virtual base::Result<std::optional<Gateway>> gateway_by_token(const std::string& token_hash) = 0;
  virtual base::Result<std::optional<Gateway>> gateway_by_name(const std::string& name) = 0;
  /// What Hello said.
  virtual base::Result<void> describe_gateway(const Gateway& gateway) = 0;
  /// The same of many that came at once, in one transaction where there are any.
  virtual base::Result<void> describe_gateways(std::span<const Gateway> gateways) {
    for (const auto& gateway : gateways) {
      if (auto done = describe_gateway(gateway); !done) return done;
    }
    return {};
  }

  /// Last committed sequence of the epoch; 0: none.
  virtual base::Result<std::uint64_t> position(std::int64_t gateway_id, std::uint64_t epoch) = 0;
  /// All in one transaction, durable when it returns. One result for each batch.
  virtual base::Result<std::vector<CommitResult>> commit(std::span<const IngestBatch> batches,
                                                         std::uint64_t now_wall_ns) = 0;

  /// Windows in the order of their start; raw where they are still there, else roll-ups.
  virtual base::Result<void> flows(const FlowQuery& query, const std::function<void(const StoredFlow&)>& take) = 0;
  virtual base::Result<std::vector<flow::OwnerPtr>> owners(std::optional<std::int64_t> gateway_id) = 0;
  /// By gateway, device and time.
  virtual base::Result<void> devices(const DeviceQuery& query, const std::function<void(const StoredDevice&)>& take) = 0;
  /// By time.
  virtual base::Result<void> security_events(const SecurityQuery& query,
                                             const std::function<void(const StoredSecurityEvent&)>& take) = 0;
  virtual base::Result<LedgerAccount> ledger(std::int64_t gateway_id, const TimeRange& range) = 0;

  // Between commit and alert:
  /// What is behind `after`, in order, about `max_bytes` of it.
  virtual base::Result<std::vector<JudgeInput>> judge_inputs(std::uint64_t after, std::size_t max_bytes) = 0;
  /// One more to be judged, behind all that is there.
  virtual base::Result<void> add_judge_input(const JudgeInput& input) = 0;
  /// All states of the last checkpoint, profiles first; gives the number of the last input in them.
  virtual base::Result<std::uint64_t> judge_states(const std::function<void(JudgeState&&)>& take) = 0;
  /// Keeps what has changed, and forgets the inputs up to `number`: all in one transaction.
  virtual base::Result<void> checkpoint(std::span<const JudgeState> changed, std::uint64_t number,
                                        std::uint64_t now_wall_ns) = 0;
  /// Alerts that are new or have grown; found at input `number` at the latest. Of a new
  /// one, what it takes to find it again is set aside. States that people gave stay.
  virtual base::Result<void> put_alerts(std::span<const AlertEntry> alerts, std::uint64_t number) = 0;

  /// The latest first.
  virtual base::Result<void> alerts(const AlertQuery& query, const std::function<void(const StoredAlert&)>& take) = 0;
  /// In the order of their changes, from behind `change`.
  virtual base::Result<std::vector<StoredAlert>> alert_changes(std::uint64_t change, std::size_t limit) = 0;
  /// Somebody's word on it, which the judge gets to know as an input. False: there is no such alert.
  virtual base::Result<bool> set_alert_state(const std::string& id, AlertState state) = 0;
  virtual base::Result<void> profiles(const ProfileQuery& query, const std::function<void(const StoredProfile&)>& take) = 0;
  /// None: there is no such alert, or it is older than the raw flows are kept.
  virtual base::Result<std::optional<StoredIncident>> incident(const std::string& alert_id) = 0;
  /// How far a receiver of alerts has got; of a new one the last change there is.
  virtual base::Result<std::uint64_t> sink_position(const std::string& sink) = 0;
  virtual base::Result<void> set_sink_position(const std::string& sink, std::uint64_t change) = 0;

  /// Rolls up and deletes what is older than `retention` says; a slice of the work
  /// at a time. True: there is more.
  virtual base::Result<bool> maintain(const Retention& retention, std::uint64_t now_wall_ns) = 0;
};

/// "sqlite:PATH". Migrates an older schema; a newer one is an error that says so.
base::Result<std::unique_ptr<Store>> open_store(const std::string& url);

}  // namespace iris::store
