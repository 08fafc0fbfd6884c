// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// The daemon's log is spdlog's default logger; this decides where it goes.
namespace iris::daemon {

/// `format`: "auto" is the journal, with its fields, when stderr is that, else text;
/// "text" and "json" are lines on stderr; "journal". `program` is in front of each.
void set_up_log(const std::string& program, const std::string& level, const std::string& format = "auto");
/// The part of it that a reload may change.
void set_log_level(const std::string& level);
/// True when stderr is the stream that $JOURNAL_STREAM names.
bool stderr_is_journal();

}  // namespace iris::daemon
