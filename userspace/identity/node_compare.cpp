// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>
#include <tuple>

#include "identity/node.h"

namespace iris::identity::merging {

bool before(const flow::DeviceAddress& a, const flow::DeviceAddress& b) {
  return std::tie(a.ip, a.port, a.protocol, a.text) < std::tie(b.ip, b.port, b.protocol, b.text);
}

bool before(const Evidence& a, const Evidence& b) {
  const auto plain = [](const Evidence& one) {
    return std::tie(one.source, one.kind, one.name, one.parent, one.module_id, one.hardware_ids, one.tags, one.configuration,
                    one.status, one.deployed, one.connected);
  };
  const auto left = plain(a);
  const auto right = plain(b);
  if (left != right) return left < right;
  return std::lexicographical_compare(a.addresses.begin(), a.addresses.end(), b.addresses.begin(), b.addresses.end(),
                                      [](const auto& x, const auto& y) { return before(x, y); });
}

std::string contradiction(const Node& a, const Node& b) {
  for (const std::string_view kind : {"mac:", "serial:", "deveui:"}) {
    const std::string* theirs = nullptr;
    bool have = false;
    bool common = false;
    for (const std::string& id : b.hardware_ids) have |= id.starts_with(kind);
    for (const std::string& id : a.hardware_ids) {
      if (!id.starts_with(kind)) continue;
      if (theirs == nullptr) theirs = &id;
      common |= std::binary_search(b.hardware_ids.begin(), b.hardware_ids.end(), id);
    }
    if (have && theirs != nullptr && !common) return *theirs;
  }
  return {};
}

}  // namespace iris::identity::merging
