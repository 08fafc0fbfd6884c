// SPDX-License-Identifier: Apache-2.0
#include "identity/json.h"

#include <gmock/gmock.h>

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, limits);
  return parsed ? "" : parsed.error().message;
}

TEST(ParseJson, ForgivesWhatLosesNothing) {
  EXPECT_EQ((*parse_json("\xef\xbb\xbf{\"a\":1}"))["a"], 1) << "byte order mark";
  EXPECT_EQ((*parse_json("{\"a\":\"x\xff\xc3\"}"))["a"], "x\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ((*parse_json("{\"a\":\"x\xed\xa0\x80\"}"))["a"], "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "a surrogate as bytes";
  EXPECT_EQ((*parse_json(R"({"a":"\ud800x\udc00 \ud83d\ude00"})"))["a"], "\xef\xbf\xbdx\xef\xbf\xbd \xf0\x9f\x98\x80");
  EXPECT_EQ((*parse_json("{\"a\":\"tab\there\"}"))["a"], "tab here");
  EXPECT_TRUE((*parse_json(R"({"a":1e999,"b":2})"))["a"].is_null());
  EXPECT_EQ((*parse_json(R"({"a":1e999,"b":2})"))["b"], 2);
  EXPECT_EQ((*parse_json(R"({"a":1,"a":2})"))["a"], 2);
  EXPECT_EQ((*parse_json(R"({"a":"\u00e4\"\\"})"))["a"], "\xc3\xa4\"\\");
}

TEST(ParseJson, RefusesWhatIsNone) {
  for (const char* bad : {"", "{", "[1,]", "{\"a\":1}x", "{\"a\"}", "nul", "\"a", "\"\\", "\"\\u12", "// c\n1", "{\"a\":\"\\ud800"}) {
    EXPECT_EQ(error_of(bad), "not JSON") << bad;
  }
}

TEST(ParseJson, CommentsAndTrailingCommasWhereAsked) {
  const JsonLimits lenient{.comments = true};
  const auto parsed = parse_json("// list\n[{\"url\":\"a//b\", /* x */ }, // one\n 2,\n]//end", lenient);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->dump(), R"([{"url":"a//b"},2])");
  EXPECT_EQ(error_of("[1,,]", lenient), "not JSON");
  EXPECT_EQ(error_of("[1 / 2]", lenient), "not JSON");
  EXPECT_EQ(error_of("/* [1]", lenient), "not JSON");
}

TEST(ParseJson, KeepsToItsLimits) {
  EXPECT_EQ(error_of("[[1]]", {.depth = 2}), "");
  EXPECT_THAT(error_of("[[[1]]]", {.depth = 2}), HasSubstr("deeper than 2"));
  EXPECT_EQ(error_of(R"(["[[[[["])", {.depth = 2}), "") << "brackets in strings do not count";
  EXPECT_THAT(error_of("[1,2,3]", {.bytes = 6}), HasSubstr("longer than 6"));
  EXPECT_THAT(error_of("[1,2,3,4,5]", {.values = 5}), HasSubstr("more than 5"));
  EXPECT_THAT(error_of("[null,true,null,true,null,true,null]", {.values = 5}), HasSubstr("more than 5"));
  EXPECT_THAT(error_of(std::string(500'000, '[')), HasSubstr("deeper"));
}

std::vector<std::string> elements(std::string_view text, std::string* error = nullptr) {
  std::vector<std::string> out;
  const auto walked = each_element(text, 5, [&](std::string_view element) { out.emplace_back(element); });
  if (error != nullptr) *error = walked ? "" : walked.error().message;
  return out;
}

TEST(EachElement, GivesThemOneByOne) {
  EXPECT_THAT(elements(R"([{"a":[1,{"b":"],"}]},"x\"]",3])"), ElementsAre(R"({"a":[1,{"b":"],"}]})", R"("x\"]")", "3"));
  EXPECT_THAT(elements(" \xef\xbb\xbf"), ElementsAre());
  EXPECT_THAT(elements("[]"), ElementsAre());
  EXPECT_THAT(elements(R"( {"a":1})"), ElementsAre(R"({"a":1})"));
}

TEST(EachElement, KeepsWhatCameBeforeABreak) {
  std::string error;
  EXPECT_THAT(elements(R"([{"a":1},{"b":)", &error), ElementsAre(R"({"a":1})"));
  EXPECT_EQ(error, "the array does not end");
  EXPECT_THAT(elements("[1,2,3,4,5,6,7]", &error), ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_EQ(error, "more than 5 elements: the rest is left out");
  for (const char* bad : {"", "7", "\"x\"", "[1}"}) {
    elements(bad, &error);
    EXPECT_NE(error, "") << bad;
  }
}

TEST(Accessors, TakeNumbersAndStringsAlike) {
  const Json object = *parse_json(R"({"Port":"0x1F6","b":502,"c":70000,"d":-1,"e":502.0,"f":[502],"g":18446744073709551615,"h":"true","i":true,"j":1.5})");
  EXPECT_EQ(port_number(member_any_case(object, {"tcpport", "PORT"})), 502);
  EXPECT_EQ(port_number(member(object, "b")), 502);
  EXPECT_EQ(port_number(member(object, "e")), 502);
  for (const char* none : {"c", "d", "f", "g", "h", "i", "j", "absent"}) EXPECT_FALSE(port_number(member(object, none))) << none;
  EXPECT_TRUE(flag(member(object, "h")));
  EXPECT_TRUE(flag(member(object, "i")));
  EXPECT_FALSE(flag(member(object, "b")));
  EXPECT_EQ(raw_text(member(object, "b")), "502");
  EXPECT_EQ(raw_text(member(object, "f")), "");
  EXPECT_EQ(member(Json(7), "a"), nullptr);
  EXPECT_EQ(at_path(object, {"b", "c"}), nullptr);
}

}  // namespace
}  // namespace iris::identity
