// SPDX-License-Identifier: Apache-2.0
// Policies as documents in the directory given, for the tools that read such documents.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "policy/formats.h"
#include "samples.h"

namespace {

using namespace iris::policy;
using namespace iris::policy::testing;

std::string directory;

void write(const std::string& name, const iris::base::Result<Document>& document) {
  if (!document) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), document.error().message.c_str());
    std::exit(1);
  }
  std::ofstream(directory + "/" + name, std::ios::binary) << document->text;
}

void write_all(const std::string& name, const Policy& policy) {
  write(name + ".json", write_mud(policy, "https://mud.example.com/" + name + ".json"));
  write(name + ".count.nft", write_nftables(policy, false));
  write(name + ".enforce.nft", write_nftables(policy, true));
  write(name + ".yaml", write_network_policy(policy));
}

Policy everything() {
  auto flows = habits();
  flows.push_back(opens("10.0.0.9", 49152));                    // a dynamic port
  flows.push_back(opens("198.51.100.9", 0, "", 1));             // ICMP
  flows.push_back(opens("2001:db8::9", 0, "", 58));             // ICMPv6
  flows.push_back(opens("224.0.0.22", 0, "", 2));               // IGMP
  flows.push_back(opens("239.255.255.250", 1900, "", 17));      // a group
  flows.push_back(opens("198.51.100.8", 8883, "eu.example.org"));  // beside the first
  flows.push_back(opens("203.0.113.78", 443, "updates.example.net"));  // inside a block that is allowed
  auto hub = opens("172.18.0.2", 443);
  hub.scope = iris::flow::Scope::container;
  hub.peer_owner = module_owner("edgeHub", "aaaa");
  flows.push_back(hub);
  return Workload(flows).make(true).value();
}

/// What the tests of the traffic send: see nftables_traffic.
Policy traffic(bool host_network) {
  auto policy = Workload({opens("10.99.2.2", 8883, "mqtt.example.org"), opens("fd99:2::2", 8883, "mqtt.example.org"),
                          is_called("10.99.2.2", 8080)})
                    .make(true)
                    .value();
  auto& place = policy.places.at(0);
  place.addresses = {*iris::base::IpAddress::parse("10.99.1.2"), *iris::base::IpAddress::parse("fd99:1::2")};
  place.host_network = host_network;
  place.cgroup_path = "/iris-test.slice/workload";
  return policy;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: policy_samples DIRECTORY\n");
    return 2;
  }
  directory = argv[1];
  write_all("usual", Workload().make().value());
  write_all("everything", everything());
  for (std::size_t i = 0; i < hostile_texts().size(); ++i) write_all("hostile-" + std::to_string(i), hostile_policy(hostile_texts()[i]));
  for (const bool enforce : {false, true}) {
    const std::string name = enforce ? ".enforce.rules" : ".count.rules";
    write("bridged" + name, write_nftables(traffic(false), enforce));
    write("hostnet" + name, write_nftables(traffic(true), enforce));
  }
}
