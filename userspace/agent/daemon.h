// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <functional>
#include <optional>

#include "agent/config.h"
#include "base/result.h"

namespace iris::agent {

/// SIGTERM, SIGINT, SIGHUP: blocked in every thread, and waited for by one.
sigset_t daemon_signals();

/// Reads the configuration again; none: it has faults, which have been logged.
using Reload = std::function<std::optional<Config>()>;

/// The daemon from its self-test to its last window. The caller has set up the log
/// and blocked daemon_signals(). Kind::permission and Kind::unsupported are exit code 3.
base::Result<void> run_daemon(const Config& config, const Reload& reload);

}  // namespace iris::agent
