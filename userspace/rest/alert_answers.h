// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "rest/api.h"

/// Alerts, what people say to them, and the profiles that they depart from.
namespace iris::rest {

Answer list_alerts(const Sources& sources, const Request& request);
Answer list_profiles(const Sources& sources, const Request& request);

/// The path behind "/api/v1/alerts/": ID, ID/incident, and by POST ID/acknowledge,
/// ID/false_positive, ID/close, which answer with the alert as it is then.
Answer answer_alert(const Sources& sources, const Request& request, std::string_view rest);

}  // namespace iris::rest
