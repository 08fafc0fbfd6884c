// SPDX-License-Identifier: Apache-2.0
#include "registry/url.h"

#include <gtest/gtest.h>

namespace iris::registry {
namespace {

TEST(UrlTest, PartsOfAnUrl) {
  const auto plain = parse_url("http://edgex");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->port_or_default(), 80);
  EXPECT_EQ(plain->target(), "/");
  EXPECT_EQ(plain->authority(), "edgex");
  const auto full = parse_url("https://me:se%40cret@[::1]:8443/a/b?c=d&e#part");
  ASSERT_TRUE(full);
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->host, "::1");
  EXPECT_EQ(full->user, "me:se%40cret");
  EXPECT_EQ(full->target(), "/a/b?c=d&e");
  EXPECT_EQ(full->authority(), "[::1]:8443");
  EXPECT_EQ(parse_url("https://hub.test:443/")->authority(), "hub.test");
  EXPECT_EQ(parse_url("http://hub.test?a")->target(), "/?a");
}

TEST(UrlTest, WhatIsNone) {
  for (const char* text : {"", "hub", "ftp://hub", "http://", "http:///path", "http://a b", "http://a\r\nX: y", "http://a:", "http://a:0",
                           "http://a:70000", "http://a:1x", "http://[::1", "http://[::1]x", "http://[name]", "http://a<b>", "https://\xc3\xa4"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

}  // namespace
}  // namespace iris::registry
