// SPDX-License-Identifier: Apache-2.0
#include "identity/log_classes.h"

#include <algorithm>
#include <array>

#include "identity/text.h"

namespace iris::identity {
namespace {

using enum flow::SecurityReason;

struct NamedCode {
  std::string_view code;
  std::string_view name;  // in lower case
  flow::SecurityReason reason;
  std::uint8_t severity;
};

constexpr std::array kCodes = {
    NamedCode{"401000", "genericunauthorized", unauthorized, 3},
    NamedCode{"401001", "iothubnotfound", unauthorized, 3},  // asks for a hub that is not there: probing
    NamedCode{"401002", "iothubunauthorizedaccess", unauthorized, 3},
    NamedCode{"401003", "iothubunauthorized", unauthorized, 3},
    NamedCode{"401100", "systemmodulemodifyunauthorizedaccess", privilege_violation, 4},
    NamedCode{"403000", "genericforbidden", forbidden, 3},
    NamedCode{"403002", "iothubquotaexceeded", exhausted, 2},
    NamedCode{"403004", "devicemaximumqueuedepthexceeded", exhausted, 2},
    NamedCode{"403005", "iothubmaxcbstokenexceeded", exhausted, 3},
    NamedCode{"403006", "devicemaximumactivefileuploadlimitexceeded", exhausted, 2},
    NamedCode{"403011", "keyencryptionkeyrevoked", disabled, 3},
    NamedCode{"403012", "devicedisabled", disabled, 3},
    NamedCode{"404001", "devicenotfound", unknown_identity, 3},
    NamedCode{"404010", "modulenotfound", unknown_identity, 3},
    NamedCode{"400027", "connectionforcefullyclosedonnewconnection", duplicate_identity, 3},
    NamedCode{"409002", "linkcreationconflict", duplicate_identity, 3},
    NamedCode{"409001", "devicealreadyexists", registration_conflict, 3},
    NamedCode{"409301", "modulealreadyexistsondevice", registration_conflict, 3},
    NamedCode{"429000", "genericthrottle", throttled, 2},
    NamedCode{"429001", "throttlingexception", throttled, 2},
    NamedCode{"429002", "throttlingbackloglimitexceeded", throttled, 2},
    NamedCode{"429003", "throttlingbacklogtimeout", throttled, 2},
    NamedCode{"429004", "throttlingmaxactivejobcountexceeded", throttled, 2}};

struct Phrase {
  std::string_view text;  // in lower case
  std::string_view also;
  std::string_view code;
};
constexpr std::array kPhrases = {Phrase{"authorization rule", "does not allow", "401002"},
                                 Phrase{"authentication failed", "", "401003"},
                                 Phrase{"thumbprint does not match", "", "401003"},
                                 Phrase{"does not contain the specified device", "", "404001"},
                                 Phrase{"principal", "is not authorized", "401002"}};

LogClass class_of(const NamedCode& row) { return {row.reason, row.severity, row.code}; }

}  // namespace

std::optional<LogClass> class_of_code(std::string_view code, bool of_connection) {
  for (const NamedCode& row : kCodes) {
    if (row.code == code) return LogClass{row.reason, row.severity, {}};
  }
  const bool short_form = code.size() == 3;
  if (code.size() != 6 && !short_form) return std::nullopt;
  if (code.starts_with("401")) return LogClass{unauthorized, 3, {}};
  if (code.starts_with("403")) return LogClass{forbidden, 3, {}};
  if (code.starts_with("429")) return LogClass{throttled, 2, {}};
  if (!short_form || !of_connection || code[0] != '4') return std::nullopt;
  // An HTTP status alone tells less; of other operations it is an everyday failure.
  if (code == "404") return LogClass{unknown_identity, 3, {}};
  if (code == "409") return LogClass{registration_conflict, 3, {}};
  return LogClass{connection_refused, 2, {}};
}

std::optional<LogClass> class_of_name(std::string_view name) {
  const std::string lower = lower_case(trimmed(name).substr(0, 128));
  for (const NamedCode& row : kCodes) {
    if (lower == row.name) return class_of(row);
  }
  return std::nullopt;
}

std::optional<LogClass> class_of_text(std::string_view text) {
  for (const Phrase& phrase : kPhrases) {
    if (!contains_any_case(text, phrase.text) || !contains_any_case(text, phrase.also)) continue;
    const auto* row = std::find_if(kCodes.begin(), kCodes.end(), [&](const NamedCode& named) { return named.code == phrase.code; });
    return class_of(*row);
  }
  // A name inside a sentence, such as "ErrorCode:IotHubUnauthorizedAccess;Unauthorized".
  for (const NamedCode& row : kCodes) {
    if (contains_any_case(text, row.name)) return class_of(row);
  }
  return std::nullopt;
}

}  // namespace iris::identity
