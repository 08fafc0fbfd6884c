// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>

#include <map>
#include <string>

namespace iris::demo {

/// Dotted text, or asks the name server of /etc/resolv.conf. The C library's
/// getaddrinfo() loads modules at run time and so does not work in a static program.
in_addr resolve(const std::string& name);

/// Answers A questions for `table` on UDP port 53 of one address for ever (answers must come from it);
/// other names do not exist.
[[noreturn]] void serve_names(const std::string& own_address, const std::map<std::string, std::string>& table);

}  // namespace iris::demo
