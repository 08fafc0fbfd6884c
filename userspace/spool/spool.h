// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/batch.h"

namespace iris::spool {

struct SpoolOptions {
  std::filesystem::path directory{"/var/lib/iris"};
  std::uint64_t max_bytes = 256ULL << 20;  // of the files, at least 1 MiB; the oldest batches go first
  std::string vfs{};                       // of SQLite; empty: the default. Another one only in tests
};

/// One batch as it lies in the spool: one window, or several that were folded. Each
/// window appended has a sequence of its own within the epoch, from 1, without gaps.
struct StoredBatch {
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  flow::Batch batch;
};

struct SpoolStatus {
  std::uint64_t epoch = 0;              // 0: the disk has not let us open the file yet
  std::uint64_t last_sequence = 0;      // last assigned; 0: none yet
  std::uint64_t oldest_sequence = 0;    // first still held; 0: empty
  std::uint64_t windows = 0;            // from the oldest held to the last
  std::uint64_t waiting_windows = 0;    // in memory, until the disk takes them
  std::uint64_t bytes = 0;              // of the files
  std::uint64_t dropped_windows = 0;    // for want of room, since the spool was created
  std::uint64_t failed_appends = 0;     // disk full or read-only, since the program started
  std::string fault;                    // last error of the disk; empty: none
  std::vector<std::string> quarantined; // files set aside because they were damaged, this start
};

/// Batches on disk until the collector has committed them: SQLite, WAL,
/// synchronous=FULL; sequence number and row in one transaction. For one thread.
class Spool {
 public:
  /// Creates what is missing. A damaged file is set aside under another name, a new
  /// epoch begins, and the gap is put into the next batch. `now_wall_ns` ends the
  /// gap since the last batch of the run before ("agent_stopped"). A disk that fails
  /// is no error here: see append(). One is that another process has the spool.
  static base::Result<std::unique_ptr<Spool>> open(const SpoolOptions& options, std::uint64_t now_wall_ns);
  ~Spool();

  /// Durable when it returns; gives its sequence. Adds the gaps that the spool knows of to the batch.
  /// When the disk is full or read-only the batch is kept in memory, folded with
  /// others as room gets short, and written as soon as that is possible: then the
  /// result is an error, and nothing is lost unless the program ends. A file found
  /// damaged now is set aside as at open: the epoch changes, and who ships has to
  /// begin a new stream.
  base::Result<std::uint64_t> append(flow::Batch batch);

  /// The oldest batch behind `sequence` (0: the oldest of all), if any. From then on
  /// it may have been committed far away, and is never folded with others. A row that
  /// cannot be read is dropped and named as a gap.
  base::Result<std::optional<StoredBatch>> next_after(std::uint64_t sequence);

  /// Forgets everything up to and including `sequence`. Reaches the disk with the next
  /// append: a batch acknowledged before a crash may be given out again after it.
  base::Result<void> acknowledge(std::uint64_t sequence);

  /// The collector says that it has everything up to `sequence`. True: then go on
  /// behind it. False: that is more than this file ever held, so it is an older one
  /// put back, from a backup say: a new epoch begins with what the collector cannot
  /// have, what it may have is forgotten, both are named as gaps ("spool_restored"),
  /// and who ships has to begin a new stream.
  base::Result<bool> resume(std::uint64_t sequence);

  /// What Batch::keep of appended batches left under keys that begin so; keys are
  /// without it. In step with the batches: a lost file has lost these, too.
  base::Result<std::map<std::string, std::string>> kept(std::string_view prefix) const;

  SpoolStatus status() const;

 private:
  class Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::spool
