// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_amqp.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "registry/proton_handles.h"

namespace iris::registry {
namespace {

constexpr std::uint64_t kSelectorCode = 0x0000468C00000004;
constexpr std::string_view kSelectorName = "apache.org:selector-filter:string";

// Sections of a message (AMQP 1.0, part 3.2), by number or by name.
enum class Section : std::uint8_t { other, annotations, data, sequence, value };

constexpr std::size_t kMaxOffset = 256;         // bytes; it goes into our store and back
constexpr std::size_t kMaxPartitions = 2048;    // the service's largest tier has 2000 a namespace
constexpr std::size_t kMaxText = 512;

/// Proton decodes nested values by recursion; a megabyte of nested arrays would end the stack of
/// a thread. So it gets the annotations only, and no more of them than make sense.
constexpr std::size_t kMaxAnnotations = 16U << 10;

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out += '\'';
}

bool is_text(pn_type_t type) { return type == PN_STRING || type == PN_SYMBOL || type == PN_BINARY; }

std::string text_of(pn_data_t* data, std::size_t limit) {
  if (!is_text(pn_data_type(data))) return {};
  return std::string(proton_view(pn_data_get_bytes(data)).substr(0, limit));
}

/// Any whole number of any width: which one a service picks is not worth failing for.
std::optional<std::int64_t> number_of(pn_data_t* data) {
  switch (pn_data_type(data)) {
    case PN_LONG: return pn_data_get_long(data);
    case PN_TIMESTAMP: return pn_data_get_timestamp(data);
    case PN_INT: return pn_data_get_int(data);
    case PN_UINT: return pn_data_get_uint(data);
    case PN_SHORT: return pn_data_get_short(data);
    case PN_USHORT: return pn_data_get_ushort(data);
    case PN_BYTE: return pn_data_get_byte(data);
    case PN_UBYTE: return pn_data_get_ubyte(data);
    case PN_ULONG: {
      const std::uint64_t value = pn_data_get_ulong(data);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default: return std::nullopt;
  }
}

/// Calls `take(key)` with the cursor on each value of the map under the cursor.
template <typename Take>
void each_entry(pn_data_t* data, Take take) {
  if (pn_data_type(data) != PN_MAP || !pn_data_enter(data)) return;
  while (pn_data_next(data)) {
    const std::string key = text_of(data, kMaxText);
    if (!pn_data_next(data)) break;
    if (!key.empty()) take(key);
  }
  pn_data_exit(data);
}

/// Takes an encoded value off the front: its size follows from the first half of its
/// constructor (AMQP 1.0, part 1.2). Empty when there is no whole one.
std::string_view take_value(std::string_view& bytes) {
  if (bytes.empty()) return {};
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
  const std::size_t width = byte(0) >> 4;
  std::size_t size = 1;
  if (width >= 0x5 && width <= 0x9) {
    size += std::size_t{1} << (width - 0x5);
  } else if (width >= 0xa) {
    const std::size_t count = width % 2 == 0 ? 1 : 4;  // bytes that say how many follow
    if (bytes.size() < 1 + count) return {};
    std::size_t length = 0;
    for (std::size_t i = 1; i <= count; ++i) length = length << 8 | byte(i);
    size += count + length;
  } else if (width != 0x4) {
    return {};
  }
  if (size > bytes.size()) return {};
  const std::string_view value = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return value;
}

/// What a binary, string or symbol holds; nothing for other values.
std::optional<std::string_view> text_of(std::string_view value) {
  const auto code = static_cast<unsigned char>(value.front());
  const auto kind = code & 0x0f;  // 0 binary, 1 string, 3 symbol
  if (kind != 0x0 && kind != 0x1 && kind != 0x3) return std::nullopt;
  if (code >> 4 == 0xa) return value.substr(2);
  if (code >> 4 == 0xb) return value.substr(5);
  return std::nullopt;
}

Section section_of(std::string_view descriptor) {
  constexpr std::pair<std::string_view, Section> kNames[] = {{"amqp:message-annotations:map", Section::annotations},
                                                             {"amqp:data:binary", Section::data},
                                                             {"amqp:amqp-sequence:list", Section::sequence},
                                                             {"amqp:amqp-value:*", Section::value}};
  if (const auto text = text_of(descriptor)) {
    for (const auto& [name, section] : kNames) {
      if (name == *text) return section;
    }
    return Section::other;
  }
  const auto code = static_cast<unsigned char>(descriptor.front());
  if (code != 0x53 && code != 0x80) return Section::other;  // small ulong, ulong
  for (const char high : descriptor.substr(1, descriptor.size() - 2)) {
    if (high != 0) return Section::other;
  }
  switch (descriptor.back()) {
    case 0x72: return Section::annotations;
    case 0x75: return Section::data;
    case 0x76: return Section::sequence;
    case 0x77: return Section::value;
    default: return Section::other;
  }
}

void read_annotations(std::string_view map, Event& event) {
  const DataHandle owner(pn_data(16));
  pn_data_t* data = owner.get();
  if (map.size() > kMaxAnnotations || pn_data_decode(data, map.data(), map.size()) <= 0) return;
  pn_data_rewind(data);
  if (!pn_data_next(data)) return;
  each_entry(data, [&](const std::string& key) {
    if (key == "x-opt-sequence-number") event.sequence = number_of(data);
    if (key == "x-opt-enqueued-time") event.enqueued_ms = number_of(data).value_or(0);
    if (key != "x-opt-offset") return;
    // A string by contract; a number was seen with older services.
    if (const auto number = number_of(data)) event.offset = std::to_string(*number);
    else event.offset = text_of(data, kMaxOffset + 1);
    if (event.offset.size() > kMaxOffset) event.offset.clear();
  });
}

/// "operation" and the like have to be lower case; of the replies both spellings occur.
void read_properties(pn_data_t* data, NodeReply& reply) {
  each_entry(data, [&](const std::string& key) {
    if (key == "status-code" || key == "statusCode") {
      const auto number = number_of(data);
      reply.status = number && *number > 0 && *number < 1000 ? static_cast<int>(*number) : 0;
    } else if (key == "status-description" || key == "statusDescription") {
      reply.description = text_of(data, kMaxText);
    } else if (key == "error-condition" || key == "errorCondition") {
      reply.condition = text_of(data, kMaxText);
    }
  });
}

void read_strings(pn_data_t* data, std::vector<std::string>& out) {
  const pn_type_t type = pn_data_type(data);
  if ((type != PN_ARRAY && type != PN_LIST) || !pn_data_enter(data)) return;
  while (pn_data_next(data) && out.size() < kMaxPartitions) {
    std::string text = text_of(data, kMaxText);
    if (!text.empty() && std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  }
  pn_data_exit(data);
}

}  // namespace

std::string receiver_address(std::string_view hub, std::string_view consumer_group, std::string_view partition) {
  std::string address(hub);
  address.append("/ConsumerGroups/").append(consumer_group).append("/Partitions/").append(partition);
  return address;
}

std::string selector_text(const Position& position) {
  switch (position.kind) {
    case Position::Kind::after_offset: return "amqp.annotation.x-opt-offset > " + quoted(position.offset);
    case Position::Kind::earliest: return "amqp.annotation.x-opt-offset > '-1'";
    case Position::Kind::latest: return "amqp.annotation.x-opt-offset > '@latest'";
    case Position::Kind::enqueued_from:
      return "amqp.annotation.x-opt-enqueued-time >= " + quoted(std::to_string(position.time_ms));
  }
  return {};
}

void put_filter(pn_data_t* filter, const Position& position) {
  const std::string text = selector_text(position);
  pn_data_put_map(filter);
  pn_data_enter(filter);
  pn_data_put_symbol(filter, proton_bytes(kSelectorName));
  pn_data_put_described(filter);  // a plain string is not taken
  pn_data_enter(filter);
  pn_data_put_ulong(filter, kSelectorCode);
  pn_data_put_string(filter, proton_bytes(text));
  pn_data_exit(filter);
  pn_data_exit(filter);
}

// Not pn_message_decode(): it keeps only the last of several data sections.
Event decode_event(std::string_view bytes) {
  Event event;
  bool body_seen = false;
  event.usable = true;
  while (!bytes.empty()) {
    const bool described = bytes.front() == 0;
    bytes.remove_prefix(1);
    const std::string_view descriptor = take_value(bytes);
    const std::string_view value = descriptor.empty() ? std::string_view() : take_value(bytes);
    if (!described || value.empty()) {
      event.usable = false;
      break;
    }
    const Section section = section_of(descriptor);
    if (section == Section::annotations) read_annotations(value, event);
    if (section == Section::sequence) event.usable = false;
    if (section != Section::data && section != Section::value) continue;
    body_seen = true;
    if (const auto text = text_of(value)) event.body.append(*text);
    else event.usable = false;
  }
  event.usable = event.usable && body_seen;
  return event;
}

std::string encode_request(const NodeRequest& request) {
  const MessageHandle message(pn_message());
  pn_message_set_id(message.get(), pn_atom_t{.type = PN_STRING, .u = {.as_bytes = proton_bytes(request.id)}});
  pn_message_set_reply_to(message.get(), request.reply_to.c_str());
  pn_data_t* properties = pn_message_properties(message.get());
  pn_data_put_map(properties);
  pn_data_enter(properties);
  for (const auto& [key, value] : request.properties) {
    pn_data_put_string(properties, proton_bytes(key));
    pn_data_put_string(properties, proton_bytes(value));
  }
  pn_data_exit(properties);
  pn_data_put_string(pn_message_body(message.get()), proton_bytes(request.body));
  std::string out(1024, '\0');
  while (true) {
    std::size_t size = out.size();
    const int result = pn_message_encode(message.get(), out.data(), &size);
    if (result == 0) {
      out.resize(size);
      return out;
    }
    if (result != PN_OVERFLOW || out.size() > (1U << 20)) return {};
    out.resize(out.size() * 2);
  }
}

base::Result<NodeReply> decode_reply(std::string_view bytes) {
  const MessageHandle message(pn_message());
  if (bytes.empty() || pn_message_decode(message.get(), bytes.data(), bytes.size()) != 0) {
    return base::fail("the answer is not an AMQP message");
  }
  NodeReply reply;
  const pn_msgid_t id = pn_message_get_correlation_id(message.get());
  if (id.type == PN_STRING || id.type == PN_BINARY) reply.correlation_id = proton_view(id.u.as_bytes);
  pn_data_t* properties = pn_message_properties(message.get());
  pn_data_rewind(properties);
  if (pn_data_next(properties)) read_properties(properties, reply);
  pn_data_t* body = pn_message_body(message.get());
  pn_data_rewind(body);
  if (pn_data_next(body)) {
    each_entry(body, [&](const std::string& key) {
      if (key == "partition_ids") read_strings(body, reply.partition_ids);
      if (key == "last_enqueued_offset") reply.last_offset = text_of(body, kMaxOffset);
      if (key == "is_partition_empty" && pn_data_type(body) == PN_BOOL) reply.is_empty = pn_data_get_bool(body);
    });
  }
  return reply;
}

}  // namespace iris::registry
