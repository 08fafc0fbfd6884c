// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/store.h"

namespace iris::rest {

inline constexpr std::size_t kDefaultLimit = 1'000;
inline constexpr std::size_t kMaxLimit = 10'000;
inline constexpr std::size_t kMaxOffset = 1'000'000;

/// The parameters of a query, each checked. `gateway` names one; its id is looked
/// up by who asks.
struct Parameters {
  std::string gateway;
  std::string device;
  std::string address;   // as the store has it
  bool history = false;
  std::string key;       // of a profile
  std::string alert_class;
  int severity = 1;      // at least
  std::optional<store::AlertState> status;
  store::FlowQuery flows;
};

/// Takes `allowed` of gateway, owner, device, address, history, key, class, severity, status, from, to, peer, port,
/// limit, offset; any other, a second one of a name and a bad value are errors that name it.
base::Result<Parameters> parse_parameters(const std::multimap<std::string, std::string>& given,
                                          std::initializer_list<std::string_view> allowed);

}  // namespace iris::rest
