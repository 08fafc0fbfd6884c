// SPDX-License-Identifier: Apache-2.0
// make_seeds DIRECTORY: writes what the fuzzers of binary forms begin with, a folder
// a target. Those of text lie in corpus/.
#include <zstd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "iris/v1/agent.pb.h"
#include "iris/v1/collector.pb.h"
#include "local/messages.h"
#include "parts.h"
#include "pipeline/dns_message.h"
#include "wire/batch_codec.h"
#include "wire/sample_records.h"
#include "iris/event.h"

namespace {

using namespace iris;
namespace samples = wire::samples;
using DnsMessage = pipeline::test_support::DnsMessage;

std::filesystem::path root;

void write(const std::string& target, const std::string& name, std::string_view bytes) {
  std::filesystem::create_directories(root / target);
  std::ofstream(root / target / name, std::ios::binary) << bytes;
}

template <typename Container>
std::string text_of(const Container& bytes) {
  return {bytes.begin(), bytes.end()};
}

flow::Batch batch_of(const std::vector<flow::Record>& records) {
  return {samples::kTime, samples::kTime + 10'000'000'000, records,
          {{samples::kTime, samples::kTime + 1, "sequence_missing", 2, 3}}};
}

std::string plain(const wire::EncodedContent& content) {
  if (!content.compressed) return content.bytes;
  std::string out(content.content_bytes, '\0');
  ZSTD_decompress(out.data(), out.size(), content.bytes.data(), content.bytes.size());
  return out;
}

void wire_seeds(const flow::Batch& batch) {
  const auto packed = wire::pack(batch);
  write("batch_pack_fuzz", "packed", *packed);
  std::string content(1 << 20, '\0');
  content.resize(ZSTD_decompress(content.data(), content.size(), packed->data(), packed->size()));
  write("batch_pack_fuzz", "plain", content);
  wire::StreamEncoder encoder;
  const auto first = plain(*encoder.encode(batch));
  write("stream_content_fuzz", "two", first + plain(*encoder.encode(batch)));
}

v1::AgentMessage message_of(wire::StreamEncoder& encoder, const flow::Batch& batch, std::uint64_t first, std::uint64_t last) {
  const auto content = *encoder.encode(batch);
  v1::AgentMessage message;
  auto& encoded = *message.mutable_batch();
  encoded.set_first_sequence(first);
  encoded.set_last_sequence(last);
  encoded.set_content_bytes(content.content_bytes);
  encoded.set_content(content.bytes);
  if (content.compressed) encoded.set_compression(v1::COMPRESSION_ZSTD);
  return message;
}

/// Two connections; the second sends again what the first has sent.
void ingest_seeds(const flow::Batch& batch) {
  v1::AgentMessage hello;
  hello.mutable_hello()->set_protocol_version(1);
  hello.mutable_hello()->set_epoch(7);
  hello.mutable_hello()->set_host_name("plant-1");
  std::string seed;
  for (const int begin : {1, 2}) {
    wire::StreamEncoder encoder;
    iris::fuzz::append_part(seed, hello.SerializeAsString());
    for (int i = begin; i < begin + 6; i += 2) {
      const auto from = static_cast<std::uint64_t>(i);
      iris::fuzz::append_part(seed, message_of(encoder, batch, from, from).SerializeAsString());
      iris::fuzz::append_part(seed, message_of(encoder, {}, from + 1, from + 1).SerializeAsString());
    }
    iris::fuzz::append_part(seed, "");
  }
  write("ingest_fuzz", "two_connections", seed);
}

void local_seeds(const std::vector<flow::Record>& records) {
  std::string text;
  wire::RecordEncoder encoder;
  for (const auto& record : records) local::append_messages(text, encoder, record);
  write("local_api_fuzz", "records", '\0' + text);
  write("record_file_fuzz", "messages", text);
  local::AgentStatus status;
  status.tracer.programs.push_back({"tcp", true, "", 1, 2, 3, 4});
  status.tracer.map_bytes["flows"] = 1;
  status.uplink.emplace();
  status.self_test.push_back({"connect", true, ""});
  write("local_api_fuzz", "status", '\1' + local::to_message(status).SerializeAsString());
  v1::WatchRequest request;
  request.set_flows(true);
  request.set_exits(true);
  std::string watch = "\2";
  iris::fuzz::append_part(watch, request.SerializeAsString());
  iris::fuzz::append_part(watch, text);
  iris::fuzz::append_part(watch, "");
  iris::fuzz::append_part(watch, text);
  write("local_api_fuzz", "watch", watch);
}

template <typename Event>
Event event(std::uint16_t type) {
  Event made{};
  made.header.type = type;
  made.header.pid = 3;
  made.header.cgroup_id = 10;
  return made;
}

template <typename Value>
std::string_view bytes_of(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

void kernel_seeds() {
  const auto answer = DnsMessage("hub.example").cname("hub.example", "a.example").a("a.example", 9).bytes();
  write("dns_answer_fuzz", "cname", text_of(answer));
  write("dns_answer_fuzz", "none", text_of(DnsMessage("no.example", 0x8183).bytes()));
  auto cgroup = event<iris_cgroup_event>(IRIS_EVENT_CGROUP_ADDED);
  std::strcpy(cgroup.path, "/system.slice/cron.service");
  auto dns = event<iris_dns_event>(IRIS_EVENT_DNS);
  dns.length = static_cast<std::uint32_t>(answer.size());
  std::memcpy(dns.message, answer.data(), answer.size());
  auto exec = event<iris_exec_event>(IRIS_EVENT_EXEC);
  std::strcpy(exec.path, "/bin/modbus");
  auto stack = event<iris_stack_event>(IRIS_EVENT_STACK);
  stack.signal = 11;
  stack.frames = 2;
  const auto closed = event<iris_socket_event>(IRIS_EVENT_CLOSE);
  auto exit = event<iris_exit_event>(IRIS_EVENT_EXIT);
  exit.status = 11;
  iris_flow_key key{};
  key.cgroup_id = 10;
  key.protocol = 6;
  iris_flow_value value{};
  value.opened = value.rtt_count = 1;
  std::string seed;
  for (const auto part : {bytes_of(cgroup), bytes_of(dns), bytes_of(closed), bytes_of(exec),
                          bytes_of(stack), bytes_of(exit)}) {
    iris::fuzz::append_part(seed, part);
  }
  iris::fuzz::append_part(seed, std::string(bytes_of(key)) + std::string(bytes_of(value)));
  write("kernel_event_fuzz", "one_of_each", seed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  root = argv[1];
  const std::vector<flow::Record> records = samples::all();
  wire_seeds(batch_of(records));
  ingest_seeds(batch_of(records));
  local_seeds(records);
  kernel_seeds();
}
