// SPDX-License-Identifier: Apache-2.0
#include "collector_program/alert_feed.h"

namespace iris::collector {

base::Result<std::vector<notify::Notice>> AlertFeed::after(std::uint64_t change, std::size_t limit) {
  auto changes = store_.alert_changes(change, limit);
  if (!changes) return tl::unexpected(std::move(changes.error()));
  std::vector<notify::Notice> notices;
  notices.reserve(changes->size());
  for (auto& alert : *changes) notices.push_back({alert.change, alert.severity, std::move(alert.json)});
  return notices;
}

}  // namespace iris::collector
