// SPDX-License-Identifier: Apache-2.0
#include "neighbours/leases.h"

#include <gmock/gmock.h>

#include <random>

namespace iris::neighbours {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kNow = 1'893'456'000;  // 2030-01-01T00:00:00Z

Lease lease(const char* address, const char* mac, const char* name) { return {*base::IpAddress::parse(address), mac, name}; }
std::vector<Lease> dnsmasq(const std::string& text) { return parse_leases(LeaseFormat::dnsmasq, text, kNow); }
std::vector<Lease> isc(const std::string& text) { return parse_leases(LeaseFormat::isc_dhcpd, text, kNow); }
std::vector<Lease> kea(const std::string& text) { return parse_leases(LeaseFormat::kea, text, kNow); }

TEST(Leases, Dnsmasq) {
  EXPECT_THAT(dnsmasq("1893456001 00:1B:44:11:3a:b7 198.51.100.7 plc7 01:00:1b:44:11:3a:b7\n"
                      "0 00:1b:44:11:3a:b8 198.51.100.8 * *\n"
                      "1893456000 00:1b:44:11:3a:b9 198.51.100.9 gone *\n"
                      "duid 00:01:00:01:2c:00:00:00:00:1b:44:11:3a:b7\n"
                      "1893459600 286335522 2001:db8::7 plc7 00:01:00:01:2c\n"),
              ElementsAre(lease("198.51.100.7", "00:1b:44:11:3a:b7", "plc7"), lease("198.51.100.8", "00:1b:44:11:3a:b8", ""),
                          lease("2001:db8::7", "", "plc7")));
}

TEST(Leases, DnsmasqBrokenLines) {
  EXPECT_THAT(dnsmasq("\n\n x y z\n1893456001\n1893456001 00:1b:44:11:3a:b7\n1893456001 00:1b:44:11:3a:b7 198.51.100.1\n"
                      "-5 00:1b:44:11:3a:b7 198.51.100.7 a *\n99999999999999999999 00:1b:44:11:3a:b7 198.51.100.7 a *\n"
                      "1893456001 00:1b:44:11:3a:b7 224.0.0.1 a *\n1893456001 00:1b:44:11:3a:b7 127.0.0.1 a *\n"),
              IsEmpty());
  EXPECT_THAT(dnsmasq("1893456001 06-aa 198.51.100.7 <script> *\r\n"), ElementsAre(lease("198.51.100.7", "", "")));
}

constexpr const char* kIsc = R"(# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\000\001\000\001{\"}";
lease 198.51.100.7 {
  starts 2 2029/12/31 12:00:00;
  ends 2 2030/01/01 00:00:01;
  cltt 2 2029/12/31 12:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 00:1b:44:11:3a:b7;
  uid "\001\000\033D\021:\267";
  set vendor-class-identifier = "x } y";
  client-hostname "plc7";
}
lease 198.51.100.8 {
  ends never;
  binding state active;
  hardware ethernet 00:1b:44:11:3a:b8;
}
lease 198.51.100.9 {
  ends epoch 1893455999; # a comment with } and ;
  binding state active;
  hardware ethernet 00:1b:44:11:3a:b9;
}
lease 198.51.100.10 {
  ends 2 2030/01/01 12:00:00;
  binding state free;
  hardware ethernet 00:1b:44:11:3a:ba;
}
)";

TEST(Leases, IscDhcpd) {
  EXPECT_THAT(isc(kIsc), ElementsAre(lease("198.51.100.7", "00:1b:44:11:3a:b7", "plc7"), lease("198.51.100.8", "00:1b:44:11:3a:b8", "")));
}

TEST(Leases, OfIscDhcpdTheLastStands) {
  EXPECT_THAT(isc(std::string(kIsc) + "lease 198.51.100.7 { ends never; binding state active; hardware ethernet 00:1b:44:11:3a:01; }\n"
                                      "lease 198.51.100.8 { binding state released; }"),
              ElementsAre(lease("198.51.100.7", "00:1b:44:11:3a:01", "")));
}

TEST(Leases, WhatAHostSaysOfItselfIsNoSyntax) {
  EXPECT_THAT(isc(R"(lease 198.51.100.7 { binding state active; client-hostname "}"; hardware ethernet 00:1b:44:11:3a:b7; }
                     lease 198.51.100.8 { binding state active; client-hostname "a\"} lease 198.51.100.99 { binding state active; "; }
                     lease 198.51.100.9 { binding state active; client-hostname ""; uid ";"; })"),
              ElementsAre(lease("198.51.100.7", "00:1b:44:11:3a:b7", ""), lease("198.51.100.8", "", ""), lease("198.51.100.9", "", "")));
}

TEST(Leases, IscDhcpdCutShort) {
  const std::string whole = kIsc;
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_LE(isc(whole.substr(0, length)).size(), 2U);
  EXPECT_THAT(isc("lease 198.51.100.7 { binding state active;"), IsEmpty());
  EXPECT_THAT(isc("}}}} lease 198.51.100.7 { ends 2 x y; }"), IsEmpty());
  EXPECT_THAT(isc("lease { } lease a b { } \"" + std::string(10'000, '{')), IsEmpty());
}

constexpr const char* kKea4 =
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
    "198.51.100.7,00:1b:44:11:3a:b7,01:00:1b:44:11:3a:b7,3600,1893459600,1,0,0,plc7.site.,0,,0\n"
    "198.51.100.8,00:1b:44:11:3a:b8,,3600,1893455000,1,0,0,,0,,0\n"
    "198.51.100.9,00:1b:44:11:3a:b9,,4294967295,0,1,0,0,,0,,0\n"
    "198.51.100.10,00:1b:44:11:3a:ba,,3600,1893459600,1,0,0,,1,,0\n"
    "198.51.100.11,00:1b:44:11:3a:bb,,3600,1893459600,1,0,0,,0,,0\n"
    "198.51.100.11,00:1b:44:11:3a:bb,,0,1893459600,1,0,0,,0,,0\n";

TEST(Leases, Kea) {
  EXPECT_THAT(kea(kKea4), ElementsAre(lease("198.51.100.7", "00:1b:44:11:3a:b7", "plc7.site"), lease("198.51.100.9", "00:1b:44:11:3a:b9", "")));
  EXPECT_THAT(kea("address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state\n"
                  "2001:db8::7,00:03,3600,1893459600,1,1800,0,1,128,0,0,plc7,00:1b:44:11:3a:b7,0\n"
                  "2001:db8:1::,00:03,3600,1893459600,1,1800,2,1,56,0,0,,,0\n"),
              ElementsAre(lease("2001:db8::7", "00:1b:44:11:3a:b7", "plc7")));
}

TEST(Leases, AKeaLineThatIsBeingWrittenEndsNoLease) {
  const std::string two = std::string(kKea4) + "198.51.100.7,00:1b:44:11:3a:b7,01:00:1b:44:11:3a:b7,3600,18934";
  EXPECT_THAT(kea(two), SizeIs(2));
  EXPECT_THAT(kea("198.51.100.7,00:1b:44:11:3a:b7,,3600,1893459600,1,0,0,plc7,0,,0\n"), IsEmpty()) << "no heading";
}

TEST(Leases, AnyBytesDoNoHarm) {
  std::mt19937 random(2026);
  const std::string all = std::string(kIsc) + kKea4 + "1893456001 00:1b:44:11:3a:b7 198.51.100.7 plc7 *\n";
  for (int round = 0; round < 3000; ++round) {
    std::string text = all.substr(random() % all.size());
    for (unsigned i = random() % 20; i > 0; --i) text[random() % text.size()] = static_cast<char>(random());
    for (const auto format : {LeaseFormat::dnsmasq, LeaseFormat::isc_dhcpd, LeaseFormat::kea}) {
      for (const Lease& found : parse_leases(format, text, kNow)) {
        EXPECT_TRUE(found.host_name.empty() || clean_host_name(found.host_name) == found.host_name);
        EXPECT_TRUE(found.mac.empty() || found.mac.size() == 17);
      }
    }
    parse_hosts(text);
  }
}

TEST(Leases, Hosts) {
  const auto names = parse_hosts("127.0.0.1 localhost\n# 198.51.100.1 no\n198.51.100.7\tplc7.site plc7 # x\n  2001:db8::7 plc7v6\n198.51.100.8\nff02::1 all\nx y\n");
  EXPECT_THAT(names, ElementsAre(HostName{*base::IpAddress::parse("198.51.100.7"), "plc7.site"}, HostName{*base::IpAddress::parse("2001:db8::7"), "plc7v6"}));
}

TEST(Leases, HostNames) {
  EXPECT_EQ(clean_host_name("plc-7_a.site"), "plc-7_a.site");
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\"b"), std::string("\xc3\xa4"), std::string("a\nb"), std::string(254, 'a')}) {
    EXPECT_EQ(clean_host_name(name), "");
  }
}

}  // namespace
}  // namespace iris::neighbours
