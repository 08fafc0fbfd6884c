// SPDX-License-Identifier: Apache-2.0
#include "profile/domain.h"

#include <libpsl.h>

#include <algorithm>

namespace iris::profile {

std::string registrable_domain(std::string_view name) {
  constexpr std::size_t kLongestName = 253;  // RFC 1035
  while (!name.empty() && name.back() == '.') name.remove_suffix(1);
  std::string lower(name.substr(0, kLongestName));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  // Built into the library: no file is read.
  const char* domain = psl_registrable_domain(psl_builtin(), lower.c_str());
  return domain != nullptr ? std::string(domain) : lower;
}

}  // namespace iris::profile
