// SPDX-License-Identifier: Apache-2.0
// The hot path of JsonWriter: up to five of these lines for each connection.
// Where the other records append piece by piece to the string (a call and a
// capacity check each, some 40 a line), this one reserves the most that a line
// can take and copies into it: 100 ns a line instead of 220 when measured.
#include <fmt/format.h>

#include <cstring>

#include "wire/json_writer.h"

namespace iris::wire {
namespace {

/// Keys, punctuation, numbers, times and addresses of the longest line, with room to spare.
constexpr std::size_t kFixedPartBytes = 768;
/// "\u0001" for one byte.
constexpr std::size_t kLongestEscape = 6;

class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}

  template <std::size_t N>
  void literal(const char (&text)[N]) {
    std::memcpy(at_, text, N - 1);
    at_ += N - 1;
  }
  void text(std::string_view piece) {
    std::memcpy(at_, piece.data(), piece.size());
    at_ += piece.size();
  }
  void name(std::string_view piece) {
    *at_++ = '"';
    text(piece);
    *at_++ = '"';
  }
  void number(std::uint64_t value) {
    const fmt::format_int digits(value);
    text({digits.data(), digits.size()});
  }
  void known_number(std::uint64_t value) {
    if (value == 0) {
      literal("null");
    } else {
      number(value);
    }
  }
  void optional_number(const std::optional<std::uint64_t>& value) {
    if (value) {
      number(*value);
    } else {
      literal("null");
    }
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

}  // namespace

void JsonWriter::append(std::string& out, const flow::SocketEvent& event) {
  using flow::SocketEventType;
  const bool listening = event.type == SocketEventType::listen;
  const bool closing = event.type == SocketEventType::close;
  const std::string& owner = owner_text(event.owner);

  const std::size_t start = out.size();
  out.resize(start + kFixedPartBytes + owner.size() + event.process.size() * kLongestEscape);
  Cursor line(out.data() + start);

  line.literal(R"({"type":)");
  line.name(flow::to_string(event.type));
  line.literal(R"(,"time":)");
  line.text(time_text(event.wall_ns));
  line.literal(R"(,"owner":)");
  line.text(owner);
  line.literal(R"(,"pid":)");
  line.known_number(event.pid);
  line.literal(R"(,"process":)");
  if (event.process.empty()) {
    line.literal("null");
  } else {
    process_text_.clear();
    append_json_string(process_text_, event.process);
    line.text(process_text_);
  }
  line.literal(R"(,"protocol":)");
  switch (event.protocol) {  // the two that come by the million, without making a string
    case 6: line.literal(R"("tcp")"); break;
    case 17: line.literal(R"("udp")"); break;
    default: line.name(flow::protocol_name(event.protocol));
  }
  line.literal(R"(,"local_address":)");
  line.text(address_text(event.local_address));
  line.literal(R"(,"local_port":)");
  line.known_number(event.local_port);
  line.literal(R"(,"peer_address":)");
  if (listening) {
    line.literal("null");
  } else {
    line.text(address_text(event.peer_address));
  }
  line.literal(R"(,"peer_port":)");
  line.known_number(event.peer_port);
  line.literal(R"(,"role":)");
  line.name(flow::to_string(event.role));

  if (event.reason) {
    line.literal(R"(,"reason":)");
    line.name(flow::to_string(*event.reason));
  } else if (event.type == SocketEventType::failed) {
    line.literal(R"(,"reason":null)");
  }
  if (closing || event.originator_bytes) {
    line.literal(R"(,"originator_bytes":)");
    line.optional_number(event.originator_bytes);
  }
  if (closing || event.responder_bytes) {
    line.literal(R"(,"responder_bytes":)");
    line.optional_number(event.responder_bytes);
  }
  if (closing || event.duration_us) {
    line.literal(R"(,"duration_us":)");
    line.optional_number(event.duration_us);
  }
  if (event.conn_state != flow::ConnState::none) {
    line.literal(R"(,"conn_state":)");
    line.name(flow::to_string(event.conn_state));
  } else if (closing) {
    line.literal(R"(,"conn_state":null)");
  }
  line.literal("}\n");
  out.resize(static_cast<std::size_t>(line.at() - out.data()));
}

}  // namespace iris::wire
