// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_amqp.h"

#include <algorithm>
#include <limits>

#include "registry/proton_handles.h"

namespace iris::registry {
namespace {

constexpr std::uint64_t kSelectorCode = 0x0000468C00000004;
constexpr std::string_view kSelectorName = "apache.org:selector-filter:string";

// Sections of a message (AMQP 1.0, part 3.2). The service also may send the names.
enum class Section : std::uint8_t { other, annotations, data, value };
constexpr std::uint64_t kAnnotations = 0x72;
constexpr std::uint64_t kData = 0x75;
constexpr std::uint64_t kSequence = 0x76;
constexpr std::uint64_t kValue = 0x77;

constexpr std::size_t kMaxOffset = 256;         // bytes; it goes into our store and back
constexpr std::size_t kMaxPartitions = 2048;    // the service's largest tier has 2000 a namespace
constexpr std::size_t kMaxText = 512;

/// Nested arrays are decoded by recursion in Proton, which 64 KiB of them take to
/// the end of the stack. Nobody sends such a thing in good faith.
constexpr std::size_t kMaxDecoded = 4U << 20;

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

/// The cursor stands on the described section; it is left on the section's value.
Section enter_section(pn_data_t* data, bool& sequence) {
  if (!pn_data_is_described(data) || !pn_data_enter(data) || !pn_data_next(data)) return Section::other;
  const std::string name = text_of(data, kMaxText);
  const std::uint64_t code = pn_data_type(data) == PN_ULONG ? pn_data_get_ulong(data) : 0;
  if (!pn_data_next(data)) return Section::other;
  sequence = code == kSequence || name == "amqp:amqp-sequence:list";
  if (code == kAnnotations || name == "amqp:message-annotations:map") return Section::annotations;
  if (code == kData || name == "amqp:data:binary") return Section::data;
  if (code == kValue || name == "amqp:amqp-value:*") return Section::value;
  return Section::other;
}

void read_annotations(pn_data_t* data, Event& event) {
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
  bool unusable = false;
  const DataHandle data(pn_data(16));
  while (!bytes.empty()) {
    pn_data_clear(data.get());
    const ssize_t used = pn_data_decode(data.get(), bytes.data(), std::min(bytes.size(), kMaxDecoded));
    if (used <= 0) {
      unusable = true;
      break;
    }
    bytes.remove_prefix(std::min(static_cast<std::size_t>(used), bytes.size()));
    pn_data_rewind(data.get());
    if (!pn_data_next(data.get())) continue;
    bool sequence = false;
    const Section section = enter_section(data.get(), sequence);
    if (section == Section::annotations) read_annotations(data.get(), event);
    if (section == Section::data || section == Section::value) {
      const pn_type_t type = pn_data_type(data.get());
      const bool fits = section == Section::data ? type == PN_BINARY : is_text(type);
      if (fits) event.body.append(proton_view(pn_data_get_bytes(data.get())));
      else unusable = true;
      body_seen = true;
    }
    if (sequence) unusable = true;
  }
  event.usable = body_seen && !unusable;
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
