// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "identity/evidence.h"

/// What a registry said last, for a start without it. A file of lines:
///   {"iris_registry_cache":1,"registry":"iot_hub","endpoint":"..","gateway":"..","saved_wall_ns":n}
///   one JSON object for each piece of evidence
///   {"count":n,"sha256":"hex, of all lines before, with their ends"}
/// Evidence only: it is clean of secrets, and the documents it was read from are not kept.
namespace iris::registry {

struct CacheKey {
  std::string registry;  // "iot_hub"
  std::string endpoint;  // the hub's host name
  std::string gateway;   // the device id of this gateway
};

struct Cached {
  CacheKey key;
  std::uint64_t saved_wall_ns = 0;
  std::vector<identity::Evidence> evidence;
};

inline constexpr std::size_t kMaxCacheBytes = 16u << 20;

/// Takes the place of the file at once or not at all; 0600. Evidence beyond kMaxCacheBytes is
/// left out; returns how many pieces that were.
base::Result<std::size_t> write_cache(const std::string& path, const CacheKey& key, std::uint64_t wall_ns,
                                      std::span<const identity::SharedEvidence> evidence);

/// An error says that the file is missing, broken, of another version or too large: then it is
/// as if there was none.
base::Result<Cached> read_cache(const std::string& path);

}  // namespace iris::registry
