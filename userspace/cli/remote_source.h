// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/options.h"
#include "cli/trace_source.h"

namespace iris::cli {

/// What a command gets its records from: irisd, when one listens on the socket of
/// the options and can give what is asked for; else the kernel itself, with a word
/// on standard error when there was an irisd to ask. `one_window`: the command ends
/// after a window.
base::Result<Backend> choose_backend(const Options& options, bool one_window);

/// A backend that asks the irisd behind this socket.
base::Result<Backend> remote_backend(const Options& options, bool one_window);

}  // namespace iris::cli
