// SPDX-License-Identifier: Apache-2.0
#include "local/messages.h"

#include <google/protobuf/io/coded_stream.h>

namespace iris::local {
namespace {

using google::protobuf::io::CodedInputStream;

void append_delimited(std::string& out, const v1::Message& message) {
  auto size = static_cast<std::uint32_t>(message.ByteSizeLong());
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  out += static_cast<char>(size);
  message.AppendToString(&out);
}

void to_message(const pipeline::TracerStatus& status, v1::TracerStatus& message) {
  message.set_kernel_release(status.kernel_release);
  message.set_cgroup_mode(status.cgroup_mode);
  message.set_cgroup_root(status.cgroup_root);
  message.set_attach_ms(status.attach_ms);
  for (const auto& program : status.programs) {
    auto* one = message.add_programs();
    one->set_name(program.name);
    one->set_attached(program.attached);
    one->set_detail(program.detail);
    one->set_verified_instructions(program.verified_instructions);
    one->set_run_count(program.run_count);
    one->set_run_time_ns(program.run_time_ns);
    one->set_recursion_misses(program.recursion_misses);
  }
  for (const auto& [name, bytes] : status.map_bytes) {
    auto* one = message.add_maps();
    one->set_name(name);
    one->set_bytes(bytes);
  }
  message.set_events_read(status.events_read);
  message.set_wakeups(status.wakeups);
  for (const auto& runtime : status.runtimes) {
    auto* one = message.add_runtimes();
    one->set_runtime(runtime.runtime);
    one->set_endpoint(runtime.endpoint);
    one->set_connected(runtime.connected);
    one->set_detail(runtime.detail);
    one->set_reconnects(runtime.reconnects);
  }
  wire::RecordEncoder encoder;
  append_messages(*message.mutable_total(), encoder, status.total);
}

base::Result<pipeline::TracerStatus> from_message(const v1::TracerStatus& message) {
  pipeline::TracerStatus status;
  status.kernel_release = message.kernel_release();
  status.cgroup_mode = message.cgroup_mode();
  status.cgroup_root = message.cgroup_root();
  status.attach_ms = message.attach_ms();
  for (const auto& one : message.programs()) {
    status.programs.push_back({one.name(), one.attached(), one.detail(), one.verified_instructions(), one.run_count(),
                               one.run_time_ns(), one.recursion_misses()});
  }
  for (const auto& one : message.maps()) status.map_bytes[one.name()] = one.bytes();
  status.events_read = message.events_read();
  status.wakeups = message.wakeups();
  for (const auto& one : message.runtimes()) {
    status.runtimes.push_back({one.runtime(), one.endpoint(), one.connected(), one.detail(), one.reconnects()});
  }
  wire::RecordDecoder decoder;
  const auto total = read_messages(message.total(), decoder);
  if (!total) return tl::unexpected(total.error());
  for (const auto& record : *total) {
    if (const auto* ledger = std::get_if<flow::Ledger>(&record)) status.total = *ledger;
  }
  return status;
}

}  // namespace

void append_messages(std::string& out, wire::RecordEncoder& encoder, const flow::Record& record) {
  encoder.encode(record, [&out](const v1::Message& message) { append_delimited(out, message); });
}

base::Result<std::vector<flow::Record>> read_messages(std::string_view text, wire::RecordDecoder& decoder) {
  std::vector<flow::Record> records;
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(text.data()), static_cast<int>(text.size()));
  v1::Message message;
  while (static_cast<std::size_t>(input.CurrentPosition()) < text.size()) {
    std::uint32_t size = 0;
    if (!input.ReadVarint32(&size)) return base::fail("malformed records from irisd");
    const auto limit = input.PushLimit(static_cast<int>(size));
    message.Clear();
    if (!message.MergeFromCodedStream(&input) || !input.ConsumedEntireMessage() || input.BytesUntilLimit() != 0) {
      return base::fail("malformed records from irisd");
    }
    input.PopLimit(limit);
    if (message.has_owner()) {
      if (auto added = decoder.add_owner(message.owner()); !added) return tl::unexpected(added.error());
      continue;
    }
    auto record = decoder.decode(message);
    if (!record) return tl::unexpected(record.error());
    records.push_back(std::move(*record));
  }
  return records;
}

void add_step(v1::SelfTestStep& message, const pipeline::SelfTestStep& step) {
  message.set_name(step.name);
  message.set_passed(step.passed);
  message.set_detail(step.detail);
}

pipeline::SelfTestStep from_message(const v1::SelfTestStep& message) {
  return {message.name(), message.passed(), message.detail()};
}

v1::AgentStatus to_message(const AgentStatus& status) {
  v1::AgentStatus message;
  message.set_version(status.version);
  message.set_started_wall_ns(status.started_wall_ns);
  message.set_window_ms(static_cast<std::uint64_t>(status.window.count()));
  to_message(status.tracer, *message.mutable_tracer());
  auto& spool = *message.mutable_spool();
  spool.set_epoch(status.spool.epoch);
  spool.set_last_sequence(status.spool.last_sequence);
  spool.set_oldest_sequence(status.spool.oldest_sequence);
  spool.set_windows(status.spool.windows);
  spool.set_waiting_windows(status.spool.waiting_windows);
  spool.set_bytes(status.spool.bytes);
  spool.set_dropped_windows(status.spool.dropped_windows);
  spool.set_failed_appends(status.spool.failed_appends);
  spool.set_fault(status.spool.fault);
  for (const auto& file : status.spool.quarantined) spool.add_quarantined(file);
  if (status.uplink) {
    auto& uplink = *message.mutable_uplink();
    uplink.set_connected(status.uplink->connected);
    uplink.set_fault(status.uplink->fault);
    uplink.set_sent_batches(status.uplink->sent_batches);
    uplink.set_acknowledged_sequence(status.uplink->acknowledged_sequence);
    uplink.set_sent_bytes(status.uplink->sent_bytes);
    uplink.set_connections(status.uplink->connections);
    uplink.set_alerts(status.uplink->alerts);
    uplink.set_malformed_alerts(status.uplink->malformed_alerts);
  }
  message.set_queue_waiting(status.queue_waiting);
  message.set_queue_merged(status.queue_merged);
  message.set_queue_lost_windows(status.queue_lost_windows);
  for (const auto& step : status.self_test) add_step(*message.add_self_test(), step);
  message.set_self_test_fault(status.self_test_fault);
  for (const auto& registry : status.registries) {
    auto& one = *message.add_registries();
    one.set_registry(registry.registry);
    one.set_endpoint(registry.endpoint);
    one.set_connected(registry.connected);
    one.set_from_cache(registry.from_cache);
    one.set_detail(registry.detail);
    one.set_last_success_wall_ns(registry.last_success_wall_ns);
    one.set_requests(registry.requests);
    one.set_throttled(registry.throttled);
    one.set_skipped(registry.skipped);
  }
  message.set_devices(status.devices);
  for (const auto& pattern : status.patterns) message.add_patterns(pattern);
  return message;
}

base::Result<AgentStatus> from_message(const v1::AgentStatus& message) {
  AgentStatus status;
  status.version = message.version();
  status.started_wall_ns = message.started_wall_ns();
  status.window = std::chrono::milliseconds(message.window_ms());
  auto tracer = from_message(message.tracer());
  if (!tracer) return tl::unexpected(std::move(tracer.error()));
  status.tracer = std::move(*tracer);
  const auto& spool = message.spool();
  status.spool.epoch = spool.epoch();
  status.spool.last_sequence = spool.last_sequence();
  status.spool.oldest_sequence = spool.oldest_sequence();
  status.spool.windows = spool.windows();
  status.spool.waiting_windows = spool.waiting_windows();
  status.spool.bytes = spool.bytes();
  status.spool.dropped_windows = spool.dropped_windows();
  status.spool.failed_appends = spool.failed_appends();
  status.spool.fault = spool.fault();
  status.spool.quarantined.assign(spool.quarantined().begin(), spool.quarantined().end());
  if (message.has_uplink()) {
    const auto& uplink = message.uplink();
    status.uplink = ship::UplinkStatus{uplink.connected(), uplink.fault(), uplink.sent_batches(),
                                       uplink.acknowledged_sequence(), uplink.sent_bytes(), uplink.connections(),
                                       uplink.alerts(), uplink.malformed_alerts()};
  }
  status.queue_waiting = message.queue_waiting();
  status.queue_merged = message.queue_merged();
  status.queue_lost_windows = message.queue_lost_windows();
  for (const auto& step : message.self_test()) status.self_test.push_back(from_message(step));
  status.self_test_fault = message.self_test_fault();
  for (const auto& one : message.registries()) {
    status.registries.push_back({one.registry(), one.endpoint(), one.connected(), one.from_cache(), one.detail(),
                                 one.last_success_wall_ns(), one.requests(), one.throttled(), one.skipped()});
  }
  status.devices = message.devices();
  status.patterns.assign(message.patterns().begin(), message.patterns().end());
  return status;
}

}  // namespace iris::local
