// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "policy/formats.h"
#include "policy/text.h"
#include "samples.h"

namespace iris::policy {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using nlohmann::json;

constexpr const char* kUrl = "https://mud.example.com/modbus.json";

/// A broker, and who reads the values.
Policy small() { return Workload({opens("198.51.100.7", 8883, "mqtt.example.org"), is_called("10.0.0.20", 8080)}).make().value(); }

json entry(const Document& document, const std::string& acl, std::size_t number) {
  const auto whole = json::parse(document.text);
  for (const auto& list : whole["ietf-access-control-list:acls"]["acl"])
    if (list["name"] == acl) return list["aces"]["ace"].at(number)["matches"];
  return nullptr;
}

TEST(Mud, IsWhatItShouldBe) {
  EXPECT_EQ(write_mud(small(), kUrl).value().text, R"({
  "ietf-mud:mud": {
    "mud-version": 1,
    "mud-url": "https://mud.example.com/modbus.json",
    "last-update": "2026-01-08T00:00:00Z",
    "cache-validity": 48,
    "is-supported": true,
    "systeminfo": "workload: modbus",
    "from-device-policy": {
      "access-lists": {
        "access-list": [
          {
            "name": "modbus-v4fr"
          }
        ]
      }
    },
    "to-device-policy": {
      "access-lists": {
        "access-list": [
          {
            "name": "modbus-v4to"
          }
        ]
      }
    }
  },
  "ietf-access-control-list:acls": {
    "acl": [
      {
        "name": "modbus-v4fr",
        "type": "ipv4-acl-type",
        "aces": {
          "ace": [
            {
              "name": "1-example-org-fr-1",
              "matches": {
                "ipv4": {
                  "ietf-acldns:dst-dnsname": "mqtt.example.org",
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "from-device",
                  "destination-port": {
                    "operator": "eq",
                    "port": 8883
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "2-10-0-0-20-fr",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                },
                "ipv4": {
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "to-device",
                  "source-port": {
                    "operator": "eq",
                    "port": 8080
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            }
          ]
        }
      },
      {
        "name": "modbus-v4to",
        "type": "ipv4-acl-type",
        "aces": {
          "ace": [
            {
              "name": "1-example-org-to-1",
              "matches": {
                "ipv4": {
                  "ietf-acldns:src-dnsname": "mqtt.example.org",
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "from-device",
                  "source-port": {
                    "operator": "eq",
                    "port": 8883
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "2-10-0-0-20-to",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                },
                "ipv4": {
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "to-device",
                  "destination-port": {
                    "operator": "eq",
                    "port": 8080
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            }
          ]
        }
      }
    ]
  }
}
)");
}

TEST(Mud, ServicesOfTheNetworkAreClasses) {
  const auto document = write_mud(Workload().make().value(), kUrl).value();
  EXPECT_EQ(entry(document, "modbus-v4fr", 3)["ietf-mud:mud"]["controller"], "urn:ietf:params:mud:dns");
  EXPECT_EQ(entry(document, "modbus-v4fr", 4)["ietf-mud:mud"]["controller"], "urn:ietf:params:mud:ntp");
  EXPECT_EQ(entry(document, "modbus-v6fr", 0)["ipv6"]["ietf-acldns:dst-dnsname"], "mqtt.example.org");
  // Raw addresses are against its purpose, and said to be.
  EXPECT_EQ(entry(document, "modbus-v4fr", 0)["ipv4"]["destination-ipv4-network"], "203.0.0.0/16");
  EXPECT_THAT(document.notes, Contains("to tcp/443 of 203.0.0.0/16 (network): by raw address, which is against MUD's "
                                       "purpose: look at it before it is published"));
}

TEST(Mud, WhoeverTakesTheDataIsTheController) {
  auto hub = opens("172.18.0.2", 443);
  hub.scope = flow::Scope::container;
  hub.peer_owner = module_owner("edgeHub", "aaaa");
  const auto document = write_mud(Workload({hub}).make(true).value(), kUrl).value();
  EXPECT_EQ(entry(document, "modbus-v4fr", 0)["ietf-mud:mud"]["my-controller"], json::parse("[null]"));
}

TEST(Mud, WantsAnHttpsUrl) {
  for (const char* url : {"", "http://mud.example.com/x", "https://", "https://a b", "https://a\"b", "https://a\nb"})
    EXPECT_FALSE(write_mud(small(), url)) << url;
}

TEST(Nftables, IsWhatItShouldBe) {
  const auto text = write_nftables(small(), false).value().text;
  EXPECT_THAT(text, HasSubstr("table inet iris_modbus\ndelete table inet iris_modbus\n\ntable inet iris_modbus {\n"));
  EXPECT_THAT(text, HasSubstr(R"(	set own_v4 {
		type ipv4_addr
		flags interval
		elements = { 172.18.0.5 }
	}
	set to_v4 {
		type ipv4_addr . inet_proto . inet_service
		flags interval
		elements = {
			# example.org
			198.51.100.7 . tcp . 8883,
		}
	}
	set to_v6 {
		type ipv6_addr . inet_proto . inet_service
		flags interval
	}
)"));
  EXPECT_THAT(text, HasSubstr("\t\tcounter comment \"would-drop outbound\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("counter drop")));
}

TEST(Nftables, EnforcingDrops) {
  const auto text = write_nftables(small(), true).value().text;
  EXPECT_THAT(text, HasSubstr("\t\tcounter drop comment \"dropped outbound\"\n"));
  EXPECT_THAT(text, HasSubstr("\t\tcounter drop comment \"dropped inbound\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("would-drop")));
}

TEST(Nftables, OverlappingPeersOfOneServiceAreOneElement) {
  auto policy = small();
  policy.rules[0].addresses = {Prefix::parse("198.51.0.0/16").value()};
  policy.rules.push_back(policy.rules[0]);
  policy.rules.back().addresses = {Prefix::parse("198.51.100.7").value()};
  const auto text = write_nftables(policy, false).value().text;
  EXPECT_THAT(text, HasSubstr("198.51.0.0/16 . tcp . 8883"));
  EXPECT_THAT(text, Not(HasSubstr("198.51.100.7 . tcp")));
}

TEST(Nftables, HostNetworkGoesByCgroup) {
  auto policy = small();
  policy.places[0].host_network = true;
  const auto text = write_nftables(policy, true).value().text;
  EXPECT_THAT(text, HasSubstr("\t\tsocket cgroupv2 level 2 \"system.slice/docker-4f1c.scope\" jump outbound\n"));
  EXPECT_THAT(text, Not(HasSubstr("own_v4")));
  // The kernel refuses it in forward.
  EXPECT_LT(text.find("chain forward"), text.find("chain input"));
  EXPECT_GT(text.find("socket cgroupv2"), text.find("chain input"));
  policy.places[0].cgroup_path = "/a\" jump evil";
  const auto unknown = write_nftables(policy, true).value();
  EXPECT_THAT(unknown.text, Not(HasSubstr("socket")));
  EXPECT_THAT(unknown.notes, Contains(HasSubstr("not filtered, it shares the host's addresses and its cgroup is not known")));
}

TEST(Nftables, WantsOneGateway) {
  auto policy = small();
  policy.places.push_back(policy.places[0]);
  policy.places[1].gateway = "gw2";
  const auto refused = write_nftables(policy, false);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("gw1, gw2"));
}

TEST(NetworkPolicy, IsWhatItShouldBe) {
  auto policy = small();
  policy.places[0].labels = {{"app", "modbus"}, {"io.kubernetes.pod.namespace", "edge"}};
  const auto text = write_network_policy(policy).value().text;
  EXPECT_EQ(text.substr(text.find("apiVersion")), R"(apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: "iris-modbus"
  namespace: "edge"
  annotations:
    "iris-profile": "image/registry/modbus"
    "iris-dns-names": "mqtt.example.org tcp/8883"
spec:
  podSelector:
    matchLabels:
      "app": "modbus"
  policyTypes: ["Ingress", "Egress"]
  ingress:
    # 10.0.0.20 (lan)
    - from:
      - {"ipBlock": {"cidr": "10.0.0.20/32"}}
      ports:
      - {"protocol": "TCP", "port": 8080}
  egress:
    # example.org (name)
    - to:
      - {"ipBlock": {"cidr": "198.51.100.7/32"}}
      ports:
      - {"protocol": "TCP", "port": 8883}
)");
}

TEST(NetworkPolicy, IsForPodsOnly) {
  auto policy = small();
  policy.device = true;
  EXPECT_FALSE(write_network_policy(policy));
  policy.device = false;
  policy.places[0].kind = flow::OwnerKind::service;
  EXPECT_FALSE(write_network_policy(policy));
}

TEST(Formats, WhatCannotBeSaidIsSaidSo) {
  auto igmp = opens("224.0.0.22", 0, "", 2);
  auto policy = Workload({opens("198.51.100.7", 8883, "mqtt.example.org"), igmp}).make(true).value();
  policy.rules[1].addresses.clear();
  EXPECT_THAT(write_nftables(policy, false).value().notes, Contains(HasSubstr("not allowed, it has no address")));
  EXPECT_THAT(write_network_policy(policy).value().notes, Contains(HasSubstr("knows TCP, UDP and SCTP only")));
  EXPECT_THAT(write_network_policy(policy).value().text, HasSubstr("# note: to igmp of group (group): not allowed"));
}

TEST(Formats, EveryRuleIsInTheDocumentOrInANote) {
  const auto policy = Workload().make().value();
  for (const auto format : {Format::mud, Format::nftables, Format::network_policy}) {
    auto bare = policy;
    for (auto& rule : bare.rules) {
      rule.addresses.clear();
      rule.names.clear();
    }
    for (const auto& one : {policy, bare}) {
      const auto grants = grants_of(one, format);
      for (const auto& rule : one.rules) {
        const bool granted = std::any_of(grants.grants.begin(), grants.grants.end(), [&](const Grant& grant) {
          return grant.label == rule.label && grant.protocol == rule.protocol && grant.role == rule.role;
        });
        const bool noted = std::any_of(grants.notes.begin(), grants.notes.end(),
                                       [&](const std::string& note) { return note.find(rule.text()) == 0; });
        EXPECT_TRUE(granted || noted) << to_string(format) << ": " << rule.text();
      }
    }
  }
}

/// What a hostile name must not change: everything but the foreign texts themselves.
std::string skeleton(const json& value) {
  if (value.is_object()) {
    std::string out = "{";
    for (const auto& [key, member] : value.items()) out += key + ":" + skeleton(member) + ",";
    return out + "}";
  }
  if (!value.is_array()) return value.type_name();
  std::string out = "[";
  for (const auto& member : value) out += skeleton(member) + ",";
  return out + "]";
}

TEST(Formats, HostileNamesDoNotGetOut) {
  const auto usual = hostile_policy("usual");
  const auto mud = skeleton(json::parse(write_mud(usual, kUrl).value().text));
  const auto lines = [](const std::string& text) {  // without notes and foreign names
    std::istringstream in(text);
    std::string out;
    for (std::string line; std::getline(in, line);)
      if (line.find("note: ") == std::string::npos) out += std::regex_replace(line, std::regex("\"[^\"]*\"|# .*|iris_[a-z0-9_]+"), "_") + "\n";
    return out;
  };
  const auto nftables = lines(write_nftables(usual, true).value().text);
  const auto yaml = lines(write_network_policy(usual).value().text);
  for (const auto& text : hostile_texts()) {
    const auto policy = hostile_policy(text);
    EXPECT_EQ(skeleton(json::parse(write_mud(policy, kUrl).value().text)), mud) << plain(text);
    EXPECT_EQ(lines(write_nftables(policy, true).value().text), nftables) << plain(text);
    EXPECT_EQ(lines(write_network_policy(policy).value().text), yaml) << plain(text);
  }
}

}  // namespace
}  // namespace iris::policy
