// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/record_rows.h"
#include "cli/text_format.h"

namespace iris::cli {
namespace {

std::string known(const std::string& text) { return text.empty() ? std::string("-") : printable(text); }

std::string addresses_of(const flow::Device& device) {
  std::string text;
  for (const auto& address : device.addresses) text += (text.empty() ? "" : ", ") + flow::to_string(address);
  return printable(text);
}

const char* pattern_words(flow::GatewayPattern pattern) {
  switch (pattern) {
    case flow::GatewayPattern::transparent: return "transparent";
    case flow::GatewayPattern::identity_translation: return "identity translation";
    case flow::GatewayPattern::protocol_translation: return "protocol translation";
    case flow::GatewayPattern::none: break;
  }
  return "-";
}

Row without_socket(std::uint64_t wall_ns, const std::string& who, const char* event, std::string detail) {
  return {{clock_time(wall_ns, true), Color::dim, true},
          {known(who), Color::cyan},
          {event, Color::none, true},
          {"", Color::none},
          {"-", Color::none},
          {"", Color::none},
          {std::move(detail), Color::none, true, {}, true}};
}

}  // namespace

std::string device_name(const std::string& id) { return printable(id.substr(id.rfind('/') + 1)); }

std::vector<Column> device_columns(bool wide) {
  return {{.title = "DEVICE", .shortest = 12, .longest = wide ? 0U : 40U},
          {.title = "KIND"},
          {.title = "THROUGH", .shortest = 8, .longest = wide ? 0U : 24U, .drop_order = 3},
          {.title = "PATTERN", .drop_order = 1},
          {.title = "STATUS", .drop_order = 4},
          {.title = "SAID BY", .shortest = 10, .longest = wide ? 0U : 30U, .drop_order = 2},
          {.title = "ADDRESSES", .longest = wide ? 0U : 48U},
          {.title = "NOTES"}};
}

Row device_row(const flow::Device& device, bool wide) {
  std::string notes;
  const auto note = [&notes](const std::string& text) { notes += (notes.empty() ? "" : "; ") + text; };
  if (!device.deployed) note("not deployed");
  if (!device.conflicts.empty()) {
    note(wide ? printable(fmt::format("{}", fmt::join(device.conflicts, "; ")))
              : fmt::format("{} conflict{}", device.conflicts.size(), device.conflicts.size() == 1 ? "" : "s"));
  }
  const bool is_well = device.status.empty() || device.status == "running" || device.status == "enabled";
  return {{known(device.id), Color::cyan},
          {flow::to_string(device.kind), device.kind == flow::DeviceKind::observed ? Color::yellow : Color::none, true},
          {known(device.module_id.empty() ? device.parent : device.module_id), Color::none},
          {pattern_words(device.pattern), Color::none},
          {known(device.status), is_well ? Color::none : Color::yellow},
          {device.sources.empty() ? "-" : printable(fmt::format("{}", fmt::join(device.sources, ", "))), Color::dim},
          {addresses_of(device), Color::none},
          {notes, Color::yellow, true}};
}

Row event_row(const flow::DeviceRecord& change, const Terminal&) {
  std::string detail = fmt::format("{}, {}", flow::to_string(change.change), flow::to_string(change.device.kind));
  if (const auto where = addresses_of(change.device); !where.empty()) detail += ", " + where;
  if (!change.device.status.empty()) detail += ", " + printable(change.device.status);
  for (const auto& conflict : change.device.conflicts) detail += "; " + printable(conflict);
  return without_socket(change.wall_ns, change.device.id, "device", std::move(detail));
}

Row event_row(const flow::SecurityRecord& event, const Terminal&) {
  std::string detail = fmt::format("{}, severity {}", flow::to_string(event.reason), event.severity);
  for (const auto* part : {&event.operation, &event.code, &event.description, &event.protocol, &event.remote_address}) {
    if (!part->empty()) detail += ", " + printable(*part);
  }
  return without_socket(event.wall_ns, event.device_id, "security", std::move(detail));
}

}  // namespace iris::cli
