// SPDX-License-Identifier: Apache-2.0
#include "store/identity_reader.h"

#include <algorithm>

namespace iris::store {
namespace {

std::uint64_t signed_time(std::uint64_t ns) { return std::min<std::uint64_t>(ns, INT64_MAX); }

// ?1 gateway, ?2 device, ?3 address, ?4 and ?5 range, ?6 all states and not only the last of the range.
constexpr const char* kDevices = R"sql(
SELECT s.gateway_id, s.wall_ns,
  (SELECT min(n.wall_ns) FROM device_state n
   WHERE n.gateway_id = s.gateway_id AND n.device_id = s.device_id AND n.wall_ns > s.wall_ns) AS until,
  s.gone, s.body
FROM device_state s
WHERE (?1 IS NULL OR s.gateway_id = ?1) AND (?2 = '' OR s.device_id = ?2)
  AND (?3 = '' OR EXISTS (SELECT 1 FROM device_address a WHERE a.address = ?3 AND a.gateway_id = s.gateway_id
                          AND a.device_id = s.device_id AND a.wall_ns = s.wall_ns))
  AND s.wall_ns < ?5 AND (until IS NULL OR until > ?4)
  AND (?6 OR (s.gone = 0 AND (until IS NULL OR until >= ?5)))
ORDER BY s.gateway_id, s.device_id, s.wall_ns LIMIT ?7 OFFSET ?8)sql";

constexpr const char* kEvents = R"sql(
SELECT gateway_id, wall_ns, device_id, body FROM security_event
WHERE (?1 IS NULL OR gateway_id = ?1) AND (?2 = '' OR device_id = ?2) AND wall_ns >= ?3 AND wall_ns < ?4
ORDER BY wall_ns, id LIMIT ?5 OFFSET ?6)sql";

// As it was then; or, told late, as it was first known.
constexpr const char* kDeviceAt = R"sql(
SELECT body FROM device_state WHERE gateway_id = ?1 AND device_id = ?2 AND gone = 0
ORDER BY wall_ns > ?3, abs(wall_ns - ?3) LIMIT 1)sql";

}  // namespace

base::Result<void> IdentityReader::prepare(sql::Connection& connection) {
  return prepare_all(connection, {{&find_devices_, kDevices}, {&find_events_, kEvents}, {&find_device_, kDeviceAt}});
}

base::Result<void> IdentityReader::devices(const DeviceQuery& query, const std::function<void(const StoredDevice&)>& take) {
  auto& find = *find_devices_;
  const ResetAtEnd reset(find);
  const std::int64_t all_states = query.history ? 1 : 0;
  if (auto bound = bind_all(find, query.gateway_id, std::string_view(query.device), std::string_view(query.address),
                            signed_time(query.range.start_wall_ns), signed_time(query.range.end_wall_ns), all_states,
                            static_cast<std::uint64_t>(query.limit), static_cast<std::uint64_t>(query.offset));
      !bound) {
    return tl::unexpected(bound.error());
  }
  return each_row(find, [&] {
    take({find.column_int64(0), find.column_uint64(1), find.column_uint64(2), find.column_int64(3) != 0,
          std::string(find.column_text(4))});
  });
}

base::Result<std::string> IdentityReader::device_at(std::int64_t gateway_id, std::string_view device_id,
                                                    std::uint64_t wall_ns) {
  auto& find = *find_device_;
  const ResetAtEnd reset(find);
  if (auto bound = bind_all(find, gateway_id, device_id, wall_ns); !bound) return tl::unexpected(bound.error());
  auto row = find.step();
  if (!row) return tl::unexpected(row.error());
  return *row ? std::string(find.column_text(0)) : std::string();
}

base::Result<void> IdentityReader::security_events(const SecurityQuery& query,
                                                   const std::function<void(const StoredSecurityEvent&)>& take) {
  auto& find = *find_events_;
  const ResetAtEnd reset(find);
  if (auto bound = bind_all(find, query.gateway_id, std::string_view(query.device), signed_time(query.range.start_wall_ns),
                            signed_time(query.range.end_wall_ns), static_cast<std::uint64_t>(query.limit),
                            static_cast<std::uint64_t>(query.offset));
      !bound) {
    return tl::unexpected(bound.error());
  }
  for (;;) {
    auto row = find.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    StoredSecurityEvent event{find.column_int64(0), std::string(find.column_text(3)), {}};
    auto device = device_at(event.gateway_id, find.column_text(2), find.column_uint64(1));
    if (!device) return tl::unexpected(device.error());
    event.device = std::move(*device);
    take(event);
  }
}

}  // namespace iris::store
