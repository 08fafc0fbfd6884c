// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "notify/settings.h"
#include "notify/sink.h"

namespace iris::notify {

/// A sink, the name under which its position is kept, and what it wants to hear of.
struct NamedSink {
  std::string name;  // "webhook", "syslog", "alert_file"
  int min_severity = kDefaultMinSeverity;
  std::unique_ptr<Sink> sink;
};

/// Those that are in use; none is not an error. Opens and connects nothing. Kind::usage
/// with the first of faults_of(). `product_version`: of Iris.
base::Result<std::vector<NamedSink>> make_sinks(const NotifySettings& settings, const std::string& product_version);

}  // namespace iris::notify
