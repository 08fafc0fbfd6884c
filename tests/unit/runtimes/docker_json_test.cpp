// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_json.h"

#include <gmock/gmock.h>

#include "runtimes/json_lines.h"

namespace iris::runtimes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kId(64, 'c');

std::string inspect(const std::string& config, const std::string& state = R"({"Running":true,"Pid":42})") {
  return R"({"Id":")" + kId + R"(","Name":"/edgeHub","Image":"sha256:1","State":)" + state + R"(,"Config":)" + config +
         R"(,"HostConfig":{"Binds":null},"GraphDriver":{"Name":"overlay2","Data":{"MergedDir":"/var/x/merged","LowerDir":"/l"}},
            "NetworkSettings":{"IPAddress":"","Networks":{"azure-iot-edge":{"IPAddress":"203.0.113.4","GlobalIPv6Address":"2001:db8::4","Gateway":"203.0.113.1"},"none":null}}})";
}

const std::string kModule =
    R"({"Image":"edge:1","Env":["PATH=/bin","IOTEDGE_MODULEID=$edgeHub","IOTEDGE_DEVICEID=gateway","PASSWORD=hidden"],
        "Labels":{"net.azure-devices.edge.owner":"Microsoft.Azure.Devices.Edge.Agent","site":"a"}})";

TEST(DockerInspect, GivesWhatIsNeeded) {
  const auto info = parse_docker_inspect(inspect(kModule));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->id, kId);
  EXPECT_EQ(info->name, "edgeHub");
  EXPECT_EQ(info->image, "edge:1");
  EXPECT_EQ(info->runtime, "docker");
  EXPECT_EQ(info->module_id, "$edgeHub");
  EXPECT_EQ(info->device_id, "gateway");
  EXPECT_EQ(info->pid, 42U);
  EXPECT_EQ(info->root_path, "/var/x/merged");
  EXPECT_EQ(info->labels.at("site"), "a");
  EXPECT_THAT(info->addresses,
              ElementsAre(*base::IpAddress::parse("203.0.113.4"), *base::IpAddress::parse("2001:db8::4")));
}

TEST(DockerInspect, PublishedPorts) {
  const auto with_ports = [](const std::string& ports) {
    return parse_docker_inspect(R"({"Id":")" + kId + R"(","State":{"Running":true,"Pid":42},"NetworkSettings":{"Ports":)" +
                                ports + "}}");
  };
  const auto info = with_ports(
      R"({"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}],
          "53/udp":[{"HostIp":"198.51.100.9","HostPort":"5353"}],"443/tcp":null,"9/sctp":[{"HostIp":"","HostPort":"9"}]})");
  ASSERT_TRUE(info);
  EXPECT_THAT(info->ports, ::testing::UnorderedElementsAre(
                               enrich::PublishedPort{{}, 8080, 80, 6},
                               enrich::PublishedPort{*base::IpAddress::parse("198.51.100.9"), 5353, 53, 17}));
  for (const char* hostile : {R"({"x/tcp":[{"HostPort":"1"}]})", R"({"80/tcp":[{"HostPort":"65536"}]})", R"({"80/tcp":[7]})",
                              R"({"80/tcp":[{"HostPort":80}]})", R"({"80":[{"HostPort":"8"}]})", R"([1])"}) {
    const auto refused = with_ports(hostile);
    ASSERT_TRUE(refused) << hostile;
    EXPECT_THAT(refused->ports, IsEmpty()) << hostile;
  }
}

TEST(DockerInspect, StoppedHasNeitherPidNorAddress) {
  const auto info = parse_docker_inspect(inspect(kModule, R"({"Running":false,"Pid":42})"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->pid, 0U);
  EXPECT_THAT(info->addresses, IsEmpty());
}

TEST(DockerInspect, ImitatorWithoutTheLabelIsNoModule) {
  const auto info =
      parse_docker_inspect(inspect(R"({"Image":"x","Env":["IOTEDGE_MODULEID=m","IOTEDGE_DEVICEID=d"],"Labels":null})"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->module_id, "");
  EXPECT_EQ(info->device_id, "");
}

TEST(DockerInspect, ToleratesNullsAndWrongTypes) {
  EXPECT_TRUE(parse_docker_inspect(R"({"Id":"abc","Name":null,"State":null,"Config":null,"NetworkSettings":null})"));
  EXPECT_TRUE(parse_docker_inspect(
      R"({"Id":"abc","Name":7,"State":{"Running":"yes","Pid":"x"},"Config":{"Env":{"a":1},"Labels":[1]}})"));
  const auto odd = parse_docker_inspect(
      R"({"Id":"abc","State":{"Running":true,"Pid":99999999999},"NetworkSettings":{"Networks":[{"IPAddress":"no"}]}})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->pid, 0U);
  EXPECT_FALSE(parse_docker_inspect(R"({"Id":"../../etc"})"));
  EXPECT_FALSE(parse_docker_inspect(R"({"Id":null})"));
  EXPECT_FALSE(parse_docker_inspect("[]"));
  EXPECT_FALSE(parse_docker_inspect(""));
  EXPECT_FALSE(parse_docker_inspect("{\"Id\":\"abc\""));
  EXPECT_FALSE(parse_docker_inspect(std::string(100'000, '[')));
}

TEST(DockerList, TakesTheContainersOwnName) {
  const auto list = parse_docker_list(
      R"([{"Id":"a1","Names":["/other/alias","/real"],"Image":"i","Labels":{},"State":"running","Ports":[]},
          {"Id":"a2","Names":null,"State":"exited"},{"Id":5},7,null])");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].info.name, "real");
  EXPECT_TRUE((*list)[0].running);
  EXPECT_FALSE((*list)[1].running);
  EXPECT_FALSE(parse_docker_list(R"({"message":"no"})"));
}

TEST(DockerEventLine, CreateCarriesNameImageAndLabels) {
  const auto event = parse_docker_event(
      R"({"Type":"container","Action":"create","Actor":{"ID":"2bc6","Attributes":{"image":"tiny:1","name":"edgeAgent",
          "net.azure-devices.edge.owner":"Microsoft.Azure.Devices.Edge.Agent","site":"a"}},"time":1})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, DockerEvent::Kind::created);
  EXPECT_EQ(event->info.id, "2bc6");
  EXPECT_EQ(event->info.name, "edgeAgent");
  EXPECT_EQ(event->info.image, "tiny:1");
  EXPECT_EQ(event->info.module_id, "$edgeAgent");
  EXPECT_EQ(event->info.labels.size(), 2U);
}

TEST(DockerEventLine, KindsByAction) {
  const auto kind = [](const std::string& type, const std::string& action) {
    const auto event = parse_docker_event(R"({"Type":")" + type + R"(","Action":")" + action +
                                          R"(","Actor":{"ID":"2bc6","Attributes":{"container":"77"}}})");
    return event ? event->kind : DockerEvent::Kind::none;
  };
  EXPECT_EQ(kind("container", "start"), DockerEvent::Kind::changed);
  EXPECT_EQ(kind("container", "rename"), DockerEvent::Kind::changed);
  EXPECT_EQ(kind("container", "die"), DockerEvent::Kind::died);
  EXPECT_EQ(kind("container", "destroy"), DockerEvent::Kind::destroyed);
  EXPECT_EQ(kind("container", "exec_die"), DockerEvent::Kind::none);
  EXPECT_EQ(kind("container", "exec_create: sh -c start"), DockerEvent::Kind::none);
  EXPECT_EQ(kind("container", "kill"), DockerEvent::Kind::none);
  EXPECT_EQ(kind("network", "connect"), DockerEvent::Kind::changed);
  EXPECT_EQ(kind("image", "create"), DockerEvent::Kind::none);
}

TEST(DockerEventLine, NonsenseIsNone) {
  for (const char* line : {"", "{}", "null", "[]", "{\"Type\":1}", R"({"Type":"container","Action":"create","Actor":7})",
                           R"({"Type":"container","Action":"create","Actor":{"ID":""}})", "\xff\xfe"}) {
    EXPECT_FALSE(parse_docker_event(line)) << line;
  }
}

TEST(DockerError, IsTheMessage) {
  EXPECT_EQ(parse_docker_error(R"({"message":"client version 1.99 is too new"})"), "client version 1.99 is too new");
  EXPECT_EQ(parse_docker_error("<html>"), "");
}

TEST(DockerApiVersion, IsReadOrRefused) {
  EXPECT_EQ(parse_api_version("1.41"), (ApiVersion{1, 41}));
  EXPECT_LT(*parse_api_version("1.9"), *parse_api_version("1.41"));
  for (const char* text : {"", "1", "1.", ".1", "1.41x", "x.1", "99999999999.1"}) EXPECT_FALSE(parse_api_version(text));
}

TEST(JsonLinesTest, CutsPiecesIntoLines) {
  JsonLines lines(16);
  std::vector<std::string> got;
  const auto take = [&](std::string_view line) { got.emplace_back(line); };
  lines.feed("one\ntw", take);
  lines.feed("o\n\n", take);
  lines.feed(std::string(100, 'x'), take);
  lines.feed("tail\nthree\n", take);
  EXPECT_THAT(got, ElementsAre("one", "two", "three"));
  EXPECT_EQ(lines.dropped(), 1U);
}

}  // namespace
}  // namespace iris::runtimes
