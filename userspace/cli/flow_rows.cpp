// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/record_rows.h"
#include "cli/text_format.h"

namespace iris::cli {
namespace {

Cell count_cell(std::uint64_t count) { return {count == 0 ? "-" : human_count(count), count == 0 ? Color::dim : Color::none}; }
Cell bytes_cell(std::uint64_t bytes) { return {bytes == 0 ? "-" : human_bytes(bytes), bytes == 0 ? Color::dim : Color::none}; }

/// The peer by the best name there is, and its address where the name took the place of it.
void add_peer(Row& row, const flow::FlowRecord& flow) {
  if (!flow.peer_address) {
    // Folded: many peers in one row.
    row.push_back({"(many)", Color::yellow});
    row.push_back({"", Color::none});
    return;
  }
  const std::string port = flow.service_port == 0 ? "" : fmt::format(":{}", flow.service_port);
  const bool owner_has_name = flow.peer_owner && (!flow.peer_owner->name.empty() || !flow.peer_owner->module_id.empty()) &&
                              flow.peer_owner->kind != flow::OwnerKind::host;
  // One that nobody registered is called by its address anyway.
  const bool device_has_name = !flow.peer_device.empty() && !flow.peer_device.starts_with("observed/");
  if (owner_has_name || device_has_name || !flow.peer_names.empty()) {
    const std::string name = owner_has_name    ? owner_name(flow.peer_owner)
                             : device_has_name ? device_name(flow.peer_device)
                                               : printable(flow.peer_names.front());
    row.push_back({name, Color::none, false, port});
    row.push_back({flow.peer_address->to_string(), Color::dim, true});
  } else {
    row.push_back({endpoint(*flow.peer_address, flow.service_port), Color::none, true});
    row.push_back({"", Color::none});
  }
}

}  // namespace

std::vector<Column> flow_columns(bool wide) {
  std::vector<Column> columns{
      {.title = "OWNER", .shortest = 8, .longest = wide ? 0U : 28U},
      {.title = ""},
      {.title = "PEER", .shortest = 14, .longest = wide ? 0U : 36U},
      {.title = "ADDRESS", .hide_empty = true},
      {.title = "PROTO", .drop_order = 3},
      {.title = "OPENED", .right = true},
      {.title = "ACTIVE", .right = true, .drop_order = 4},
      {.title = "SENT", .right = true},
      {.title = "RECEIVED", .right = true},
      {.title = "RTT", .right = true, .drop_order = 2},
      {.title = "RETR", .right = true, .drop_order = 1},
  };
  if (wide) {
    for (const char* title : {"LOCAL", "SCOPE", "SURE", "NOTES", "PROCESSES"}) columns.push_back({.title = title});
  }
  columns.push_back({.title = "FAILED", .longest = 24});
  return columns;
}

Row flow_row(const flow::FlowRecord& flow, const Terminal& terminal, bool wide) {
  const bool opened_it = flow.role == flow::Role::originator;
  Row row;
  row.push_back({owner_name(flow.owner), Color::cyan});
  row.push_back({opened_it ? terminal.right_arrow() : terminal.left_arrow(), Color::none, true});
  add_peer(row, flow);
  row.push_back({flow::protocol_name(flow.protocol), Color::none, true});
  row.push_back(count_cell(flow.opened));
  row.push_back(count_cell(flow.active));
  row.push_back(bytes_cell(opened_it ? flow.originator_bytes : flow.responder_bytes));
  row.push_back(bytes_cell(opened_it ? flow.responder_bytes : flow.originator_bytes));
  row.push_back({flow.rtt_us ? human_duration(flow.rtt_us->mean_us, terminal) : "-", flow.rtt_us ? Color::none : Color::dim});
  row.push_back(count_cell(flow.retransmits));
  if (wide) {
    row.push_back({flow.local_address ? flow.local_address->to_string() : "-", Color::none, true});
    row.push_back({flow::to_string(flow.scope), Color::none});
    row.push_back({flow::to_string(flow.attribution), Color::none});
    const char* notes = flow.folded ? (flow.pre_existing ? "folded, older" : "folded") : flow.pre_existing ? "older" : "-";
    row.push_back({notes, flow.folded ? Color::yellow : Color::none});
    row.push_back({flow.processes.empty() ? "-" : printable(fmt::format("{}", fmt::join(flow.processes, ","))), Color::none});
  }
  row.push_back({failures(flow), Color::red, true});
  return row;
}

std::uint64_t volume(const flow::FlowRecord& flow) { return flow.originator_bytes + flow.responder_bytes; }

}  // namespace iris::cli
