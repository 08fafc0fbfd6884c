// SPDX-License-Identifier: Apache-2.0
// Stands in for the stream codec where a test is about the stream, not its bytes.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "wire/batch_codec.h"
#include "wire/flow_codec.h"

namespace iris::wire {
namespace {

using google::protobuf::io::ArrayInputStream;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

void write_text(CodedOutputStream& out, const std::string& text) {
  out.WriteVarint32(static_cast<std::uint32_t>(text.size()));
  out.WriteString(text);
}

bool read_text(CodedInputStream& in, std::string& text) {
  std::uint32_t size = 0;
  return in.ReadVarint32(&size) && in.ReadString(&text, static_cast<int>(size));
}

}  // namespace

class StreamEncoder::Impl {
 public:
  RecordEncoder records;
};

StreamEncoder::StreamEncoder() : impl_(std::make_unique<Impl>()) {}
StreamEncoder::~StreamEncoder() = default;
StreamEncoder::StreamEncoder(StreamEncoder&&) noexcept = default;

base::Result<EncodedContent> StreamEncoder::encode(const flow::Batch& batch) {
  EncodedContent content;
  {
    StringOutputStream bytes(&content.bytes);
    CodedOutputStream out(&bytes);
    out.WriteVarint64(batch.start_wall_ns);
    out.WriteVarint64(batch.end_wall_ns);
    out.WriteVarint64(batch.gaps.size());
    for (const auto& gap : batch.gaps) {
      for (const auto value : {gap.start_wall_ns, gap.end_wall_ns, gap.windows, gap.flows}) out.WriteVarint64(value);
      write_text(out, gap.reason);
    }
    for (const auto& record : batch.records) {
      impl_->records.encode(record, [&out](const v1::Message& message) {
        write_text(out, message.SerializeAsString());
      });
    }
  }
  content.content_bytes = static_cast<std::uint32_t>(content.bytes.size());
  return content;
}

class StreamDecoder::Impl {
 public:
  RecordDecoder records;
};

StreamDecoder::StreamDecoder() : impl_(std::make_unique<Impl>()) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;

base::Result<flow::Batch> StreamDecoder::decode(std::string_view content, std::uint32_t content_bytes,
                                                bool compressed) {
  if (compressed || content_bytes != content.size()) return base::fail("not of this codec");
  ArrayInputStream bytes(content.data(), static_cast<int>(content.size()));
  CodedInputStream in(&bytes);
  flow::Batch batch;
  std::uint64_t gaps = 0;
  if (!in.ReadVarint64(&batch.start_wall_ns) || !in.ReadVarint64(&batch.end_wall_ns) || !in.ReadVarint64(&gaps)) {
    return base::fail("cut short");
  }
  while (gaps-- > 0) {
    flow::Gap gap;
    for (auto* value : {&gap.start_wall_ns, &gap.end_wall_ns, &gap.windows, &gap.flows}) {
      if (!in.ReadVarint64(value)) return base::fail("cut short");
    }
    if (!read_text(in, gap.reason)) return base::fail("cut short");
    batch.gaps.push_back(std::move(gap));
  }
  while (!in.ExpectAtEnd() && in.CurrentPosition() < static_cast<int>(content.size())) {
    std::string text;
    v1::Message message;
    if (!read_text(in, text) || !message.ParseFromString(text)) return base::fail("not a message");
    if (message.has_owner()) {
      if (auto added = impl_->records.add_owner(message.owner()); !added) return tl::unexpected(added.error());
      continue;
    }
    auto record = impl_->records.decode(message);
    if (!record) return tl::unexpected(record.error());
    batch.records.push_back(std::move(*record));
  }
  return batch;
}

}  // namespace iris::wire
