// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_amqp.h"

#include <gmock/gmock.h>

#include <random>

#include "registry/proton_handles.h"

namespace iris::registry {
namespace {

using ::testing::ElementsAre;

template <typename Put>
std::string section(std::uint64_t code, Put put) {
  const DataHandle data(pn_data(8));
  pn_data_put_described(data.get());
  pn_data_enter(data.get());
  pn_data_put_ulong(data.get(), code);
  put(data.get());
  std::string out(static_cast<std::size_t>(pn_data_encoded_size(data.get())), '\0');
  pn_data_encode(data.get(), out.data(), out.size());
  return out;
}

std::string data_section(const std::string& body) {
  return section(0x75, [&](pn_data_t* data) { pn_data_put_binary(data, proton_bytes(body)); });
}

TEST(EventHubAmqp, SelectorsAsTheServiceWantsThem) {
  EXPECT_EQ(selector_text({Position::Kind::earliest, "", 0}), "amqp.annotation.x-opt-offset > '-1'");
  EXPECT_EQ(selector_text({Position::Kind::latest, "", 0}), "amqp.annotation.x-opt-offset > '@latest'");
  EXPECT_EQ(selector_text({Position::Kind::after_offset, "128", 0}), "amqp.annotation.x-opt-offset > '128'");
  EXPECT_EQ(selector_text({Position::Kind::after_offset, "a'b", 0}), "amqp.annotation.x-opt-offset > 'a''b'");
  EXPECT_EQ(selector_text({Position::Kind::enqueued_from, "", 1893456000000}),
            "amqp.annotation.x-opt-enqueued-time >= '1893456000000'");
  EXPECT_EQ(receiver_address("insights-logs", "$Default", "0"), "insights-logs/ConsumerGroups/$Default/Partitions/0");
}

TEST(EventHubAmqp, TheFilterIsADescribedString) {
  const DataHandle data(pn_data(8));
  put_filter(data.get(), {Position::Kind::after_offset, "7", 0});
  std::size_t size = 512;
  std::string text(size, '\0');
  ASSERT_EQ(pn_data_format(data.get(), text.data(), &size), 0);
  EXPECT_EQ(text.substr(0, size),
            R"({:"apache.org:selector-filter:string"=@77567109365764 "amqp.annotation.x-opt-offset > \x277\x27"})");
}

TEST(EventHubAmqp, AnnotationsInAnyWidth) {
  const std::string bytes = section(0x72, [](pn_data_t* data) {
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, proton_bytes("x-opt-sequence-number"));
    pn_data_put_uint(data, 5);
    pn_data_put_symbol(data, proton_bytes("x-opt-offset"));
    pn_data_put_ulong(data, 4711);
    pn_data_put_symbol(data, proton_bytes("x-opt-enqueued-time"));
    pn_data_put_timestamp(data, 1893456000000);
    pn_data_put_symbol(data, proton_bytes("iothub-connection-device-id"));
    pn_data_put_string(data, proton_bytes("thermostat"));
    pn_data_exit(data);
  });
  const Event event = decode_event(bytes + data_section("{") + data_section("}"));
  EXPECT_EQ(event.sequence, 5);
  EXPECT_EQ(event.offset, "4711");
  EXPECT_EQ(event.enqueued_ms, 1893456000000);
  EXPECT_EQ(event.body, "{}");
  EXPECT_TRUE(event.usable);
}

TEST(EventHubAmqp, SectionsUnderTheirNames) {
  const DataHandle data(pn_data(8));
  pn_data_put_described(data.get());
  pn_data_enter(data.get());
  pn_data_put_symbol(data.get(), proton_bytes("amqp:data:binary"));
  pn_data_put_binary(data.get(), proton_bytes("x"));
  std::string bytes(static_cast<std::size_t>(pn_data_encoded_size(data.get())), '\0');
  pn_data_encode(data.get(), bytes.data(), bytes.size());
  EXPECT_EQ(decode_event(bytes).body, "x");
}

TEST(EventHubAmqp, UnusableBodiesKeepTheirAnnotations) {
  const std::string annotations = section(0x72, [](pn_data_t* data) {
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, proton_bytes("x-opt-offset"));
    pn_data_put_string(data, proton_bytes("9"));
    pn_data_exit(data);
  });
  const std::string list = section(0x77, [](pn_data_t* data) { pn_data_put_list(data); });
  const std::string whole = annotations + data_section(std::string(1000, 'x'));
  for (const std::string& bytes : {annotations, annotations + list, annotations + "\xff\xff", whole.substr(0, 300)}) {
    const Event event = decode_event(bytes);
    EXPECT_FALSE(event.usable);
    EXPECT_EQ(event.offset, "9");
  }
  EXPECT_FALSE(decode_event("").usable);
}

TEST(EventHubAmqp, AnOffsetThatIsTooLongIsNotKept) {
  const std::string bytes = section(0x72, [](pn_data_t* data) {
    const std::string offset(10'000, '7');
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, proton_bytes("x-opt-offset"));
    pn_data_put_string(data, proton_bytes(offset));
    pn_data_exit(data);
  });
  EXPECT_EQ(decode_event(bytes).offset, "");
}

// Any bytes at all: no crash, no hang. Run under the sanitizers, too.
TEST(EventHubAmqp, AnyBytes) {
  const std::string good = section(0x72, [](pn_data_t* data) {
    pn_data_put_map(data);
    pn_data_enter(data);
    pn_data_put_symbol(data, proton_bytes("x-opt-offset"));
    pn_data_put_string(data, proton_bytes("9"));
    pn_data_exit(data);
  }) + data_section("body") + section(0x77, [](pn_data_t* data) {
    pn_data_put_array(data, false, PN_STRING);
    pn_data_enter(data);
    pn_data_put_string(data, proton_bytes("a"));
    pn_data_exit(data);
  });
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (unsigned change = random() % 4 + 1; change > 0; --change) bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    EXPECT_LE(decode_event(bytes).body.size(), bytes.size());
    (void)decode_reply(bytes);
  }
}

/// Arrays of arrays: a decoder that recurses comes to the end of its stack.
TEST(EventHubAmqp, DeepNesting) {
  constexpr int kDepth = 110'000;
  std::string value;
  for (int depth = kDepth; depth > 0; --depth) {
    const auto size = static_cast<std::uint32_t>(depth * 9 - 5 + 1);  // array32: size, count, constructor of the elements
    value += '\xf0';
    for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(size >> shift);
    value += std::string("\0\0\0\1", 4);
  }
  value += '\x40';
  EXPECT_FALSE(decode_event(std::string("\0\x53\x77", 3) + value).usable);
  std::string lists;
  for (int depth = 0; depth < 100'000; ++depth) lists += std::string("\xd0\0\x10\0\0\0\0\0\1", 9);
  EXPECT_FALSE(decode_event(std::string("\0\x53\x77", 3) + lists).usable);
  std::string described(200'000, '\0');
  EXPECT_FALSE(decode_event(described).usable);
}

TEST(EventHubAmqp, QuestionsAndAnswers) {
  const std::string bytes = encode_request({"id-1", "reply-1", {{"operation", "READ"}, {"name", "hub"}}, "text"});
  const MessageHandle message(pn_message());
  ASSERT_EQ(pn_message_decode(message.get(), bytes.data(), bytes.size()), 0);
  EXPECT_STREQ(pn_message_get_reply_to(message.get()), "reply-1");
  EXPECT_EQ(proton_view(pn_message_get_id(message.get()).u.as_bytes), "id-1");
  EXPECT_FALSE(encode_request({"i", "r", {}, std::string(100'000, 'x')}).empty());

  for (const bool list : {false, true}) {
    for (const char* status : {"status-code", "statusCode"}) {
      const MessageHandle answer(pn_message());
      pn_message_set_correlation_id(answer.get(), pn_atom_t{.type = PN_STRING, .u = {.as_bytes = proton_bytes("id-1")}});
      pn_data_t* properties = pn_message_properties(answer.get());
      pn_data_put_map(properties);
      pn_data_enter(properties);
      pn_data_put_string(properties, proton_bytes(status));
      pn_data_put_int(properties, 200);
      pn_data_exit(properties);
      pn_data_t* body = pn_message_body(answer.get());
      pn_data_put_map(body);
      pn_data_enter(body);
      pn_data_put_string(body, proton_bytes("partition_ids"));
      if (list) pn_data_put_list(body);
      else pn_data_put_array(body, false, PN_STRING);
      pn_data_enter(body);
      for (const char* id : {"0", "1", "1"}) pn_data_put_string(body, proton_bytes(id));
      pn_data_exit(body);
      pn_data_exit(body);
      std::string encoded(1024, '\0');
      std::size_t size = encoded.size();
      ASSERT_EQ(pn_message_encode(answer.get(), encoded.data(), &size), 0);
      const auto reply = decode_reply(std::string_view(encoded).substr(0, size));
      ASSERT_TRUE(reply);
      EXPECT_TRUE(reply->ok());
      EXPECT_EQ(reply->correlation_id, "id-1");
      EXPECT_THAT(reply->partition_ids, ElementsAre("0", "1"));
    }
  }
  EXPECT_FALSE(decode_reply(""));
}

}  // namespace
}  // namespace iris::registry
