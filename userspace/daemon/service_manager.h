// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

/// What systemd is told (sd_notify); nothing happens where nobody listens.
namespace iris::daemon {

void tell_ready(const std::string& status);
void tell_status(const std::string& status);
void tell_reloading();
void tell_stopping();
void feed_watchdog();
/// How often the watchdog wants to be fed at the latest; none: there is none.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace iris::daemon
