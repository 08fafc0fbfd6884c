// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace iris::collector {

/// spdlog's default logger: to the journal with its fields when stderr is the
/// journal, else lines on stderr.
void set_up_log(const std::string& level);

}  // namespace iris::collector
