// SPDX-License-Identifier: Apache-2.0
#include "identity/opc_publisher.h"

#include <gmock/gmock.h>

#include "documents.h"
#include "identity/json.h"

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string on_host(const std::string& options, const std::map<std::string, std::string>& environment = {}, const std::vector<HostMount>& mounts = {}) {
  return published_nodes_path(options, environment, mounts).on_host.value_or("unknown");
}

TEST(PublishedNodesPath, OfEveryArgument) {
  for (const char* arguments : {R"("--pf=/mount/pn.json")", R"("-f","/mount/pn.json")", R"("-f=/mount/pn.json")", R"("x","--publishfile","/mount/pn.json")",
                                R"("--PublishedNodesFile=/mount/pn.json")", R"("--aa","--pf","/mount/pn.json")"}) {
    EXPECT_EQ(on_host(R"({"Cmd":[)" + std::string(arguments) + R"(],"HostConfig":{"Binds":["/opcpublisher:/mount"]}})"), "/opcpublisher/pn.json") << arguments;
  }
  EXPECT_EQ(on_host(R"({"entrypoint":["--pf=/mount/pn.json"],"hostconfig":{"binds":["/opcpublisher:/mount:ro"]}})"), "/opcpublisher/pn.json");
}

TEST(PublishedNodesPath, OfTheEnvironmentOrByDefault) {
  const std::string binds = R"("HostConfig":{"Binds":["/opcpublisher:/mount"]}})";
  EXPECT_EQ(on_host("{" + binds, {{"PublishedNodesFile", "/mount/a.json"}}), "/opcpublisher/a.json");
  EXPECT_EQ(on_host(R"({"Env":["PublishedNodesFile=/mount/b.json"],)" + binds), "/opcpublisher/b.json");
  EXPECT_EQ(on_host(R"({"Cmd":["--pf=/mount/c.json"],)" + binds, {{"PublishedNodesFile", "/mount/a.json"}}), "/opcpublisher/c.json") << "the argument goes first";
  EXPECT_EQ(published_nodes_path("{}", {}).in_container, "/app/publishednodes.json");
  EXPECT_EQ(published_nodes_path("", {}).on_host, std::nullopt);
  EXPECT_EQ(on_host(R"({"WorkingDir":"/mount",)" + binds), "/opcpublisher/publishednodes.json");
  EXPECT_EQ(on_host(R"({"Cmd":["-f","x/../pn.json"],"HostConfig":{"Binds":["/data:/app"]}})"), "/data/pn.json");
}

TEST(PublishedNodesPath, ThroughMounts) {
  EXPECT_EQ(on_host(R"({"Cmd":["--pf=/m/pn.json"],"HostConfig":{"Mounts":[{"Type":"bind","Source":"/srv/opc/","Target":"/m/"}]}})"), "/srv/opc/pn.json");
  EXPECT_EQ(on_host(R"({"Cmd":["--pf=/m/pn.json"],"HostConfig":{"Binds":["/srv/pn.json:/m/pn.json"]}})"), "/srv/pn.json") << "the file itself";
  const std::string nested = R"({"Cmd":["--pf=/m/in/pn.json"],"HostConfig":{"Binds":["/outer:/m","volume:/m/in","/other:/m/i"]}})";
  EXPECT_EQ(on_host(nested), "unknown") << "a volume hides the outer bind";
  EXPECT_EQ(on_host(nested, {}, {{"/var/lib/docker/volumes/volume/_data", "/m/in"}}), "/var/lib/docker/volumes/volume/_data/pn.json");
  EXPECT_EQ(on_host(R"({"Cmd":["--pf=/etc/../m/../../pn.json"],"HostConfig":{"Binds":["/srv:/m"]}})"), "unknown") << "leads out of the bind";
  EXPECT_EQ(on_host(R"({"Cmd":["--pf=/mm/pn.json"],"HostConfig":{"Binds":["/srv:/m"]}})"), "unknown");
  EXPECT_EQ(on_host(R"({"Cmd":["--pf=/m/\u0000x"],"HostConfig":{"Binds":["/srv:/m"]}})"), "unknown");
  for (const char* odd : {"[]", "7", R"({"Cmd":{"a":1},"HostConfig":{"Binds":"x","Mounts":[1]}})", R"({"HostConfig":[]})", R"({"Cmd":["-f"]})"}) EXPECT_EQ(on_host(odd), "unknown") << odd;
}

TEST(PublishedNodes, OneDeviceAUrl) {
  const Reading reading = read_published_nodes(documents::kPublishedNodes, {"gw1", "opc"});
  ASSERT_THAT(reading.evidence, SizeIs(2));
  const Evidence& plc = reading.evidence[0];
  EXPECT_EQ(plc.name, "192.0.2.20:4840/plc");
  EXPECT_EQ(plc.source, Source::opc_publisher);
  EXPECT_EQ(plc.kind, flow::DeviceKind::manufactured);
  EXPECT_EQ(plc.parent, "gw1");
  EXPECT_EQ(plc.module_id, "opc");
  ASSERT_THAT(plc.addresses, SizeIs(1));
  EXPECT_EQ(flow::to_string(plc.addresses[0]), "192.0.2.20:4840");
  EXPECT_EQ(plc.addresses[0].protocol, 6);
  EXPECT_EQ(plc.configuration,
            R"({"DataSetWriterGroup":["line1"],"DataSetWriterId":["plc7","plc7b"],"EndpointUrl":"opc.tcp://192.0.2.20:4840/plc",)"
            R"("OpcAuthenticationMode":"UsernamePassword","OpcNodes":["ns=2;s=Temp","nsu=x;i=1"],"nodeCount":2,"security":["UseSecurity"]})");
  const Evidence& named = reading.evidence[1];
  EXPECT_EQ(named.name, "plc8.site:4841");
  EXPECT_EQ(named.addresses[0].text, "plc8.site");
  EXPECT_EQ(named.addresses[0].port, 4841);
  EXPECT_EQ(Json::parse(named.configuration)["OpcNodes"][0], "i=2258");
  EXPECT_THAT(reading.faults, ElementsAre("module opc: published nodes: entry 3: EndpointUrl is none", "module opc: published nodes: entry 4: EndpointUrl is none",
                                          "module opc: published nodes: entry 5: EndpointUrl is none"));
}

TEST(PublishedNodes, NoList) {
  EXPECT_THAT(read_published_nodes("{}", {"gw1", "opc"}).faults, ElementsAre("module opc: published nodes: no array"));
  EXPECT_THAT(read_published_nodes("", {"gw1", "opc"}).faults, ElementsAre("module opc: published nodes: not JSON"));
  EXPECT_THAT(read_published_nodes("[]", {"gw1", "opc"}).faults, IsEmpty());
}

}  // namespace
}  // namespace iris::identity
