// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace iris::test_support {

/// A VFS of SQLite over the default one that fails as disks do: errors, no room,
/// and power cuts in which unsynced writes are lost, kept or torn. Files are real,
/// and syncs are only noted, not done. One thread.
class FaultyVfs {
 public:
  explicit FaultyVfs(const std::string& name);
  ~FaultyVfs();  // all connections must be closed
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  /// From `after` more operations (writes, truncations, syncs) on, `count` of them give `code`.
  void fail(int code, std::uint64_t after = 0, std::uint64_t count = UINT64_MAX);
  void heal();
  /// The power goes `after` more operations from now: none succeeds from then on.
  void cut(std::uint64_t after);
  bool is_cut() const;
  /// With all connections closed: leaves in each file what was synced and a random
  /// part of what was not, and lets operations succeed again.
  void power_on(std::uint64_t seed);

  std::uint64_t operations() const;     // tried so far
  std::uint64_t written_bytes() const;  // by writes that succeeded

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace iris::test_support
