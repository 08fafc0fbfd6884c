// SPDX-License-Identifier: Apache-2.0
// Any sequence of v1.AgentMessage for the collector's end of a stream; an empty part
// cuts the connection and opens the next one. What was acknowledged must be committed.
#include <map>

#include "collector/committer.h"
#include "collector/ingest_stream.h"
#include "collector/memory_store.h"
#include "fake_call.h"
#include "parts.h"

namespace {

using namespace iris;

using Reactor = grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage>;
using Wish = fuzz::Wishes::Wish;

class Call final
    : public fuzz::FakeCall<grpc::ServerCallbackReaderWriter<v1::AgentMessage, v1::CollectorMessage>, v1::CollectorMessage> {
 public:
  v1::AgentMessage* to_read = nullptr;

  void bind(Reactor& reactor) { BindReactor(&reactor); }
  void Read(v1::AgentMessage* into) override {
    to_read = into;
    wishes.put(Wish::read);
  }
};

class Collector {
 public:
  Collector() {
    if (!store_.add_gateway("g", collector::hash_token("t"), 1)) std::abort();
    options_.commit_interval = std::chrono::milliseconds(0);
    options_.max_waiting_batches = 4;
    committer_.emplace(options_, store_, [] { return std::uint64_t{1}; }, counters_);
  }

  /// One connection: until the parts are over, one of them is empty, or the stream ends.
  void converse(fuzz::Parts& parts) {
    grpc::CallbackServerContext context;
    Call call;
    auto stream = collector::IngestStream::open(context, {collector::hash_token("t"), ""}, *committer_, counters_);
    Reactor& reactor = *stream;
    call.bind(reactor);
    committer_->open(std::move(stream));
    std::uint64_t acknowledged = 0;
    bool connected = true;
    while (true) {
      const auto wish = call.wishes.next();
      if (wish == Wish::finish) break;
      if (wish == Wish::write) {
        check(*call.to_write, acknowledged);
        reactor.OnWriteDone(connected);
        continue;
      }
      const auto part = connected ? parts.next() : std::nullopt;
      connected = part && !part->empty();
      call.to_read->Clear();
      const bool read = connected && call.to_read->ParseFromArray(part->data(), static_cast<int>(part->size()));
      if (read && call.to_read->has_hello()) epoch_ = call.to_read->hello().epoch();
      reactor.OnReadDone(read);
    }
    reactor.OnDone();
  }

  /// Each sequence once, in their order.
  void check_store() {
    committer_.reset();
    std::map<std::uint64_t, std::uint64_t> last;
    for (const auto& batch : store_.committed()) {
      if (batch.first_sequence <= last[batch.epoch] || batch.last_sequence < batch.first_sequence) std::abort();
      last[batch.epoch] = batch.last_sequence;
    }
  }

 private:
  void check(const v1::CollectorMessage& message, std::uint64_t& acknowledged) {
    if (!message.has_acknowledge()) return;
    const auto sequence = message.acknowledge().sequence();
    const auto position = store_.position(1, epoch_);
    if (sequence <= acknowledged || !position || sequence > *position) std::abort();
    acknowledged = sequence;
  }

  collector::IngestOptions options_;
  collector::IngestCounters counters_;
  test_support::MemoryStore store_;
  std::optional<collector::Committer> committer_;
  std::uint64_t epoch_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  iris::fuzz::Parts parts(input);
  Collector collector;
  for (int connection = 0; connection < 4; ++connection) collector.converse(parts);
  collector.check_store();
  return 0;
}
