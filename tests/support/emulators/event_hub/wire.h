// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proton/codec.h>
#include <proton/message.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store.h"

/// AMQP values to and from Proton.
namespace iris::event_hub_emulator {

struct FreeProton {
  void operator()(pn_data_t* data) const { pn_data_free(data); }
  void operator()(pn_message_t* message) const { pn_message_free(message); }
};
using Data = std::unique_ptr<pn_data_t, FreeProton>;
using Message = std::unique_ptr<pn_message_t, FreeProton>;

std::string_view view(pn_bytes_t bytes);
pn_bytes_t bytes_of(std::string_view text);

/// With the three annotations in the types of the service: long, string, timestamp.
std::string encode_event(const NewEvent& event, const StoredEvent& stored);

/// The selector of a source's filter set. Only a described string counts, under either
/// descriptor; anything else is an argument error (`fault`).
std::string selector_of(pn_data_t* filter, std::string& fault);
std::optional<std::int64_t> epoch_of(pn_data_t* properties);

struct Request {
  std::map<std::string, std::string> properties;
  std::string reply_to;
  pn_msgid_t id{};  // borrowed from the message
  std::string body; // when it is a string
};
std::optional<Request> read_request(pn_message_t* message);

struct Reply {
  int status = 200;
  std::string description;
  std::string condition;
};
/// A reply whose body the caller adds.
Message make_reply(const Request& request, const Reply& reply);
std::string encode(pn_message_t* message);

}  // namespace iris::event_hub_emulator
