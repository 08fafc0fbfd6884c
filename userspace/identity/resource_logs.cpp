// SPDX-License-Identifier: Apache-2.0
#include "identity/resource_logs.h"

#include <algorithm>
#include <array>

#include "identity/json.h"
#include "identity/log_classes.h"
#include "identity/secrets.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

using namespace std::string_view_literals;

constexpr JsonLimits kLimits{.bytes = std::size_t{4} << 20, .values = 200'000};  // an event has at most 1 MiB
constexpr std::size_t kMaxRecords = 20'000;
constexpr std::size_t kMaxDescription = 512;
constexpr std::size_t kMaxField = 64;
constexpr std::uint64_t kMaxAheadNs = 3'600'000'000'000;
constexpr std::string_view kHubProvider = "/providers/microsoft.devices/iothubs/";

constexpr std::array kCategories = {"connections"sv,      "devicetelemetry"sv,   "deviceidentityoperations"sv, "c2dcommands"sv,
                                    "directmethods"sv,    "c2dtwinoperations"sv, "d2ctwinoperations"sv,        "twinqueries"sv,
                                    "configurations"sv,   "fileuploadoperations"sv, "routes"sv,                "jobsoperations"sv,
                                    "distributedtracing"sv, "devicestreams"sv};

std::string field(const Json& object, std::initializer_list<std::string_view> names, std::size_t max_bytes = kMaxField) {
  return bounded(without_secrets(trimmed(raw_text(member_any_case(object, names)))), max_bytes);
}

/// An id may look like a secret ("token=5") and still be one that IoT Hub allows.
std::string hub_id(const Json* value) {
  std::string id = raw_text(value);
  return is_hub_id(id) ? id : std::string();
}

/// What `properties` holds, whatever it is written as, and its raw text when that is broken.
struct Properties {
  Json object = Json::object();
  std::string broken;
};

Properties properties_of(const Json& record) {
  Properties out;
  const Json* value = member_any_case(record, {"properties"});
  if (value == nullptr) return out;
  if (value->is_object()) {
    out.object = *value;
  } else if (value->is_string()) {
    const std::string text = raw_text(value);
    auto parsed = parse_json(trimmed(text));
    if (parsed && parsed->is_object()) {
      out.object = std::move(*parsed);
    } else {
      out.broken = text;
    }
  }
  return out;
}

/// "deviceId":"x", DeviceId=x, "device 'x'": the id behind such words in a text.
std::string id_in_text(std::string_view text, std::string_view word) {
  const std::string lower = lower_case(text.substr(0, 4096));
  for (const std::string& form : {std::string(word) + "id", std::string(word) + " id", std::string(word)}) {
    for (std::size_t at = lower.find(form); at != std::string::npos; at = lower.find(form, at + 1)) {
      std::string_view rest = text.substr(at + form.size());
      const std::string_view between = rest.substr(0, std::min(rest.find_first_not_of(" :=\\\"'"), rest.size()));
      // Without a mark between them the next word is none ("the device connected").
      const std::size_t quote = between.find_last_of("'\"");
      if (quote == std::string_view::npos && (form == word || between.find_first_of(":=") == std::string_view::npos)) continue;
      rest.remove_prefix(between.size());
      const std::string ends = quote == std::string_view::npos ? std::string(" ,;\"'\\)") : std::string(1, between[quote]) + "\\";
      std::string_view id = rest.substr(0, rest.find_first_of(ends));
      if (quote == std::string_view::npos) {
        while (!id.empty() && (id.back() == '.' || id.back() == ',')) id.remove_suffix(1);
      }
      if (is_hub_id(id)) return std::string(id);
    }
  }
  return {};
}

std::string hub_of(const std::string& resource_id) {
  const std::string lower = lower_case(resource_id);
  const std::size_t at = lower.find(kHubProvider);
  if (at == std::string::npos) return {};
  const std::string hub = lower.substr(at + kHubProvider.size());
  return bounded(hub.substr(0, hub.find('/')));
}

/// Six digits, or the three of an HTTP status; "" for success.
std::string code_of(const Json& record, const Json& properties) {
  for (const Json* value : {member_any_case(record, {"resultType", "statusType"}), member_any_case(properties, {"statusType"}),
                            member_any_case(record, {"statusCode"}), member_any_case(properties, {"statusCode"})}) {
    const auto number = whole_number(value);
    if (number && ((*number >= 400 && *number < 600) || (*number >= 400'000 && *number < 600'000))) return std::to_string(*number);
  }
  return {};
}

class EventReader {
 public:
  explicit EventReader(std::uint64_t enqueued_wall_ns) : enqueued_wall_ns_(enqueued_wall_ns) {}

  LogReading read(std::string_view body) {
    const auto parsed = parse_json(body, kLimits);
    if (!parsed || !parsed->is_structured()) {
      count(out_.counts.broken);
      return std::move(out_);
    }
    const Json* records = parsed->is_array() ? &*parsed : member_any_case(*parsed, {"records"});
    if (records == nullptr) {
      take(*parsed);
    } else if (records->is_array()) {
      for (const Json& record : *records) take(record);
    } else if (records->is_object()) {
      take(*records);
    } else {
      count(out_.counts.broken);
    }
    return std::move(out_);
  }

 private:
  void count(std::uint64_t& counter) {
    ++out_.counts.records;
    ++counter;
  }

  void take(const Json& record) {
    if (!record.is_object() || out_.counts.records >= kMaxRecords) return count(out_.counts.broken);
    const std::string resource_id = raw_text(member_any_case(record, {"resourceId"}));
    const std::string category = field(record, {"category"});
    if (category.empty() && member_any_case(record, {"metricName"}) != nullptr) return count(out_.counts.metrics);
    const std::string hub = hub_of(resource_id);
    // The old operations monitoring has no resource ids: its categories tell it.
    const bool known_category = std::find(kCategories.begin(), kCategories.end(), lower_case(category)) != kCategories.end();
    if (hub.empty() && !(resource_id.empty() && known_category)) return count(out_.counts.not_iot_hub);

    const Properties properties = properties_of(record);
    flow::SecurityRecord out;
    out.hub = hub;
    out.category = category;
    out.operation = field(record, {"operationName"});
    out.wall_ns = time_of(record);
    take_ids(record, properties, out);
    out.code = code_of(record, properties.object);
    const std::string level = lower_case(field(record, {"level"}));
    const std::string operation = lower_case(out.operation);
    const bool is_connect = operation == "deviceconnect" || operation == "moduleconnect";
    const auto found = classify(record, properties, out.code, level, is_connect || equal_any_case(category, "DeviceIdentityOperations"));
    if (found) {
      out.reason = found->reason;
      out.severity = found->severity;
      if (!found->code.empty()) out.code = found->code;
      describe(record, properties, out);
      count(out_.counts.security);
      out_.records.push_back(std::move(out));
    } else if (is_connect && out.code.empty() && level != "error" && level != "critical" && !out.device_id.empty()) {
      count(out_.counts.connects);
      out_.connects.push_back({out.wall_ns, out.device_id, out.module_id, out.hub});
    } else {
      count(out_.counts.not_relevant);
    }
  }

  /// By code, then by name, then by text; the latter two only when the record tells of a failure, since
  /// texts of others may speak of anything.
  static std::optional<LogClass> classify(const Json& record, const Properties& properties, const std::string& code,
                                          const std::string& level, bool of_connection) {
    if (!code.empty()) {
      // Three digits say little when a name is there too.
      if (code.size() == 3) {
        if (const auto by_name = by_words(record, properties)) return by_name;
      }
      if (const auto by_code = class_of_code(code, of_connection)) return by_code;
      if (code.size() == 6) return std::nullopt;  // a code that is known to be of no matter here, e.g. 404104
    }
    const bool failed = !code.empty() || level == "error" || level == "critical" || level == "warning";
    return failed ? by_words(record, properties) : std::nullopt;
  }

  static std::optional<LogClass> by_words(const Json& record, const Properties& properties) {
    std::vector<std::string> texts;
    for (const Json* value : {member_any_case(record, {"resultType"}), member_any_case(record, {"resultDescription", "statusDescription"}),
                              member_any_case(properties.object, {"errorMessage"}), member_any_case(properties.object, {"statusDescription"})}) {
      texts.push_back(raw_text(value));
    }
    texts.push_back(properties.broken);
    for (const std::string& text : texts) {
      if (const auto by_name = class_of_name(text)) return by_name;
    }
    for (const std::string& text : texts) {
      if (const auto by_text = class_of_text(text)) return by_text;
    }
    return std::nullopt;
  }

  std::uint64_t time_of(const Json& record) const {
    const std::uint64_t time = parse_time(raw_text(member_any_case(record, {"time"})));
    if (enqueued_wall_ns_ == 0) return time;
    return time == 0 || time > enqueued_wall_ns_ + kMaxAheadNs ? enqueued_wall_ns_ : time;
  }

  static void take_ids(const Json& record, const Properties& properties, flow::SecurityRecord& out) {
    for (const Json* object : {&properties.object, &record}) {
      if (out.device_id.empty()) out.device_id = hub_id(member_any_case(*object, {"deviceId"}));
      if (out.module_id.empty()) out.module_id = hub_id(member_any_case(*object, {"moduleId"}));
      if (out.protocol.empty()) out.protocol = field(*object, {"protocol"});
      if (out.remote_address.empty()) out.remote_address = field(*object, {"maskedIpAddress", "callerIpAddress"});
    }
    if (!out.device_id.empty()) return;
    const std::string description = raw_text(member_any_case(record, {"resultDescription", "statusDescription"}));
    const std::string message = raw_text(member_any_case(properties.object, {"errorMessage"}));
    for (const std::string* text : {&std::as_const(properties.broken), &description, &message}) {
      if (out.device_id.empty()) out.device_id = id_in_text(*text, "device");
      if (out.module_id.empty()) out.module_id = id_in_text(*text, "module");
    }
  }

  static void describe(const Json& record, const Properties& properties, flow::SecurityRecord& out) {
    std::string text = field(record, {"resultDescription", "statusDescription"}, kMaxDescription);
    const auto append = [&](const std::string& more) {
      if (!more.empty() && more != text) text += (text.empty() ? "" : "; ") + more;
    };
    append(field(properties.object, {"errorMessage"}, kMaxDescription));
    append(bounded(without_secrets(properties.broken), kMaxDescription));
    if (const std::string type = authentication_type(record, properties.object); !type.empty()) append("authentication " + type);
    out.description = bounded(text, kMaxDescription);
  }

  /// "sas" of {"scope":"device","type":"sas",..}, which is mostly a JSON string itself.
  static std::string authentication_type(const Json& record, const Json& properties) {
    const Json* value = member_any_case(properties, {"authType", "authenticationType"});
    if (value == nullptr) value = member_any_case(record, {"authType", "authenticationType"});
    if (value == nullptr || value->is_null()) return {};
    if (value->is_object()) return field(*value, {"type"});
    const std::string text = raw_text(value);
    if (!trimmed(text).starts_with('{')) return bounded(without_secrets(text), kMaxField);
    const auto parsed = parse_json(text);
    return parsed ? field(*parsed, {"type"}) : std::string();
  }

  std::uint64_t enqueued_wall_ns_;
  LogReading out_;
};

}  // namespace

LogReading read_log_event(std::string_view body, std::uint64_t enqueued_wall_ns) { return EventReader(enqueued_wall_ns).read(body); }

}  // namespace iris::identity
