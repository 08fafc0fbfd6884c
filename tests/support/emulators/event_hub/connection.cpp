// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <poll.h>
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/event.h>
#include <proton/link.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <proton/transport.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "loop.h"
#include "sasl.h"

namespace iris::event_hub_emulator {
namespace {

constexpr pn_millis_t kIdleTimeout = 240'000;
constexpr std::size_t kMaxOutgoing = 1U << 20;
const Refusal kUnauthorized = {"amqp:unauthorized-access",
                               "Unauthorized access. 'Listen' claim(s) are required to perform this operation."};

std::string address_of(pn_terminus_t* terminus) {
  const char* address = pn_terminus_get_address(terminus);
  std::string text = address == nullptr ? "" : address;
  while (text.starts_with('/')) text.erase(0, 1);
  return text;
}

void set(pn_condition_t* condition, const Refusal& refusal) {
  if (refusal.condition.empty()) return;
  pn_condition_set_name(condition, refusal.condition.c_str());
  pn_condition_set_description(condition, refusal.description.c_str());
}

}  // namespace

Connection::Connection(Loop& loop, base::UniqueFd socket, pn_ssl_domain_t* domain) : loop_(loop), socket_(std::move(socket)) {
  pn_connection_driver_init(&driver_, nullptr, nullptr);
  pn_transport_set_server(driver_.transport);
  install_sasl(driver_.transport, *this);
  pn_transport_require_auth(driver_.transport, true);
  if (domain != nullptr) pn_ssl_init(pn_ssl(driver_.transport), domain, nullptr);
  pn_transport_set_idle_timeout(driver_.transport, kIdleTimeout);
  pn_transport_set_max_frame(driver_.transport, 262'144);
}

Connection::~Connection() { pn_connection_driver_destroy(&driver_); }

short Connection::wanted_events() {
  if (loop_.silent || cut_) return 0;
  return static_cast<short>((pn_connection_driver_read_buffer(&driver_).size > 0 ? POLLIN : 0) |
                            (pn_connection_driver_write_buffer(&driver_).size > 0 ? POLLOUT : 0));
}

void Connection::on_readable() {
  const pn_rwbytes_t buffer = pn_connection_driver_read_buffer(&driver_);
  if (buffer.size == 0) return;
  const ssize_t got = recv(socket_.get(), buffer.start, buffer.size, MSG_DONTWAIT);
  if (got > 0) {
    pn_connection_driver_read_done(&driver_, static_cast<std::size_t>(got));
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    pn_connection_driver_read_close(&driver_);
    pn_connection_driver_write_close(&driver_);
  }
}

int Connection::patience() const {
  if (tick_ms_ == 0 || loop_.silent) return 60'000;
  return static_cast<int>(std::clamp<std::int64_t>(tick_ms_ - Loop::now_ms(), 0, 60'000));
}

bool Connection::work() {
  if (cut_) return false;
  if (loop_.silent) return true;
  tick_ms_ = pn_transport_tick(driver_.transport, Loop::now_ms());
  while (true) {
    while (pn_event_t* event = pn_connection_driver_next_event(&driver_)) handle(event);
    for (Reader& reader : readers_) send_events(reader);
    const pn_bytes_t bytes = pn_connection_driver_write_buffer(&driver_);
    if (bytes.size == 0) break;
    const ssize_t sent = send(socket_.get(), bytes.start, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        pn_connection_driver_close(&driver_);
        continue;
      }
      break;
    }
    pn_connection_driver_write_done(&driver_, static_cast<std::size_t>(sent));
  }
  return !pn_connection_driver_finished(&driver_);
}

void Connection::on_mechanism(const std::string& mechanism) {
  loop_.note([&](Seen& seen) { seen.mechanisms.push_back(mechanism); });
}

bool Connection::check_plain(const std::string& user, const std::string& password) {
  user_ = user;
  const auto policy = loop_.options.policies.find(user);
  plain_ = policy != loop_.options.policies.end() && policy->second.key == password;
  plain_listen_ = plain_ && policy->second.listen;
  return plain_ || !loop_.options.fails_sasl;  // the service tells a wrong key only later
}

bool Connection::may_listen(const std::string& path) const {
  if (plain_) return plain_listen_;
  const char* host = pn_connection_remote_hostname(driver_.connection);
  const std::string audience = plain_audience("sb://" + std::string(host == nullptr ? "" : host) + "/" + path);
  const std::int64_t now_s = Loop::now_ms() / 1000;
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
    return token.listen && token.expiry > now_s && covers(token.resource, audience);
  });
}

void Connection::handle(pn_event_t* event) {
  pn_link_t* link = pn_event_link(event);
  switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN: {
      const char* host = pn_connection_remote_hostname(driver_.connection);
      loop_.note([&](Seen& seen) { seen.host_names.emplace_back(host == nullptr ? "" : host); });
      pn_connection_set_container(driver_.connection, "iris-event-hub-emulator");
      pn_connection_open(driver_.connection);
      break;
    }
    case PN_CONNECTION_REMOTE_CLOSE: pn_connection_close(driver_.connection); break;
    case PN_SESSION_REMOTE_OPEN: pn_session_open(pn_event_session(event)); break;
    case PN_SESSION_REMOTE_CLOSE: pn_session_close(pn_event_session(event)); break;
    case PN_LINK_REMOTE_OPEN: on_attach(link); break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
      forget(link);
      pn_link_close(link);
      pn_link_free(link);
      break;
    case PN_LINK_FLOW:
      for (const Reader& reader : readers_) {
        if (reader.link != link) continue;
        const auto given = static_cast<std::size_t>(pn_link_credit(link));
        loop_.note([&](Seen& seen) { seen.credit[reader.partition] = std::max(seen.credit[reader.partition], given); });
      }
      break;
    case PN_DELIVERY:
      if (pn_link_is_receiver(link)) on_request(link);
      else if (pn_delivery_updated(pn_event_delivery(event))) pn_delivery_settle(pn_event_delivery(event));
      break;
    default: break;
  }
}

void Connection::forget(pn_link_t* link) {
  readers_.remove_if([&](const Reader& reader) { return reader.link == link; });
}

void Connection::refuse(pn_link_t* link, const Refusal& refusal) {
  // As the service does it: an attach without source and target, then a detach with the reason.
  pn_link_open(link);
  set(pn_link_condition(link), refusal);
  pn_link_close(link);
}

void Connection::on_attach(pn_link_t* link) {
  const bool sends = pn_link_is_sender(link);
  const std::string address = address_of(sends ? pn_link_remote_source(link) : pn_link_remote_target(link));
  const bool node = address == "$cbs" || address == "$management";
  if (address == "$management" && loop_.management == Emulator::Management::refuses_link) {
    return refuse(link, {"amqp:not-allowed", "no management here"});
  }
  if (!node) {
    if (sends) return on_partition_attach(link, address);
    return refuse(link, {"amqp:not-allowed", "This emulator takes no events over AMQP."});
  }
  pn_terminus_copy(pn_link_source(link), pn_link_remote_source(link));
  pn_terminus_copy(pn_link_target(link), pn_link_remote_target(link));
  pn_link_open(link);
  if (!sends) pn_link_flow(link, 100);
}

void Connection::on_partition_attach(pn_link_t* link, const std::string& address) {
  std::string fault;
  Seen::Attach attach{address, selector_of(pn_terminus_filter(pn_link_remote_source(link)), fault), false};
  const auto finish = [&](const std::optional<Refusal>& refusal) {
    attach.accepted = !refusal;
    loop_.note([&](Seen& seen) { seen.attaches.push_back(attach); });
    if (refusal) refuse(link, *refusal);
  };
  Reader reader;
  reader.connection = this;
  reader.link = link;
  reader.epoch = epoch_of(pn_link_remote_properties(link));
  // HUB/ConsumerGroups/GROUP/Partitions/ID
  const std::string groups = "/ConsumerGroups/";
  const std::string partitions = "/Partitions/";
  const auto group_at = address.find(groups);
  const auto partition_at = group_at == std::string::npos ? group_at : address.find(partitions, group_at);
  if (partition_at == std::string::npos) return finish(Refusal{"amqp:not-found", "no such entity: " + address});
  const std::string hub = address.substr(0, group_at);
  reader.group = address.substr(group_at + groups.size(), partition_at - group_at - groups.size());
  std::transform(reader.group.begin(), reader.group.end(), reader.group.begin(), [](unsigned char c) { return std::tolower(c); });
  reader.partition = address.substr(partition_at + partitions.size());
  if (!may_listen(address)) return finish(kUnauthorized);
  if (!fault.empty()) return finish(Refusal{"com.microsoft:argument-error", fault});
  if (hub != loop_.options.hub) {
    return finish(Refusal{"amqp:not-found", "The messaging entity '" + hub + "' could not be found."});
  }
  if (const auto refusal = loop_.admit(reader)) return finish(refusal);
  const Partition* partition = loop_.partition_of(hub, reader.partition);
  const Selection selection = select(*partition, attach.selector);
  if (!selection.cursor) return finish(selection.refusal);
  reader.cursor = *selection.cursor;
  finish(std::nullopt);
  pn_terminus_copy(pn_link_source(link), pn_link_remote_source(link));
  pn_terminus_copy(pn_link_target(link), pn_link_remote_target(link));
  pn_link_open(link);
  readers_.push_back(reader);
}

void Connection::send_events(Reader& reader) {
  // Never before the attach has left: Proton and others send attach and flow together, and
  // would take the transfer for one on a link that they do not know.
  if ((pn_link_state(reader.link) & PN_LOCAL_ACTIVE) == 0) return;
  const Partition* partition = loop_.partition_of(loop_.options.hub, reader.partition);
  if (partition == nullptr) return;
  pn_session_t* session = pn_link_session(reader.link);
  while (reader.cursor.index < partition->log.size() && pn_link_credit(reader.link) > 0 &&
         pn_session_outgoing_bytes(session) < kMaxOutgoing) {
    const StoredEvent& event = partition->log[reader.cursor.index++];
    if (event.sequence <= reader.cursor.after_sequence) continue;
    const std::string tag = std::to_string(++tag_);
    pn_delivery_t* delivery = pn_delivery(reader.link, pn_dtag(tag.data(), tag.size()));
    pn_link_send(reader.link, event.message.data(), event.message.size());
    pn_link_advance(reader.link);
    if (loop_.options.settles) pn_delivery_settle(delivery);
    loop_.note([](Seen& seen) { ++seen.sent; });
  }
}

void Connection::detach(Reader& reader, const Refusal& refusal) {
  pn_link_t* link = reader.link;
  forget(link);
  set(pn_link_condition(link), refusal);
  pn_link_close(link);
}

void Connection::close(const Refusal& refusal) {
  readers_.clear();
  set(pn_connection_condition(driver_.connection), refusal);
  pn_connection_close(driver_.connection);
}

void Connection::cut() {
  cut_ = true;
  socket_.reset();
}

void Connection::on_request(pn_link_t* link) {
  pn_delivery_t* delivery = pn_link_current(link);
  if (delivery == nullptr || !pn_delivery_readable(delivery) || pn_delivery_partial(delivery)) return;
  std::string bytes(pn_delivery_pending(delivery), '\0');
  pn_link_recv(link, bytes.data(), bytes.size());
  pn_delivery_update(delivery, PN_ACCEPTED);
  pn_delivery_settle(delivery);
  pn_link_flow(link, 1);
  const Message message(pn_message());
  if (bytes.empty() || pn_message_decode(message.get(), bytes.data(), bytes.size()) != 0) return;
  const auto request = read_request(message.get());
  if (!request) return;
  if (address_of(pn_link_target(link)) == "$cbs") answer_cbs(*request);
  else answer_management(*request);
}

void Connection::answer_cbs(const Request& request) {
  const auto property = [&](const char* name) {
    const auto found = request.properties.find(name);
    return found == request.properties.end() ? std::string() : found->second;
  };
  Reply reply{202, "Accepted", ""};
  std::string fault;
  std::optional<Token> token;
  if (property("operation") != "put-token" || property("type") != "servicebus.windows.net:sastoken") {
    reply = {400, "operation or type is not known", "com.microsoft:argument-error"};
  } else if (token = verify_token(request.body, loop_.options.policies, Loop::now_ms() / 1000, fault); !token) {
    reply = {401, "InvalidSignature: The token has an invalid signature. (" + fault + ")", "amqp:unauthorized-access"};
  } else if (!covers(token->resource, plain_audience(property("name")))) {
    reply = {401, "The token is for another resource.", "amqp:unauthorized-access"};
  } else {
    tokens_.push_back(*token);
    loop_.note([](Seen& seen) { ++seen.tokens; });
  }
  const Message message = make_reply(request, reply);
  send_reply(request, message.get());
}

void Connection::answer_management(const Request& request) {
  if (loop_.management == Emulator::Management::silent) return;
  loop_.note([](Seen& seen) { ++seen.reads; });
  const auto property = [&](const char* name) {
    const auto found = request.properties.find(name);
    return found == request.properties.end() ? std::string() : found->second;
  };
  const auto fail = [&](int status, const std::string& text, const std::string& condition) {
    const Message message = make_reply(request, {status, text, condition});
    send_reply(request, message.get());
  };
  if (loop_.management == Emulator::Management::fails) return fail(500, "The service was unable to process the request.", "amqp:internal-error");
  if (!property("security_token").empty() && !plain_) {
    std::string fault;
    if (const auto token = verify_token(property("security_token"), loop_.options.policies, Loop::now_ms() / 1000, fault)) {
      tokens_.push_back(*token);
    }
  }
  const std::string name = property("name");
  if (!may_listen(name) && !may_listen(name + "/$management")) return fail(401, kUnauthorized.description, kUnauthorized.condition);
  if (property("operation") != "READ") return fail(400, "operation is not known", "com.microsoft:argument-error");
  if (name != loop_.options.hub) return fail(404, "The messaging entity '" + name + "' could not be found.", "amqp:not-found");
  const Message message = make_reply(request, {200, "OK", ""});
  pn_data_t* body = pn_message_body(message.get());
  const auto key = [&](const char* text) { pn_data_put_string(body, bytes_of(text)); };
  pn_data_put_map(body);
  pn_data_enter(body);
  key("name");
  pn_data_put_string(body, bytes_of(name));
  if (property("type") == "com.microsoft:eventhub") {
    key("type");
    pn_data_put_string(body, bytes_of("com.microsoft:eventhub"));
    key("created_at");
    pn_data_put_timestamp(body, loop_.hub.created_ms);
    key("partition_count");
    pn_data_put_int(body, static_cast<std::int32_t>(loop_.hub.partitions.size()));
    key("partition_ids");
    if (loop_.management == Emulator::Management::lists) pn_data_put_list(body);
    else pn_data_put_array(body, false, PN_STRING);
    pn_data_enter(body);
    for (const auto& [id, partition] : loop_.hub.partitions) pn_data_put_string(body, bytes_of(id));
    pn_data_exit(body);
  } else if (property("type") == "com.microsoft:partition") {
    const Partition* partition = loop_.partition_of(name, property("partition"));
    if (partition == nullptr) return fail(404, "no such partition", "amqp:not-found");
    key("type");
    pn_data_put_string(body, bytes_of("com.microsoft:partition"));
    key("partition");
    pn_data_put_string(body, bytes_of(property("partition")));
    key("begin_sequence_number");
    pn_data_put_long(body, partition->log.empty() ? 0 : partition->log.front().sequence);
    key("last_enqueued_sequence_number");
    pn_data_put_long(body, partition->last_sequence());
    key("last_enqueued_offset");
    const std::string offset = partition->last_offset();
    pn_data_put_string(body, bytes_of(offset));
    key("last_enqueued_time_utc");
    pn_data_put_timestamp(body, partition->log.empty() ? 0 : partition->log.back().enqueued_ms);
    key("is_partition_empty");
    pn_data_put_bool(body, partition->log.empty());
  } else {
    return fail(400, "type is not known", "com.microsoft:argument-error");
  }
  pn_data_exit(body);
  send_reply(request, message.get());
}

void Connection::send_reply(const Request& request, pn_message_t* message) {
  const std::string bytes = encode(message);
  for (pn_link_t* link = pn_link_head(driver_.connection, PN_LOCAL_ACTIVE); link != nullptr;
       link = pn_link_next(link, PN_LOCAL_ACTIVE)) {
    // The vendor's client gives the target's address to $management and the link's name to $cbs.
    const bool wanted = address_of(pn_link_remote_target(link)) == request.reply_to || pn_link_name(link) == request.reply_to;
    if (!pn_link_is_sender(link) || !wanted) continue;
    const std::string tag = std::to_string(++tag_);
    pn_delivery_t* delivery = pn_delivery(link, pn_dtag(tag.data(), tag.size()));
    pn_link_send(link, bytes.data(), bytes.size());
    pn_link_advance(link);
    pn_delivery_settle(delivery);
    return;
  }
}

}  // namespace iris::event_hub_emulator
