// SPDX-License-Identifier: Apache-2.0
// Parts as records of the kernel's ring buffer; one of the size of a flow map entry
// as that. What is made of them can be stored, sent and printed.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "parts.h"
#include "pipeline/record_maker.h"
#include "wire/batch_codec.h"
#include "wire/json_writer.h"

namespace {

using namespace iris;

constexpr std::size_t kEntryBytes = sizeof(iris_flow_key) + sizeof(iris_flow_value);
constexpr std::uint64_t kNow = 1'000'000'000'000;

class Kept final : public flow::RecordSink {
 public:
  void write(const flow::Record& record) override {
    std::string line;
    json_.append(line, record);
    if (!std::holds_alternative<flow::SocketEvent>(record)) batch.records.push_back(record);
  }
  flow::Batch batch;

 private:
  wire::JsonWriter json_;
};

enrich::OwnerResolverOptions no_runtimes() {
  enrich::OwnerResolverOptions options;
  options.cgroup_root = "/nonexistent";
  options.use_docker = options.use_containerd = false;
  return options;
}

void take(pipeline::RecordMaker& maker, std::string_view part, flow::RecordSink& sink) {
  if (part.size() == kEntryBytes) {
    iris_flow_key key{};
    iris_flow_value value{};
    std::memcpy(&key, part.data(), sizeof key);
    std::memcpy(&value, part.data() + sizeof key, sizeof value);
    return maker.take_flow(key, value, {kNow - 10'000'000'000, kNow, 0}, sink);
  }
  if (part.size() < sizeof(iris_event_header)) return;
  // Of just this size, so that a read beyond it is seen.
  const std::unique_ptr<char[]> record(new char[part.size()]);
  std::memcpy(record.get(), part.data(), part.size());
  auto* const header = reinterpret_cast<iris_event_header*>(record.get());
  header->pid = header->pid % 8 + (1U << 30);  // no process of this machine
  maker.take_event(*header, part.size(), kNow, sink);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static pipeline::TracerOptions options = [] {
    pipeline::TracerOptions all;
    all.socket_events = true;
    return all;
  }();
  enrich::OwnerResolver resolver(no_runtimes());
  pipeline::RecordMaker maker(options, resolver, nullptr);
  Kept kept;
  iris::fuzz::Parts parts({reinterpret_cast<const char*>(data), size});
  while (const auto part = parts.next()) take(maker, *part, kept);
  maker.finish_flows(kept);
  maker.write_held_exits(kept);
  const auto packed = wire::pack(kept.batch);
  if (!packed || !wire::unpack(*packed)) std::abort();
  const auto sent = wire::StreamEncoder().encode(kept.batch);
  if (!sent || !wire::StreamDecoder().decode(sent->bytes, sent->content_bytes, sent->compressed)) std::abort();
  return 0;
}
