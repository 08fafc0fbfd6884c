// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace iris::runtimes {

/// Addresses of the network namespace that the process is in, without loopback
/// and link-local ones; none when it is our own namespace (host network) or
/// cannot be read.
std::vector<base::IpAddress> namespace_addresses(std::uint32_t pid);

/// The local addresses in the text of /proc/PID/net/fib_trie. Pure.
std::vector<base::IpAddress> parse_fib_trie(std::string_view text);
/// The same for /proc/PID/net/if_inet6. Pure.
std::vector<base::IpAddress> parse_if_inet6(std::string_view text);

}  // namespace iris::runtimes
