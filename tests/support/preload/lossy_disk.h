// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "preload/environment.h"

namespace iris::test {

/// A disk without power: after a program was killed, its databases (*.db, *-wal in
/// `directory`) get what a power cut would have left, which is everything synced and
/// of the writes since then each lost, torn at a sector, or kept. It is slow to sync,
/// so that a kill can come before.
class LossyDisk {
 public:
  /// `log` is a file for what the program's library notes down.
  LossyDisk(std::string directory, std::string log);

  /// What the program that shall have this disk needs.
  Variables variables() const;
  /// Returns when something was just written that is not synced yet. Throws if nothing comes.
  void wait_for_write() const;
  /// To be called after its death, with nobody else at the files.
  void cut_power(std::uint64_t seed);

  std::uint64_t lost_writes() const { return lost_; }
  std::uint64_t torn_writes() const { return torn_; }

 private:
  std::string directory_;
  std::string log_;
  std::uint64_t lost_ = 0;
  std::uint64_t torn_ = 0;
};

}  // namespace iris::test
