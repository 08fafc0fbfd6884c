// SPDX-License-Identifier: Apache-2.0
#include "cli/filter_options.h"

#include <fmt/format.h>

#include <charconv>

namespace iris::cli {
namespace {

constexpr std::size_t kShortestIdPrefix = 4;  // as flow::Filter has it
constexpr const char* kGroup = "Filters (all must match)";

[[noreturn]] void refuse(const std::string& option, const std::string& what) { throw CLI::ValidationError(option, what); }

template <typename Number>
std::optional<Number> number(const std::string& text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

void set_container(flow::Filter& filter, const std::string& text) {
  if (text.empty()) refuse("--container", "needs a name or an id");
  filter.container = text;
}

void set_pid(flow::Filter& filter, const std::string& text) {
  filter.pid = number<std::uint32_t>(text, 1, 4'194'304);
  if (!filter.pid) refuse("--pid", fmt::format("'{}' is not a process id", text));
}

void set_port(flow::Filter& filter, const std::string& text) {
  filter.port = number<std::uint16_t>(text, 1, 65'535);
  if (!filter.port) refuse("--port", fmt::format("'{}' is not a port (1 to 65535)", text));
}

void set_protocol(flow::Filter& filter, const std::string& text) {
  for (unsigned protocol = 0; protocol <= 255; ++protocol) {
    if (flow::protocol_name(static_cast<std::uint8_t>(protocol)) == text || std::to_string(protocol) == text) {
      filter.protocol = static_cast<std::uint8_t>(protocol);
      return;
    }
  }
  refuse("--protocol", fmt::format("'{}' is not a protocol (tcp, udp, icmp ... or its number)", text));
}

void set_peer(flow::Filter& filter, const std::string& text) {
  if (text.empty()) refuse("--peer", "needs an address, a block or a name");
  filter.peer = base::Cidr::parse(text);
  if (filter.peer) return;
  const bool address_like = text.find_first_of(":/") != std::string::npos ||
                            text.find_first_not_of("0123456789.") == std::string::npos;
  if (address_like) {
    refuse("--peer", fmt::format("'{}' is neither an address (198.51.100.7, 2001:db8::1), nor a block "
                                 "(198.51.100.0/24), nor a name", text));
  }
  filter.peer_name = text;
}

void set_role(flow::Filter& filter, const std::string& text) {
  for (const auto role : {flow::Role::originator, flow::Role::responder}) {
    if (text == flow::to_string(role)) {
      filter.role = role;
      return;
    }
  }
  refuse("--role", fmt::format("'{}' is not a role (originator or responder)", text));
}

std::vector<std::string> split(const std::string& option, const std::string& list) {
  auto parts = CLI::detail::split(list, ',');
  for (auto& part : parts) CLI::detail::trim(part);
  if (parts.empty()) refuse(option, "needs at least one name");
  return parts;
}

bool select_socket_type(Selection& selection, const std::string& name) {
  for (std::size_t type = 0; type < selection.socket_events.size(); ++type) {
    if (name == flow::to_string(static_cast<flow::SocketEventType>(type))) {
      selection.socket_events.set(type);
      return true;
    }
  }
  return false;
}

}  // namespace

void add_filters(CLI::App& app, flow::Filter& filter, FilterSet set) {
  const auto add = [&](const char* name, void (*apply)(flow::Filter&, const std::string&), const char* what,
                       const char* type) {
    app.add_option_function<std::string>(name, [&filter, apply](const std::string& text) { apply(filter, text); }, what)
        ->type_name(type)
        ->group(kGroup);
  };
  add("--container", set_container, "Of this container: name, IoT Edge module, or at least 4 characters of the id",
      "NAME|ID");
  if (set == FilterSet::devices) {
    add("--peer", set_peer, "At this address, or called so", "ADDR|CIDR|ID");
    return;
  }
  if (set != FilterSet::flows) add("--pid", set_pid, "Of this process", "N");
  if (set != FilterSet::exits) {
    add("--protocol", set_protocol, "Over this protocol: tcp, udp, icmp ... or its number", "NAME");
    add("--port", set_port, "Of this service port; for events, either port", "N");
    add("--peer", set_peer, "With this peer: address, block, DNS name or container name", "ADDR|CIDR|NAME");
    add("--role", set_role, "Opened by the owner (originator) or by the peer (responder)", "ROLE");
  }
  app.add_flag("--failed", filter.failed_only,
               set == FilterSet::exits ? "Only exits that were not clean" : "Only what failed")
      ->group(kGroup);
}

void select_types(Selection& selection, const std::string& list) {
  selection = {};
  for (const auto& name : split("--types", list)) {
    if (select_socket_type(selection, name)) continue;
    if (name == "exec") selection.execs = true;
    else if (name == "dns") selection.dns = true;
    else if (name == "container") selection.containers = true;
    else if (name == "identity") selection.identities = true;
    else {
      refuse("--types", fmt::format("'{}' is not a type of event (connect, accept, established, failed, close, listen, "
                                    "udp, exec, dns, container, identity)", name));
    }
  }
}

void select_kinds(Selection& selection, const std::string& list) {
  selection = {};
  for (const auto& name : split("--only", list)) {
    if (name == "flows") selection.flows = true;
    else if (name == "events") selection.socket_events.set();
    else if (name == "exits") selection.exits = true;
    else if (name == "exec") selection.execs = true;
    else if (name == "dns") selection.dns = true;
    else if (name == "containers") selection.containers = true;
    else if (name == "identities") selection.identities = true;
    else refuse("--only", fmt::format("'{}' is not a kind of record (flows, events, exits, exec, dns, containers, identities)", name));
  }
}

Selection all_records() {
  Selection all{true, true, true, true, true, true, {}};
  all.socket_events.set();
  return all;
}

}  // namespace iris::cli
