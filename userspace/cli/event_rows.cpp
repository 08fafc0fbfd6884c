// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/record_rows.h"
#include "cli/text_format.h"

namespace iris::cli {
namespace {

// RFC 1035 section 4.1.1 and RFC 2136 section 2.2.
std::string response_words(std::uint8_t code) {
  switch (code) {
    case 0: return "no address";
    case 1: return "format error";
    case 2: return "server failure";
    case 3: return "no such name";
    case 4: return "not implemented";
    case 5: return "refused";
    default: return fmt::format("response code {}", code);
  }
}

std::string process_words(const std::string& process, std::uint32_t pid) {
  if (process.empty()) return pid == 0 ? "-" : fmt::format("[{}]", pid);
  return pid == 0 ? printable(process) : printable(process) + "[" + std::to_string(pid) + "]";
}

Color color_of(flow::SocketEventType type) {
  switch (type) {
    case flow::SocketEventType::failed: return Color::red;
    case flow::SocketEventType::listen: return Color::yellow;
    case flow::SocketEventType::close: return Color::dim;
    default: return Color::none;
  }
}

std::string details(const flow::SocketEvent& event, const Terminal& terminal) {
  std::string text;
  const auto add = [&text](std::string_view part) {
    if (!text.empty()) text += ", ";
    text += part;
  };
  if (event.reason) {
    add(failure_words(*event.reason));
  } else if (event.type == flow::SocketEventType::failed) {
    add("reason not known");
  }
  const bool opened_it = event.role == flow::Role::originator;
  const auto& sent = opened_it ? event.originator_bytes : event.responder_bytes;
  const auto& received = opened_it ? event.responder_bytes : event.originator_bytes;
  if (sent) add("sent " + human_bytes(*sent));
  if (received) add("received " + human_bytes(*received));
  if (event.duration_us) add("in " + human_duration(*event.duration_us, terminal));
  return text;
}

Row without_socket(std::uint64_t wall_ns, const flow::OwnerPtr& owner, const char* event, std::string process,
                   std::string detail) {
  return {{clock_time(wall_ns, true), Color::dim, true},
          {owner_name(owner), Color::cyan},
          {event, Color::none, true},
          {"", Color::none},
          {std::move(process), Color::none},
          {"", Color::none},
          {std::move(detail), Color::none, true, {}, true}};
}

}  // namespace

std::vector<Column> event_columns(bool wide) {
  return {{.title = "TIME", .typical = 12},
          {.title = "OWNER", .shortest = 8, .longest = wide ? 0U : 24U, .typical = 12},
          {.title = "EVENT", .typical = 11},
          {.title = "PROTO", .drop_order = 2, .typical = 5},
          {.title = "PROCESS", .shortest = 9, .longest = wide ? 0U : 22U, .drop_order = 3, .typical = 16},
          {.title = "LOCAL", .drop_order = 1, .typical = 21},
          {.title = ""},
          {.title = "PEER", .shortest = 14, .longest = wide ? 0U : 36U, .typical = 21},
          {.title = "ADDRESS", .typical = 15},
          {.title = "DETAILS", .longest = 7}};
}

Row event_row(const flow::SocketEvent& event, const Terminal& terminal) {
  const bool listening = event.type == flow::SocketEventType::listen;
  Row row;  // not from an initializer list, which would copy every string
  row.reserve(10);
  row.push_back({clock_time(event.wall_ns, true), Color::dim, true});
  row.push_back({owner_name(event.owner), Color::cyan});
  row.push_back({flow::to_string(event.type), color_of(event.type), true});
  row.push_back({flow::protocol_name(event.protocol), Color::none, true});
  row.push_back({process_words(event.process, event.pid), Color::none});
  if (listening) {
    // The local end is the news, so it stands where it is never left out.
    row.push_back({"", Color::none});
    row.push_back({terminal.left_arrow(), Color::none, true});
    row.push_back({"at " + endpoint(event.local_address, event.local_port), Color::none, true});
    row.push_back({"", Color::none});
  } else {
    row.push_back({endpoint(event.local_address, event.local_port), Color::dim, true});
    row.push_back({event.role == flow::Role::originator ? terminal.right_arrow() : terminal.left_arrow(), Color::none, true});
    if (event.peer_names.empty()) {
      row.push_back({endpoint(event.peer_address, event.peer_port), Color::none, true});
      row.push_back({"", Color::none});
    } else {
      row.push_back({printable(event.peer_names.front()), Color::none, false, ":" + std::to_string(event.peer_port)});
      row.push_back({event.peer_address.to_string(), Color::dim, true});
    }
  }
  row.push_back({details(event, terminal), event.reason ? Color::red : Color::none, true});
  return row;
}

Row event_row(const flow::ExecRecord& exec, const Terminal&) {
  return without_socket(exec.wall_ns, exec.owner, "exec", process_words(exec.process, exec.pid),
                        exec.executable.empty() ? "executable not known" : printable(exec.executable));
}

Row event_row(const flow::DnsRecord& dns, const Terminal&) {
  std::string detail = printable(dns.question_name) + ": ";
  if (dns.addresses.empty() || dns.response_code != 0) detail += response_words(dns.response_code);
  for (std::size_t i = 0; i < dns.addresses.size(); ++i) {
    if (i > 0 || dns.response_code != 0) detail += ", ";
    dns.addresses[i].append_to(detail);
  }
  return without_socket(dns.wall_ns, dns.owner, "dns", "-", std::move(detail));
}

Row event_row(const flow::ContainerRecord& change, const Terminal&) {
  std::string detail = flow::to_string(change.change);
  if (change.owner && !change.owner->image.empty()) detail += ", image " + printable(change.owner->image);
  if (change.pid != 0) detail += fmt::format(", main process {}", change.pid);
  for (const auto& address : change.addresses) detail += ", " + address.to_string();
  return without_socket(change.wall_ns, change.owner, "container", "-", std::move(detail));
}

std::vector<Column> container_columns(bool wide) {
  return {{.title = "NAME", .shortest = 10, .longest = wide ? 0U : 32U},
          {.title = "MODULE", .shortest = 8, .longest = wide ? 0U : 24U, .drop_order = 4},
          {.title = "IMAGE", .shortest = 12, .longest = wide ? 0U : 40U, .drop_order = 3},
          {.title = "RUNTIME", .drop_order = 2},
          {.title = "PID", .right = true, .drop_order = 5},
          {.title = "KNOWN", .drop_order = 1},
          {.title = "ID"},
          {.title = "ADDRESSES"}};
}

Row container_row(const flow::ContainerRecord& container, bool wide) {
  static const flow::Owner kNobody;
  const flow::Owner& owner = container.owner ? *container.owner : kNobody;
  const auto known = [](const std::string& text) { return text.empty() ? std::string("-") : printable(text); };
  const char* state = !owner.name.empty() && !owner.image.empty() ? "name, image"
                      : !owner.name.empty()                       ? "name"
                      : !owner.container_id.empty()               ? "id only"
                                                                  : "cgroup only";
  std::string addresses;
  for (const auto& address : container.addresses) {
    if (!addresses.empty()) addresses += ", ";
    address.append_to(addresses);
  }
  return {{owner_name(container.owner), Color::cyan},
          {known(owner.module_id), Color::none},
          {known(owner.image), Color::none},
          {known(owner.runtime), Color::none},
          {container.pid == 0 ? "-" : std::to_string(container.pid), Color::none},
          {state, owner.name.empty() ? Color::yellow : Color::none},
          {known(wide ? owner.container_id : owner.container_id.substr(0, 12)), Color::dim, true},
          {addresses, Color::none, true}};
}

}  // namespace iris::cli
