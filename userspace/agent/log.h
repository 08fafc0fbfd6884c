// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.h"

/// The daemon's log is spdlog's default logger; this decides where it goes.
namespace iris::agent {

/// To the journal, with its fields, when `format` says so or stderr is the journal;
/// else lines of text or JSON on stderr.
void set_up_log(const LogConfig& config);
/// The part of it that a reload may change.
void set_log_level(const std::string& level);
/// True when stderr is the stream that $JOURNAL_STREAM names.
bool stderr_is_journal();

}  // namespace iris::agent
