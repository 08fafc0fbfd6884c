// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "cli/terminal.h"
#include "flow/records.h"

/// Values as a person reads them.
namespace iris::cli {

/// "0 B", "1.2 KiB", "12.3 MiB", "123 GiB".
std::string human_bytes(std::uint64_t bytes);
/// "850 µs", "12.3 ms", "1.5 s", "3 min 2 s", "3 h 2 min", "2 d 3 h".
std::string human_duration(std::uint64_t us, const Terminal& terminal);
/// "1,234,567".
std::string human_count(std::uint64_t count);
/// Local time, "12:34:56" or with milliseconds; "-" when not known.
std::string clock_time(std::uint64_t wall_ns, bool milliseconds);

/// Text of unknown origin made fit for a terminal: control characters, escape
/// sequences and direction overrides cannot get through; invalid UTF-8 shows as U+FFFD.
std::string printable(std::string_view text);
/// Terminal columns that printable text takes.
std::size_t display_width(std::string_view text);
/// The longest beginning of at most `width` columns.
std::string_view cut_to_width(std::string_view text, std::size_t width);

/// Module, container or service by name; short id only when there is no name.
std::string owner_name(const flow::OwnerPtr& owner);
/// "198.51.100.7:502", "[2001:db8::1]:502"; without a port the address alone.
std::string endpoint(const base::IpAddress& address, std::uint16_t port);

/// "refused", "timed out", "unreachable" ...
std::string_view failure_words(flow::FailureReason reason);
/// "3 refused, 1 timed out"; empty without failures.
std::string failures(const flow::FlowRecord& flow);
/// "complete" or "5 lost: ring_full 3, decode 2", and what was folded.
std::string ledger_words(const flow::Ledger& ledger);
std::uint64_t lost(const flow::Ledger& ledger);

}  // namespace iris::cli
