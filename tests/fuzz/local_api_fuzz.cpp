// SPDX-License-Identifier: Apache-2.0
// The first byte chooses: records or a status from an irisd, or a Watch of whatever
// is asked for with whatever records, read slowly.
#include <algorithm>

#include "fake_call.h"
#include "local/messages.h"
#include "local/watch_stream.h"
#include "parts.h"

namespace {

using namespace iris;

using Wish = fuzz::Wishes::Wish;

class Call final : public fuzz::FakeCall<grpc::ServerCallbackWriter<v1::Records>, v1::Records> {
 public:
  void bind(grpc::ServerWriteReactor<v1::Records>& reactor) { BindReactor(&reactor); }
};

/// What can be read can be sent again.
void read_records(std::string_view text) {
  wire::RecordDecoder decoder;
  const auto records = local::read_messages(text, decoder);
  if (!records) return;
  std::string again;
  wire::RecordEncoder encoder;
  for (const auto& record : *records) local::append_messages(again, encoder, record);
  wire::RecordDecoder other;
  const auto read = local::read_messages(again, other);
  if (!read || read->size() != records->size()) std::abort();
}

void read_status(std::string_view bytes) {
  v1::AgentStatus message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto status = local::from_message(message);
  if (!status) return;
  const auto first = local::to_message(*status);
  const auto again = local::from_message(first);
  if (!again || local::to_message(*again).SerializeAsString() != first.SerializeAsString()) std::abort();
}

bool wants(const v1::WatchRequest& request, const flow::Record& record) {
  return (request.flows() && std::holds_alternative<flow::FlowRecord>(record)) ||
         (request.exits() && std::holds_alternative<flow::ExitRecord>(record)) ||
         (request.execs() && std::holds_alternative<flow::ExecRecord>(record)) ||
         (request.dns() && std::holds_alternative<flow::DnsRecord>(record)) ||
         (request.containers() && std::holds_alternative<flow::ContainerRecord>(record));
}

/// Every record that is wanted arrives or is counted as lost.
void watch(std::string_view input) {
  fuzz::Parts parts(input);
  const auto asked = parts.next().value_or("");
  v1::WatchRequest request;
  if (!request.ParseFromArray(asked.data(), static_cast<int>(asked.size()))) return;
  local::WatchHub hub(1, 16);
  Call call;
  auto* const stream = new local::WatchStream(hub, request, 256);
  grpc::ServerWriteReactor<v1::Records>& reactor = *stream;
  call.bind(reactor);

  std::uint64_t wanted = 0;
  std::uint64_t arrived = 0;
  wire::RecordDecoder theirs;
  wire::RecordDecoder ours;
  const auto deliver = [&] {
    const auto read = local::read_messages(call.to_write->messages(), ours);
    if (!read) std::abort();
    for (const auto& record : *read) {
      if (wants(request, record)) {
        ++arrived;
      } else if (!std::holds_alternative<flow::Ledger>(record)) {
        std::abort();
      }
    }
    call.to_write = nullptr;
    reactor.OnWriteDone(true);
  };
  while (const auto part = parts.next()) {
    if (part->empty()) {
      if (call.to_write != nullptr) deliver();
      continue;
    }
    const auto records = local::read_messages(*part, theirs);
    if (!records) break;
    wanted += static_cast<std::uint64_t>(std::count_if(records->begin(), records->end(), [&](const auto& record) {
      return wants(request, record);
    }));
    stream->take(*records, 0);
  }
  while (call.to_write != nullptr) deliver();
  if (arrived + hub.status().lost_records != wanted) std::abort();
  stream->end();
  while (call.wishes.next() != Wish::finish) {
  }
  reactor.OnDone();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: read_records(input); break;
    case 1: read_status(input); break;
    default: watch(input);
  }
  return 0;
}
