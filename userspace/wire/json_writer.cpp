// SPDX-License-Identifier: Apache-2.0
#include "wire/json_writer.h"

#include <fmt/format.h>

#include <ctime>

#include "base/utf8.h"

namespace iris::wire {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

void number(std::string& out, std::uint64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void known_number(std::string& out, std::uint64_t value) {
  if (value == 0) {
    out += "null";
  } else {
    number(out, value);
  }
}

void boolean(std::string& out, bool value) { out += value ? "true" : "false"; }

void known_string(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

/// A name of the contract: plain ASCII, nothing to escape.
void name(std::string& out, std::string_view text) {
  out += '"';
  out += text;
  out += '"';
}

template <typename Items, typename Append>
void list(std::string& out, const Items& items, Append append) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(item);
  }
  out += ']';
}

template <typename Map, typename Append>
void object(std::string& out, const Map& map, Append append) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : map) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, key);
    out += ':';
    append(value);
  }
  out += '}';
}

void strings(std::string& out, const std::vector<std::string>& texts) {
  list(out, texts, [&out](const std::string& text) { append_json_string(out, text); });
}

void protocol(std::string& out, std::uint8_t number) {
  switch (number) {  // the two that come by the million, without making a string
    case 6: out += "\"tcp\""; break;
    case 17: out += "\"udp\""; break;
    default: name(out, flow::protocol_name(number));
  }
}

std::string owner_object(const flow::Owner& owner) {
  std::string out = R"({"kind":)";
  name(out, flow::to_string(owner.kind));
  out += R"(,"id":)";
  known_number(out, owner.cgroup_id);
  out += R"(,"container_id":)";
  known_string(out, owner.container_id);
  out += R"(,"name":)";
  known_string(out, owner.name);
  out += R"(,"image":)";
  known_string(out, owner.image);
  out += R"(,"runtime":)";
  known_string(out, owner.runtime);
  out += R"(,"module_id":)";
  known_string(out, owner.module_id);
  out += R"(,"device_id":)";
  known_string(out, owner.device_id);
  out += R"(,"labels":)";
  if (owner.labels.empty()) {
    out += "null";
  } else {
    object(out, owner.labels, [&out](const std::string& value) { append_json_string(out, value); });
  }
  out += '}';
  return out;
}

bool is_plain(unsigned char byte) { return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\'; }

void append_escaped(std::string& out, const base::CodePoint& point) {
  switch (point.value) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\b': out += "\\b"; break;
    case '\f': out += "\\f"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      // U+007F is legal JSON but moves cursors; escaping it costs nothing.
      if (point.value < 0x20 || point.value == 0x7f) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(point.value));
      } else {
        base::append_utf8(out, point.value);
      }
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(static_cast<unsigned char>(text[plain]))) ++plain;
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const base::CodePoint point = base::decode_utf8(text);
    append_escaped(out, point);
    text.remove_prefix(point.length);
  }
  out += '"';
}

const std::string& JsonWriter::owner_text(const flow::OwnerPtr& owner) {
  static const std::string kNull = "null";
  if (!owner) return kNull;
  if (last_owner_ == nullptr || last_owner_->owner != owner) {
    auto found = owners_.find(owner.get());
    if (found == owners_.end()) {
      // Owners replaced by better-known ones stay behind as dead weight; a
      // clean start now and then is simpler than ordering them by age.
      if (owners_.size() >= kMaxOwners) owners_.clear();
      found = owners_.emplace(owner.get(), CachedOwner{owner, owner_object(*owner)}).first;
    }
    last_owner_ = &found->second;
  }
  return last_owner_->json;
}

const std::string& JsonWriter::address_text(const base::IpAddress& address) {
  // The top bits: the product has not mixed the last bytes into the low ones.
  CachedAddress& slot = addresses_[base::IpAddressHash{}(address) >> 56 & (kAddressSlots - 1)];
  if (slot.json.empty() || slot.address != address) {
    slot.address = address;
    slot.json = '"';
    address.append_to(slot.json);
    slot.json += '"';
  }
  return slot.json;
}

void JsonWriter::addresses(std::string& out, const std::vector<base::IpAddress>& addresses) {
  list(out, addresses, [this, &out](const base::IpAddress& one) { out += address_text(one); });
}

std::string_view JsonWriter::time_text(std::uint64_t wall_ns) {
  if (wall_ns == 0) return "null";
  const std::uint64_t second = wall_ns / kNsPerSecond;
  if (second != second_) {
    const auto clock = static_cast<std::time_t>(second);
    std::tm parts{};
    gmtime_r(&clock, &parts);
    fmt::format_to_n(time_text_.data(), time_text_.size(), "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
                     parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    time_text_[30] = 'Z';
    time_text_[31] = '"';
    second_ = second;
  }
  auto fraction = static_cast<std::uint32_t>(wall_ns % kNsPerSecond);
  for (std::size_t i = 29; i > 20; --i, fraction /= 10) time_text_[i] = static_cast<char>('0' + fraction % 10);
  return {time_text_.data(), time_text_.size()};
}

void JsonWriter::append(std::string& out, const flow::Record& record) {
  std::visit([this, &out](const auto& one) { append(out, one); }, record);
}

void JsonWriter::append(std::string& out, const flow::FlowRecord& flow) {
  out += R"({"type":"flow","window_start":)";
  out += time_text(flow.window_start_wall_ns);
  out += R"(,"window_end":)";
  out += time_text(flow.window_end_wall_ns);
  out += R"(,"owner":)";
  out += owner_text(flow.owner);
  out += R"(,"role":)";
  name(out, flow::to_string(flow.role));
  out += R"(,"protocol":)";
  protocol(out, flow.protocol);
  const auto known_address = [this, &out](const std::optional<base::IpAddress>& one) {
    if (one) {
      out += address_text(*one);
    } else {
      out += "null";
    }
  };
  out += R"(,"local_address":)";
  known_address(flow.local_address);
  out += R"(,"peer_address":)";
  known_address(flow.peer_address);
  out += R"(,"service_port":)";
  known_number(out, flow.service_port);
  out += R"(,"peer_names":)";
  strings(out, flow.peer_names);
  out += R"(,"peer_owner":)";
  out += owner_text(flow.peer_owner);
  out += R"(,"peer_device":)";
  known_string(out, flow.peer_device);
  out += R"(,"scope":)";
  name(out, flow::to_string(flow.scope));

  const auto count = [&](std::string_view key, std::uint64_t value) {
    out += key;
    number(out, value);
  };
  count(R"(,"opened":)", flow.opened);
  count(R"(,"established":)", flow.established);
  count(R"(,"closed":)", flow.closed);
  count(R"(,"active":)", flow.active);
  out += R"(,"failed":{)";
  for (std::size_t i = 0; i < flow::kFailureReasons; ++i) {
    if (i > 0) out += ',';
    name(out, flow::to_string(static_cast<flow::FailureReason>(i)));
    out += ':';
    number(out, flow.failed[i]);
  }
  count(R"(},"originator_bytes":)", flow.originator_bytes);
  count(R"(,"responder_bytes":)", flow.responder_bytes);
  count(R"(,"originator_packets":)", flow.originator_packets);
  count(R"(,"responder_packets":)", flow.responder_packets);
  count(R"(,"retransmits":)", flow.retransmits);
  if (flow.rtt_us) {
    count(R"(,"rtt_us":{"min":)", flow.rtt_us->min_us);
    count(R"(,"mean":)", flow.rtt_us->mean_us);
    count(R"(,"max":)", flow.rtt_us->max_us);
    out += '}';
  } else {
    out += R"(,"rtt_us":null)";
  }
  out += R"(,"first_seen":)";
  out += time_text(flow.first_seen_wall_ns);
  out += R"(,"last_seen":)";
  out += time_text(flow.last_seen_wall_ns);
  out += R"(,"processes":)";
  strings(out, flow.processes);
  out += R"(,"pre_existing":)";
  boolean(out, flow.pre_existing);
  out += R"(,"folded":)";
  boolean(out, flow.folded);
  out += R"(,"attribution":)";
  name(out, flow::to_string(flow.attribution));
  out += "}\n";
}

void JsonWriter::append(std::string& out, const flow::ExitRecord& exit) {
  out += R"({"type":"exit","time":)";
  out += time_text(exit.wall_ns);
  out += R"(,"owner":)";
  out += owner_text(exit.owner);
  out += R"(,"pid":)";
  known_number(out, exit.pid);
  out += R"(,"process":)";
  known_string(out, exit.process);
  out += R"(,"executable":)";
  known_string(out, exit.executable);
  out += R"(,"exit_code":)";
  fmt::format_to(std::back_inserter(out), "{}", exit.exit_code);
  out += R"(,"signal":)";
  known_string(out, exit.signal == 0 ? std::string() : flow::signal_name(exit.signal));
  out += R"(,"core_dumped":)";
  boolean(out, exit.core_dumped);
  out += R"(,"oom_killed":)";
  boolean(out, exit.oom_killed);
  out += R"(,"main_process":)";
  boolean(out, exit.main_process);
  out += R"(,"killed_by":)";
  if (exit.killed_by) {
    out += R"({"pid":)";
    known_number(out, exit.killed_by->pid);
    out += R"(,"process":)";
    known_string(out, exit.killed_by->process);
    out += R"(,"owner":)";
    out += owner_text(exit.killed_by->owner);
    out += '}';
  } else {
    out += "null";
  }
  out += R"(,"started":)";
  out += time_text(exit.started_wall_ns);
  out += R"(,"stack":)";
  if (exit.stack) {
    list(out, *exit.stack, [&out](const flow::StackFrame& frame) {
      out += R"({"build_id":)";
      known_string(out, frame.build_id);
      out += R"(,"offset":)";
      number(out, frame.offset);
      out += R"(,"symbol":)";
      known_string(out, frame.symbol);
      out += R"(,"module":)";
      known_string(out, frame.module);
      out += '}';
    });
  } else {
    out += "null";
  }
  out += R"(,"class":)";
  name(out, flow::to_string(exit.exit_class));
  out += "}\n";
}

void JsonWriter::append(std::string& out, const flow::ExecRecord& exec) {
  out += R"({"type":"exec","time":)";
  out += time_text(exec.wall_ns);
  out += R"(,"owner":)";
  out += owner_text(exec.owner);
  out += R"(,"pid":)";
  known_number(out, exec.pid);
  out += R"(,"process":)";
  known_string(out, exec.process);
  out += R"(,"executable":)";
  known_string(out, exec.executable);
  out += "}\n";
}

void JsonWriter::append(std::string& out, const flow::DnsRecord& dns) {
  out += R"({"type":"dns","time":)";
  out += time_text(dns.wall_ns);
  out += R"(,"owner":)";
  out += owner_text(dns.owner);
  out += R"(,"question_name":)";
  known_string(out, dns.question_name);
  out += R"(,"addresses":)";
  addresses(out, dns.addresses);
  out += R"(,"response_code":)";
  number(out, dns.response_code);
  out += "}\n";
}

void JsonWriter::append(std::string& out, const flow::Ledger& ledger) {
  out += R"({"type":"ledger","window_start":)";
  out += time_text(ledger.window_start_wall_ns);
  out += R"(,"window_end":)";
  out += time_text(ledger.window_end_wall_ns);
  out += R"(,"sequence":)";
  number(out, ledger.sequence);
  out += R"(,"produced":)";
  number(out, ledger.produced);
  out += R"(,"delivered":)";
  number(out, ledger.delivered);
  out += R"(,"folded":)";
  number(out, ledger.folded);
  out += R"(,"dropped":)";
  object(out, ledger.dropped, [&out](std::uint64_t value) { number(out, value); });
  out += "}\n";
}

void JsonWriter::append(std::string& out, const flow::ContainerRecord& change) {
  out += R"({"type":"container","time":)";
  out += time_text(change.wall_ns);
  out += R"(,"change":)";
  name(out, flow::to_string(change.change));
  out += R"(,"owner":)";
  out += owner_text(change.owner);
  out += R"(,"pid":)";
  known_number(out, change.pid);
  out += R"(,"addresses":)";
  addresses(out, change.addresses);
  out += "}\n";
}

}  // namespace iris::wire
