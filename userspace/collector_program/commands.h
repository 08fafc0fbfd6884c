// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "collector_program/config.h"
#include "collector_program/options.h"

namespace iris::collector {

/// Until SIGTERM or SIGINT, which it blocks; then done within five seconds. Must be
/// called before there is any other thread.
base::Result<void> serve(const Config& config);

/// gateway add, list, revoke. What was asked for goes to stdout, words to stderr.
base::Result<void> run_gateway_command(const Options& options, const Config& config);

/// profile export. The document goes to stdout, what it leaves out to stderr.
base::Result<void> run_policy_command(const Options& options, const Config& config);

/// alerts, alert show, acknowledge, false-positive, close and export, and profiles.
base::Result<void> run_alert_command(const Options& options, const Config& config);

/// A recording of `iris-trace record`, or a file of `alert export`, through the detectors: the same file gives the
/// same alerts, byte for byte. Alerts go to stdout.
base::Result<void> run_replay_command(const Options& options);

}  // namespace iris::collector
