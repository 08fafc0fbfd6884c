// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_source.h"

namespace iris::cli {
namespace {

class LiveSource : public TraceSource {
 public:
  explicit LiveSource(std::unique_ptr<pipeline::Tracer> tracer) : tracer_(std::move(tracer)) {}

  base::Result<void> run(flow::RecordSink& sink, std::optional<std::chrono::milliseconds> duration) override {
    return tracer_->run(sink, duration);
  }
  void request_stop() override { tracer_->request_stop(); }
  pipeline::TracerStatus status() const override { return tracer_->status(); }
  std::vector<flow::ContainerRecord> containers() const override { return tracer_->containers(); }

 private:
  std::unique_ptr<pipeline::Tracer> tracer_;
};

}  // namespace

Backend live_backend() {
  return {[](const pipeline::TracerOptions& options) -> base::Result<std::unique_ptr<TraceSource>> {
            auto tracer = pipeline::Tracer::open(options);
            if (!tracer) return tl::unexpected(tracer.error());
            return std::make_unique<LiveSource>(std::move(*tracer));
          },
          [](const pipeline::TracerOptions& options) { return pipeline::run_self_test(options); }};
}

}  // namespace iris::cli
