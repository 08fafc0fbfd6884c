// SPDX-License-Identifier: Apache-2.0
#include "pipeline/record_maker.h"

#include <algorithm>
#include <utility>

namespace iris::pipeline {
namespace {

constexpr std::chrono::milliseconds kLastNamesPatience{1000};
/// Of one window, held back until all its addresses have been seen; of more, the first ones are not.
constexpr std::size_t kMaxWaitingFlows = 1024;

}  // namespace

RecordMaker::RecordMaker(const TracerOptions& options, enrich::OwnerResolver& resolver,
                         std::unique_ptr<symbolize::Symbolizer> symbolizer)
    : options_(options),
      resolver_(resolver),
      events_({[&resolver](std::uint64_t id) { return resolver.owner(id); },
               [&resolver](const std::string& container_id) { return resolver.main_pid(container_id); }}),
      flows_({[&resolver](std::uint64_t id) { return resolver.owner(id); },
              [&resolver](std::uint64_t id) { return resolver.is_known(id); },
              [this](std::uint64_t id, const base::IpAddress& address) { return names_.names(id, address, now_ns_); },
              {[&resolver](const base::IpAddress& address, std::uint64_t wall_ns) {
                 return resolver.owner_of_address(address, wall_ns);
               },
               [&resolver](std::uint8_t protocol, const base::IpAddress& address, std::uint16_t port,
                           std::uint64_t wall_ns) {
                 return resolver.published(protocol, address, port, wall_ns);
               },
               [&resolver](const flow::Owner& owner) { return resolver.has_own_network(owner); }}}),
      stacks_(std::move(symbolizer)) {}

void RecordMaker::take_event(const iris_event_header& header, std::size_t size, std::uint64_t now_ns,
                             flow::RecordSink& sink) {
  // Calls `take` with the record if it is as long as its type says.
  const auto checked = [&]<typename Event>(auto take) {
    if (const Event* event = event_as<Event>(header, size)) {
      take(*event);
    } else {
      ++malformed_.records;
    }
  };
  if (size < sizeof header) {
    ++malformed_.records;
    return;
  }
  switch (header.type) {
    case IRIS_EVENT_CONNECT:
    case IRIS_EVENT_ACCEPT:
    case IRIS_EVENT_ESTABLISHED:
    case IRIS_EVENT_FAILED:
    case IRIS_EVENT_CLOSE:
    case IRIS_EVENT_LISTEN:
    case IRIS_EVENT_UDP:
      return checked.operator()<iris_socket_event>([&](const auto& event) { take_socket(event, now_ns, sink); });
    case IRIS_EVENT_EXEC:
      return checked.operator()<iris_exec_event>([&](const auto& event) { take_exec(event, sink); });
    case IRIS_EVENT_EXIT:
      return checked.operator()<iris_exit_event>([&](const auto& event) { take_exit(event, now_ns, sink); });
    case IRIS_EVENT_STACK:
      return checked.operator()<iris_stack_event>([&](const auto& event) { take_stack(event, now_ns); });
    case IRIS_EVENT_DNS:
      return checked.operator()<iris_dns_event>([&](const auto& event) { take_dns(event, now_ns, sink); });
    case IRIS_EVENT_CGROUP_ADDED:
      return checked.operator()<iris_cgroup_event>([&](const auto& event) {
        resolver_.cgroup_added(event.header.cgroup_id, text_of(event.path),
                               to_wall_ns(event.header.time_ns, wall_offset()));
      });
    case IRIS_EVENT_CGROUP_REMOVED:
      return checked.operator()<iris_cgroup_event>(
          [&](const auto& event) { resolver_.cgroup_removed(event.header.cgroup_id); });
    default: ++malformed_.records;
  }
}

RecordMaker::Malformed RecordMaker::take_malformed(std::uint64_t events_read) {
  // One of the next window may have been read already; it waits for its own ledger.
  Malformed taken;
  taken.records = std::min(malformed_.records, events_read);
  taken.dns_answers = std::min(malformed_.dns_answers, events_read - taken.records);
  malformed_.records -= taken.records;
  malformed_.dns_answers -= taken.dns_answers;
  return taken;
}

void RecordMaker::take_socket(const iris_socket_event& event, std::uint64_t now_ns, flow::RecordSink& sink) {
  if (!options_.socket_events) return;
  flow::SocketEvent record = events_.socket_event(event);
  if (names_.size() > 0) record.peer_names = names_.names(event.header.cgroup_id, record.peer_address, now_ns);
  sink.write(std::move(record));
}

void RecordMaker::take_exec(const iris_exec_event& event, flow::RecordSink& sink) {
  flow::ExecRecord record = events_.exec(event);
  if (!record.executable.starts_with('/')) {
    // Relative to a directory that we do not know; the kernel still may.
    if (std::string path = read_executable(record.pid); !path.empty()) record.executable = std::move(path);
  }
  processes_.executed(record.pid, event.start_ns, record.executable);
  if (options_.execs) sink.write(std::move(record));
}

void RecordMaker::take_stack(const iris_stack_event& event, std::uint64_t now_ns) {
  if (!options_.exits) return;
  std::vector<std::string> modules;
  if (stacks_.wants_modules()) {
    const flow::OwnerPtr owner = resolver_.owner(event.header.cgroup_id);
    const std::string root = owner->container_id.empty() ? std::string() : resolver_.root_path(owner->container_id);
    modules = symbolize::candidate_modules(event.header.pid, root, processes_.executable_now(event.header.pid));
  }
  stacks_.add(event, std::move(modules), now_ns);
}

void RecordMaker::take_exit(const iris_exit_event& event, std::uint64_t now_ns, flow::RecordSink& sink) {
  if (options_.exits) {
    flow::ExitRecord record = events_.exit(event);
    record.executable = processes_.executable(record.pid, event.start_ns);
    if (auto ready = stacks_.attach(std::move(record), now_ns)) sink.write(std::move(*ready));
  }
  processes_.exited(event.header.pid);
}

void RecordMaker::take_dns(const iris_dns_event& event, std::uint64_t now_ns, flow::RecordSink& sink) {
  const std::size_t length = std::min<std::size_t>(event.length, sizeof event.message);
  auto answer = parse_dns_answer({event.message, length});
  if (!answer) {
    ++malformed_.dns_answers;
    return;
  }
  names_.add(event.header.cgroup_id, *answer, now_ns);
  if (!options_.dns) return;
  flow::DnsRecord record;
  record.wall_ns = to_wall_ns(event.header.time_ns, wall_offset());
  record.owner = resolver_.owner(event.header.cgroup_id);
  record.question_name = std::move(answer->question_name);
  record.addresses = std::move(answer->addresses);
  record.response_code = answer->response_code;
  sink.write(std::move(record));
}

void RecordMaker::take_flow(const iris_flow_key& key, const iris_flow_value& value,
                            const FlowTranslator::Window& window, flow::RecordSink& sink) {
  now_ns_ = window.end_wall_ns - static_cast<std::uint64_t>(window.offset);
  if (waiting_flows_.size() == kMaxWaitingFlows) finish_flows(sink);
  waiting_flows_.push_back(flows_.flow(key, value, window));
}

void RecordMaker::finish_flows(flow::RecordSink& sink) {
  for (flow::FlowRecord& record : waiting_flows_) {
    if (flows_.conclude(record)) sink.write(std::move(record));
  }
  waiting_flows_.clear();
}

void RecordMaker::take_container_changes(flow::RecordSink& sink, std::uint64_t now_ns) {
  for (flow::ContainerRecord& change : resolver_.poll(to_wall_ns(now_ns, wall_offset()))) {
    if (options_.containers) sink.write(std::move(change));
  }
}

bool RecordMaker::write_finished_exits(std::uint64_t now_ns, flow::RecordSink& sink) {
  if (!stacks_.wants_modules()) return false;
  auto exits = stacks_.finished(now_ns);
  for (flow::ExitRecord& exit : exits) sink.write(std::move(exit));
  return !exits.empty();
}

void RecordMaker::write_held_exits(flow::RecordSink& sink) {
  for (flow::ExitRecord& exit : stacks_.finish(kLastNamesPatience)) sink.write(std::move(exit));
}

}  // namespace iris::pipeline
