// SPDX-License-Identifier: Apache-2.0
#include "rest/metrics.h"

#include <prometheus/text_serializer.h>

namespace iris::rest {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  void counter(const char* name, const char* help, std::uint64_t value) {
    ClientMetric metric;
    metric.counter.value = static_cast<double>(value);
    list_.push_back({name, help, MetricType::Counter, {metric}});
  }
  void counters(const char* name, const char* help, std::vector<ClientMetric> metrics) {
    list_.push_back({name, help, MetricType::Counter, std::move(metrics)});
  }
  static ClientMetric count(std::uint64_t value, std::vector<ClientMetric::Label> labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    return metric;
  }
  void gauge(const char* name, const char* help, std::vector<ClientMetric> metrics) {
    list_.push_back({name, help, MetricType::Gauge, std::move(metrics)});
  }
  static ClientMetric value(double value, std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    return metric;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(list_); }

 private:
  std::vector<MetricFamily> list_;
};

void add_ingest(Families& families, const collector::IngestStatus& ingest) {
  families.gauge("iris_ingest_streams", "Connected gateways.",
                 {Families::value(static_cast<double>(ingest.streams))});
  families.gauge("iris_ingest_waiting_batches", "Batches received and not committed yet.",
                 {Families::value(static_cast<double>(ingest.waiting_batches))});
  families.counter("iris_ingest_batches_total", "Batches committed.", ingest.batches);
  families.counter("iris_ingest_flows_total", "Flow summaries in committed batches.", ingest.flows);
  families.counter("iris_ingest_duplicate_batches_total", "Batches that were there already.", ingest.duplicates);
  families.counter("iris_ingest_refused_streams_total", "Streams refused for their credential, or doubled.",
                   ingest.refused_streams);
  families.counter("iris_ingest_malformed_batches_total", "Batches that could not be read.", ingest.malformed_batches);
  families.counter("iris_ingest_received_bytes_total", "Encoded batches, in bytes.", ingest.received_bytes);
  families.gauge("iris_ingest_store_failed", "1 while the last commit failed.",
                 {Families::value(ingest.fault.empty() ? 0 : 1)});
}

void add_judge(Families& families, const analysis::JudgeStatus& judge) {
  families.counter("iris_judge_inputs_total", "Batches and verdicts judged.", judge.judged);
  families.counter("iris_judge_unreadable_inputs_total", "Of these, passed over.", judge.unreadable);
  families.counter("iris_judge_alerts_total", "Alerts that were new, or grew.", judge.alerts);
  families.counter("iris_judge_checkpoints_total", "How often what was learned was kept.", judge.checkpoints);
  families.gauge("iris_judge_profiles", "Profiles in memory.", {Families::value(static_cast<double>(judge.profiles))});
  families.gauge("iris_judge_profile_bytes", "Memory that they take.",
                 {Families::value(static_cast<double>(judge.profile_bytes))});
  families.gauge("iris_judge_last_window_timestamp_seconds", "End of the last window judged; 0: none.",
                 {Families::value(static_cast<double>(judge.last_input_wall_ns / 1'000'000) / 1'000.0)});
  families.gauge("iris_judge_failed", "1 while the last step failed.", {Families::value(judge.fault.empty() ? 0 : 1)});
  families.gauge("iris_judge_risky_list_failed", "1 while the risky list has faults.",
                 {Families::value(judge.risky_list_fault.empty() ? 0 : 1)});
}

void add_sinks(Families& families, const std::vector<notify::SinkStatus>& sinks) {
  std::vector<ClientMetric> delivered, failed, given_up, behind;
  for (const auto& sink : sinks) {
    const std::vector<ClientMetric::Label> label{{"sink", sink.name}};
    delivered.push_back(Families::count(sink.delivered, label));
    failed.push_back(Families::count(sink.failed_attempts, label));
    given_up.push_back(Families::count(sink.given_up, label));
    behind.push_back(Families::value(sink.behind ? 1 : 0, label));
  }
  families.counters("iris_alerts_delivered_total", "Alerts that a receiver has taken.", std::move(delivered));
  families.counters("iris_alert_attempts_failed_total", "Attempts that are made again.", std::move(failed));
  families.counters("iris_alerts_given_up_total", "Alerts that a receiver refused for good.", std::move(given_up));
  families.gauge("iris_alerts_behind", "1 while there are alerts that a receiver has not taken.", std::move(behind));
}

void add_gateways(Families& families, const std::vector<store::Gateway>& gateways) {
  double revoked = 0;
  std::vector<ClientMetric> seen;
  for (const auto& gateway : gateways) {
    revoked += gateway.revoked ? 1 : 0;
    if (gateway.revoked) continue;
    seen.push_back(Families::value(static_cast<double>(gateway.last_seen_wall_ns / 1'000'000) / 1'000.0,
                                   {{"gateway", gateway.name}}));
  }
  families.gauge("iris_gateways", "Gateways known, by state.",
                 {Families::value(static_cast<double>(gateways.size()) - revoked, {{"state", "active"}}),
                  Families::value(revoked, {{"state", "revoked"}})});
  families.gauge("iris_gateway_last_seen_timestamp_seconds", "Last commit of a gateway; 0: never.", std::move(seen));
}

}  // namespace

std::string metrics_text(const Sources& sources) {
  Families families;
  families.gauge("iris_collector_build_info", "Always 1.", {Families::value(1, {{"version", sources.version}})});
  add_ingest(families, sources.ingest());
  const auto maintenance = sources.maintenance();
  families.counter("iris_store_maintenance_slices_total", "Slices of maintenance done.", maintenance.slices);
  families.gauge("iris_store_maintenance_failed", "1 while the last slice failed.",
                 {Families::value(maintenance.fault.empty() ? 0 : 1)});
  if (sources.judge) add_judge(families, sources.judge());
  if (sources.sinks) add_sinks(families, sources.sinks());
  const auto gateways = sources.store->gateways();
  families.gauge("iris_store_up", "1 while the store answers.", {Families::value(gateways ? 1 : 0)});
  if (gateways) add_gateways(families, *gateways);
  return families.text();
}

}  // namespace iris::rest
