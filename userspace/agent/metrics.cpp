// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

namespace iris::agent {
namespace {

class Text {
 public:
  void metric(const char* name, const char* type, const char* help) {
    name_ = name;
    out_ += fmt::format("# HELP iris_{} {}\n# TYPE iris_{} {}\n", name, help, name, type);
  }
  void value(std::uint64_t number, const std::string& labels = {}) {
    out_ += fmt::format("iris_{}{} {}\n", name_, labels, number);
  }
  void counter(const char* name, const char* help, std::uint64_t number) {
    metric(name, "counter", help);
    value(number);
  }
  void gauge(const char* name, const char* help, std::uint64_t number) {
    metric(name, "gauge", help);
    value(number);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  const char* name_ = "";
};

void append_capture(Text& text, const CaptureCounts& capture) {
  text.counter("events_produced_total", "What the kernel side saw: events and updates of flows.", capture.total.produced);
  text.counter("events_delivered_total", "Of these, what reached user space.", capture.total.delivered);
  text.counter("events_folded_total", "Of these, what was counted under a coarser key.", capture.total.folded);
  text.metric("events_dropped_total", "counter", "Of these, what was lost, by reason.");
  for (const auto& [reason, number] : capture.total.dropped) text.value(number, "{reason=\"" + reason + "\"}");
  text.counter("windows_total", "Windows closed.", capture.windows);
  text.counter("flows_total", "Flow summaries made.", capture.flows);
}

void append_spool(Text& text, const QueueStatus& queue, const spool::SpoolStatus& spool) {
  text.gauge("queue_batches", "Batches on their way to the spool.", queue.waiting);
  text.counter("queue_merged_batches_total", "Batches merged because the queue was full.", queue.merged);
  text.counter("queue_lost_windows_total", "Windows that became a gap because the queue was full.", queue.lost_windows);
  text.gauge("spool_windows", "Windows in the spool.", spool.windows);
  text.gauge("spool_waiting_windows", "Windows in memory until the disk takes them.", spool.waiting_windows);
  text.gauge("spool_bytes", "Size of the spool's files.", spool.bytes);
  text.gauge("spool_last_sequence", "Sequence number of the newest batch.", spool.last_sequence);
  text.counter("spool_dropped_windows_total", "Windows dropped for want of room, since the spool was created.",
               spool.dropped_windows);
  text.counter("spool_failed_appends_total", "Batches that the disk did not take at once.", spool.failed_appends);
}

void append_uplink(Text& text, const ship::UplinkStatus& uplink) {
  text.gauge("uplink_connected", "1 while the stream to the collector is up.", uplink.connected ? 1 : 0);
  text.gauge("uplink_acknowledged_sequence", "Last batch that the collector has committed.", uplink.acknowledged_sequence);
  text.counter("uplink_sent_batches_total", "Batches sent.", uplink.sent_batches);
  text.counter("uplink_sent_bytes_total", "Their encoded size.", uplink.sent_bytes);
  text.counter("uplink_connections_total", "Connections that the collector welcomed.", uplink.connections);
  text.counter("uplink_alerts_total", "Alerts of this gateway that the collector told.", uplink.alerts);
  text.counter("uplink_malformed_alerts_total", "Alerts of the collector that could not be read.", uplink.malformed_alerts);
}

}  // namespace

std::string metrics_text(const Measurements& measurements) {
  Text text;
  text.metric("agent_info", "gauge", "Version of irisd.");
  text.value(1, std::string("{version=\"") + IRIS_VERSION + "\"}");
  append_capture(text, measurements.capture);
  append_spool(text, measurements.queue, measurements.ship.spool);
  if (measurements.ship.uplink) append_uplink(text, *measurements.ship.uplink);
  text.gauge("local_watchers", "Programs that watch over the local socket.", measurements.local.watchers);
  text.counter("local_refused_watchers_total", "Programs beyond the limit.", measurements.local.refused);
  text.counter("local_lost_records_total", "Records that slow watchers lost.", measurements.local.lost_records);
  text.gauge("agent_resident_bytes", "Resident set of irisd.", measurements.rss_bytes);
  text.gauge("agent_start_time_seconds", "When irisd started, since the Unix epoch.",
             measurements.started_wall_ns / 1'000'000'000);
  return text.take();
}

std::uint64_t own_rss_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (!(file >> size >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace iris::agent
