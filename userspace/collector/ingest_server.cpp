// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest_server.h"

#include <utility>

#include "collector/committer.h"
#include "collector/ingest_stream.h"
#include "collector/listener.h"

namespace iris::collector {
namespace {

constexpr std::chrono::seconds kStopTimeout{5};

class Service final : public v1::Collector::CallbackService {
 public:
  Service(Committer& committer, IngestCounters& counters, bool certificates_count)
      : committer_(committer), counters_(counters), certificates_count_(certificates_count) {}

  grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage>* Ship(
      grpc::CallbackServerContext* context) override {
    auto stream =
        IngestStream::open(*context, credential_of(*context, certificates_count_), committer_, counters_);
    auto* const reactor = stream.get();  // holds itself until OnDone
    committer_.open(std::move(stream));
    return reactor;
  }

 private:
  Committer& committer_;
  IngestCounters& counters_;
  const bool certificates_count_;
};

}  // namespace

class IngestServer::Impl {
 public:
  Impl(const IngestOptions& options, store::Store& store, WallClock clock)
      : committer_(options, store, std::move(clock), counters_),
        service_(committer_, counters_, !options.client_ca_file.empty()) {}

  base::Result<void> start(const IngestOptions& options) {
    auto listener = listen(options, service_);
    if (!listener) return tl::unexpected(std::move(listener.error()));
    listener_ = std::move(*listener);
    return {};
  }

  int port() const { return listener_.port; }

  IngestStatus status() const {
    IngestStatus status;
    status.streams = counters_.streams;
    status.batches = counters_.batches;
    status.flows = counters_.flows;
    status.duplicates = counters_.duplicates;
    status.refused_streams = counters_.refused_streams;
    status.malformed_batches = counters_.malformed_batches;
    status.received_bytes = counters_.received_bytes;
    status.waiting_batches = committer_.waiting();
    status.told_alerts = counters_.told_alerts;
    status.untold_alerts = counters_.untold_alerts;
    status.fault = counters_.fault();
    return status;
  }

  void stop(std::chrono::milliseconds timeout) {
    if (!listener_.server) return;
    const auto deadline = std::chrono::system_clock::now() + timeout;
    committer_.stop(Committer::Clock::now() + timeout);
    listener_.server->Shutdown(deadline);
    listener_.server.reset();
  }

 private:
  IngestCounters counters_;
  Committer committer_;
  Service service_;
  Listener listener_;
};

base::Result<std::unique_ptr<IngestServer>> IngestServer::start(const IngestOptions& options, store::Store& store,
                                                                WallClock clock) {
  auto impl = std::make_unique<Impl>(options, store, std::move(clock));
  if (auto started = impl->start(options); !started) return tl::unexpected(std::move(started.error()));
  return std::unique_ptr<IngestServer>(new IngestServer(std::move(impl)));
}

IngestServer::IngestServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IngestServer::~IngestServer() { stop(kStopTimeout); }
int IngestServer::port() const { return impl_->port(); }
IngestStatus IngestServer::status() const { return impl_->status(); }
void IngestServer::stop(std::chrono::milliseconds timeout) { impl_->stop(timeout); }

}  // namespace iris::collector
