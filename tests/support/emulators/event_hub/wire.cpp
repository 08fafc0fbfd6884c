// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include <stdexcept>

namespace iris::event_hub_emulator {
namespace {

constexpr std::uint64_t kAnnotations = 0x72;
constexpr std::uint64_t kData = 0x75;
constexpr std::uint64_t kSequence = 0x76;
constexpr std::uint64_t kValue = 0x77;
constexpr std::uint64_t kSelectorCode = 77567109365764;
constexpr std::string_view kSelectorName = "apache.org:selector-filter:string";

std::string encoded(pn_data_t* data) {
  const ssize_t size = pn_data_encoded_size(data);
  if (size < 0) throw std::logic_error("a value that cannot be encoded");
  std::string out(static_cast<std::size_t>(size), '\0');
  pn_data_encode(data, out.data(), out.size());
  return out;
}

template <typename Put>
std::string section(std::uint64_t code, Put put) {
  const Data data(pn_data(8));
  pn_data_put_described(data.get());
  pn_data_enter(data.get());
  pn_data_put_ulong(data.get(), code);
  put(data.get());
  return encoded(data.get());
}

std::string text(pn_data_t* data) {
  const pn_type_t type = pn_data_type(data);
  return type == PN_STRING || type == PN_SYMBOL || type == PN_BINARY ? std::string(view(pn_data_get_bytes(data))) : "";
}

}  // namespace

std::string_view view(pn_bytes_t bytes) { return bytes.start == nullptr ? std::string_view() : std::string_view(bytes.start, bytes.size); }
pn_bytes_t bytes_of(std::string_view text) { return pn_bytes(text.size(), text.data()); }

std::string encode_event(const NewEvent& event, const StoredEvent& stored) {
  if (event.kind == NewEvent::Body::raw) return event.sections.at(0);
  std::string out = section(kAnnotations, [&](pn_data_t* data) {
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, bytes_of("x-opt-sequence-number"));
    pn_data_put_long(data, stored.sequence);
    pn_data_put_symbol(data, bytes_of("x-opt-offset"));
    pn_data_put_string(data, bytes_of(stored.offset));
    pn_data_put_symbol(data, bytes_of("x-opt-enqueued-time"));
    pn_data_put_timestamp(data, stored.enqueued_ms);
    if (!event.partition_key.empty()) {
      pn_data_put_symbol(data, bytes_of("x-opt-partition-key"));
      pn_data_put_string(data, bytes_of(event.partition_key));
    }
    pn_data_exit(data);
  });
  for (const std::string& body : event.sections) {
    switch (event.kind) {
      case NewEvent::Body::data:
        out += section(kData, [&](pn_data_t* data) { pn_data_put_binary(data, bytes_of(body)); });
        break;
      case NewEvent::Body::string_value:
        out += section(kValue, [&](pn_data_t* data) { pn_data_put_string(data, bytes_of(body)); });
        break;
      case NewEvent::Body::binary_value:
        out += section(kValue, [&](pn_data_t* data) { pn_data_put_binary(data, bytes_of(body)); });
        break;
      case NewEvent::Body::sequence:
        out += section(kSequence, [&](pn_data_t* data) {
          pn_data_put_list(data);
          pn_data_enter(data);
          pn_data_put_string(data, bytes_of(body));
          pn_data_exit(data);
        });
        break;
      default: break;
    }
  }
  return out;
}

std::string selector_of(pn_data_t* filter, std::string& fault) {
  if (filter == nullptr) return {};
  pn_data_rewind(filter);
  if (!pn_data_next(filter) || pn_data_type(filter) != PN_MAP) return {};
  pn_data_enter(filter);
  while (pn_data_next(filter)) {
    const bool ours = pn_data_type(filter) == PN_SYMBOL && text(filter) == kSelectorName;
    if (!pn_data_next(filter)) break;
    if (!ours) continue;
    if (!pn_data_is_described(filter) || !pn_data_enter(filter)) {
      fault = "the selector is not a described value";
      return {};
    }
    pn_data_next(filter);
    const bool right = (pn_data_type(filter) == PN_ULONG && pn_data_get_ulong(filter) == kSelectorCode) ||
                       (pn_data_type(filter) == PN_SYMBOL && text(filter) == kSelectorName);
    pn_data_next(filter);
    if (!right || pn_data_type(filter) != PN_STRING) {
      fault = "the selector is no string under the right descriptor";
      return {};
    }
    return text(filter);
  }
  return {};
}

std::optional<std::int64_t> epoch_of(pn_data_t* properties) {
  if (properties == nullptr) return std::nullopt;
  pn_data_rewind(properties);
  if (!pn_data_next(properties) || pn_data_type(properties) != PN_MAP) return std::nullopt;
  pn_data_enter(properties);
  while (pn_data_next(properties)) {
    const bool ours = text(properties) == "com.microsoft:epoch";
    if (!pn_data_next(properties)) break;
    if (!ours) continue;
    if (pn_data_type(properties) == PN_LONG) return pn_data_get_long(properties);
    if (pn_data_type(properties) == PN_INT) return pn_data_get_int(properties);
  }
  return std::nullopt;
}

std::optional<Request> read_request(pn_message_t* message) {
  Request request;
  const char* reply_to = pn_message_get_reply_to(message);
  if (reply_to == nullptr) return std::nullopt;
  request.reply_to = reply_to;
  request.id = pn_message_get_id(message);
  pn_data_t* properties = pn_message_properties(message);
  pn_data_rewind(properties);
  if (pn_data_next(properties) && pn_data_type(properties) == PN_MAP) {
    pn_data_enter(properties);
    while (pn_data_next(properties)) {
      const std::string key = text(properties);
      if (!pn_data_next(properties)) break;
      request.properties[key] = text(properties);
    }
  }
  pn_data_t* body = pn_message_body(message);
  pn_data_rewind(body);
  if (pn_data_next(body)) request.body = text(body);
  return request;
}

Message make_reply(const Request& request, const Reply& reply) {
  Message message(pn_message());
  pn_message_set_address(message.get(), request.reply_to.c_str());
  pn_message_set_correlation_id(message.get(), request.id);
  pn_data_t* properties = pn_message_properties(message.get());
  pn_data_put_map(properties);
  pn_data_enter(properties);
  pn_data_put_string(properties, bytes_of("status-code"));
  pn_data_put_int(properties, reply.status);
  pn_data_put_string(properties, bytes_of("status-description"));
  pn_data_put_string(properties, bytes_of(reply.description));
  if (!reply.condition.empty()) {
    pn_data_put_string(properties, bytes_of("error-condition"));
    pn_data_put_symbol(properties, bytes_of(reply.condition));
  }
  pn_data_exit(properties);
  return message;
}

std::string encode(pn_message_t* message) {
  std::string out(4096, '\0');
  while (true) {
    std::size_t size = out.size();
    if (pn_message_encode(message, out.data(), &size) == 0) {
      out.resize(size);
      return out;
    }
    if (out.size() > (1U << 24)) throw std::logic_error("a message that cannot be encoded");
    out.resize(out.size() * 2);
  }
}

}  // namespace iris::event_hub_emulator
