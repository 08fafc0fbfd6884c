// SPDX-License-Identifier: Apache-2.0
#include "runtimes/namespace_addresses.h"

#include <gmock/gmock.h>
#include <unistd.h>

namespace iris::runtimes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NamespaceAddresses, FibTrieGivesLocalHosts) {
  const char* text = R"(Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 198.51.100.0/25 2 0 2
        |-- 198.51.100.0
           /25 link UNICAST
        |-- 198.51.100.2
           /32 host LOCAL
        |-- 198.51.100.127
           /32 link BROADCAST
Local:
     |-- 127.0.0.1
        /32 host LOCAL
        |-- 198.51.100.2
           /32 host LOCAL
)";
  EXPECT_THAT(parse_fib_trie(text), ElementsAre(*base::IpAddress::parse("198.51.100.2")));
  EXPECT_THAT(parse_fib_trie("/32 host LOCAL"), IsEmpty());
}

TEST(NamespaceAddresses, IfInet6GivesGlobalOnes) {
  const char* text =
      "20010db8000000000000000000000002 02 40 00 80     eth0\n"
      "fe800000000000000042acfffe110002 02 40 20 80     eth0\n"
      "00000000000000000000000000000001 01 80 10 80       lo\n"
      "short\n";
  EXPECT_THAT(parse_if_inet6(text), ElementsAre(*base::IpAddress::parse("2001:db8::2")));
}

TEST(NamespaceAddresses, OwnNamespaceAndAbsentProcessGiveNone) {
  EXPECT_THAT(namespace_addresses(static_cast<std::uint32_t>(getpid())), IsEmpty());
  EXPECT_THAT(namespace_addresses(0x7FFFFFFF), IsEmpty());
}

}  // namespace
}  // namespace iris::runtimes
