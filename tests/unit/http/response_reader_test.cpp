// SPDX-License-Identifier: Apache-2.0
#include "http/response_reader.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace iris::http {
namespace {

using State = ResponseReader::State;

struct Answer {
  explicit Answer(ResponseReader::Options options = {}, std::size_t max_body = 1u << 20)
      : reader(
            [this, max_body](std::string_view piece) {
              if (body.size() + piece.size() > max_body) return false;
              body.append(piece);
              return true;
            },
            options) {}
  /// In pieces of `size`; 0: at once.
  State feed(std::string_view bytes, std::size_t size = 0) {
    if (size == 0) return reader.feed(bytes);
    for (std::size_t at = 0; at < bytes.size(); at += size) reader.feed(bytes.substr(at, size));
    return reader.state();
  }
  std::string body;
  ResponseReader reader;
};

constexpr const char* kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-One: a%20b\r\n\r\n"
    "4;name=value\r\nwell\r\n6\r\n known\r\n0\r\nX-Trailer: late\r\n\r\n";

TEST(ResponseReader, TakesALengthInPiecesOfAnySize) {
  const std::string text = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nDATE:  now \t\r\nA: 1\r\na: 2\r\n\r\nhello";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    Answer answer;
    ASSERT_EQ(answer.feed(text, size), State::done) << size;
    EXPECT_EQ(answer.reader.status(), 404u);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_EQ(answer.reader.headers().at("date"), "now");
    EXPECT_EQ(answer.reader.headers().at("a"), "2");
    EXPECT_TRUE(answer.reader.keep_alive());
  }
}

TEST(ResponseReader, TakesChunksInPiecesOfAnySize) {
  for (std::size_t size = 0; size <= 100; ++size) {
    Answer answer;
    ASSERT_EQ(answer.feed(kChunked, size), State::done) << size << answer.reader.error();
    EXPECT_EQ(answer.body, "well known");
    EXPECT_EQ(answer.reader.headers().at("x-one"), "a%20b");  // as it came
    EXPECT_FALSE(answer.reader.headers().contains("x-trailer"));
    EXPECT_TRUE(answer.reader.keep_alive());
  }
}

TEST(ResponseReader, TheBodyIsGivenBeforeItsEnd) {
  Answer answer;
  EXPECT_EQ(answer.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwe"), State::body);
  EXPECT_EQ(answer.body, "we");
  EXPECT_EQ(answer.reader.status(), 200u);
  EXPECT_EQ(answer.reader.end_of_input(), State::failed);
  EXPECT_THAT(answer.reader.error(), testing::HasSubstr("cut"));
}

TEST(ResponseReader, ABodyWithoutLengthEndsWithTheConnection) {
  Answer answer;
  EXPECT_EQ(answer.feed("HTTP/1.0 200 OK\r\n\r\nall of it", 3), State::body);
  EXPECT_EQ(answer.reader.end_of_input(), State::done);
  EXPECT_EQ(answer.body, "all of it");
  EXPECT_FALSE(answer.reader.keep_alive());
}

TEST(ResponseReader, NoBodyWhereThereIsNone) {
  Answer answer({.max_header_bytes = 1000, .has_body = false});
  EXPECT_EQ(answer.feed("HTTP/1.1 200 Connection established\r\n\r\n"), State::done);
  EXPECT_EQ(answer.reader.status(), 200u);
  Answer empty;
  EXPECT_EQ(empty.feed("HTTP/1.1 204 No Content\r\n\r\n"), State::done);
}

TEST(ResponseReader, InterimAnswersArePassedOverButNotForEver) {
  const std::string interim = "HTTP/1.1 100 Continue\r\nX-Interim: yes\r\n\r\n";
  Answer answer;
  EXPECT_EQ(answer.feed(interim + interim + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 7), State::done);
  EXPECT_EQ(answer.reader.status(), 200u);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_FALSE(answer.reader.headers().contains("x-interim"));
  Answer endless({.max_header_bytes = 1000});
  for (int i = 0; i < 100 && endless.reader.state() != State::failed; ++i) endless.feed(interim);
  EXPECT_TRUE(endless.reader.too_large());
  EXPECT_EQ(endless.reader.status(), 0u);
}

TEST(ResponseReader, LongHeadersAreRefused) {
  for (const std::size_t size : {0u, 100u}) {
    Answer answer({.max_header_bytes = 1000});
    EXPECT_EQ(answer.feed("HTTP/1.1 200 OK\r\nX-Long: " + std::string(2000, 'x'), size), State::failed);
    EXPECT_TRUE(answer.reader.too_large());
  }
  Answer chunk({.max_header_bytes = 1000});
  chunk.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;");
  for (int i = 0; i < 100 && chunk.reader.state() != State::failed; ++i) chunk.feed(std::string(100, 'x'));
  EXPECT_EQ(chunk.reader.state(), State::failed);
}

TEST(ResponseReader, WhatTheSinkRefusesEndsIt) {
  Answer answer({}, 4);
  EXPECT_EQ(answer.feed("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello"), State::failed);
  EXPECT_TRUE(answer.reader.refused());
  EXPECT_TRUE(answer.body.empty());
}

TEST(ResponseReader, WhatIsNoHttpIsSaid) {
  for (const char* text : {"SSH-2.0-x\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    Answer answer;
    answer.feed(text);
    EXPECT_EQ(answer.reader.end_of_input(), State::failed) << text;
    EXPECT_THAT(answer.reader.error(), testing::HasSubstr("not HTTP")) << text;
  }
  Answer nothing;
  EXPECT_EQ(nothing.reader.end_of_input(), State::failed);
  EXPECT_THAT(nothing.reader.error(), testing::HasSubstr("without an answer"));
}

TEST(ResponseReader, BytesBehindTheAnswerMakeTheConnectionUseless) {
  Answer answer;
  EXPECT_EQ(answer.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500"), State::done);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_FALSE(answer.reader.keep_alive());
}

}  // namespace
}  // namespace iris::http
