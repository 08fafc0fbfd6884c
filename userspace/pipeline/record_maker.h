// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "enrich/owner_resolver.h"
#include "flow/records.h"
#include "pipeline/crash_stacks.h"
#include "pipeline/dns_cache.h"
#include "pipeline/event_translator.h"
#include "pipeline/flow_translator.h"
#include "pipeline/process_cache.h"
#include "pipeline/tracer.h"

namespace iris::pipeline {

/// What the kernel gives, one piece at a time, to what the sink gets: the
/// translators with the caches they ask, and the choice of what is wanted.
class RecordMaker {
 public:
  RecordMaker(const TracerOptions& options, enrich::OwnerResolver& resolver,
              std::unique_ptr<symbolize::Symbolizer> symbolizer);

  void scan_processes(std::uint64_t now_ns) { processes_.scan(now_ns); }
  void set_wall_offset(WallOffset offset) { events_.set_wall_offset(offset); }
  WallOffset wall_offset() const { return events_.wall_offset(); }
  void set_devices(std::shared_ptr<const identity::DeviceIndex> devices) { flows_.set_devices(std::move(devices)); }
  void refresh_host_addresses() { flows_.set_host_addresses(read_host_addresses()); }

  void take_event(const iris_event_header& header, std::size_t size, std::uint64_t now_ns, flow::RecordSink& sink);
  void take_flow(const iris_flow_key& key, const iris_flow_value& value, const FlowTranslator::Window& window,
                 flow::RecordSink& sink);
  /// The window's flows have all been taken: both ends of each conversation are known now.
  void finish_flows(flow::RecordSink& sink);
  /// What the runtimes said meanwhile.
  void take_container_changes(flow::RecordSink& sink, std::uint64_t now_ns);

  /// Exit records whose stacks have got their names. True: there were some.
  bool write_finished_exits(std::uint64_t now_ns, flow::RecordSink& sink);
  /// All that are still held back.
  void write_held_exits(flow::RecordSink& sink);
  bool holds_exits() const { return stacks_.holds(); }

  /// Records that could not be read since the last call, but not more than arrived.
  struct Malformed {
    std::uint64_t records = 0;
    std::uint64_t dns_answers = 0;
  };
  Malformed take_malformed(std::uint64_t events_read);

 private:
  void take_socket(const iris_socket_event& event, std::uint64_t now_ns, flow::RecordSink& sink);
  void take_exec(const iris_exec_event& event, flow::RecordSink& sink);
  void take_exit(const iris_exit_event& event, std::uint64_t now_ns, flow::RecordSink& sink);
  void take_stack(const iris_stack_event& event, std::uint64_t now_ns);
  void take_dns(const iris_dns_event& event, std::uint64_t now_ns, flow::RecordSink& sink);

  const TracerOptions& options_;
  enrich::OwnerResolver& resolver_;
  EventTranslator events_;
  FlowTranslator flows_;
  ProcessCache processes_;
  DnsCache names_;
  CrashStacks stacks_;
  std::vector<flow::FlowRecord> waiting_flows_;
  std::uint64_t now_ns_ = 0;  // for the look-ups of the flow translator
  Malformed malformed_;
};

}  // namespace iris::pipeline
