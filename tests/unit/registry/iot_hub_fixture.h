// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "registry/fake_hub.h"
#include "registry/iot_hub_client.h"
#include "registry/recording_listener.h"

namespace iris::registry {

/// A client of the fake hub, with readers that take names only.
struct IotHubFixture : testing::Test {
  test_support::FakePace pace;
  test_support::FakeHub hub{pace};
  test_support::RecordingListener listener;
  test_support::TemporaryDirectory folder;
  IotHubOptions options = [this] {
    IotHubOptions some;
    some.connection_string = Secret(test_support::FakeHub::kConnection);
    some.device_id = "gw1";
    some.twin_interval = std::chrono::minutes(1);
    some.address = hub.server().address();
    some.ca_file = hub.server().ca_file();
    some.twin_interval = std::chrono::seconds(60);  // not that of queries, so that the two are told apart
    return some;
  }();
  std::unique_ptr<IotHubClient> client;

  static Readers name_readers() {
    Readers readers;
    readers.gateway = [](const GatewayDocuments& documents) {
      identity::Reading reading;
      const auto add = [&reading](flow::DeviceKind kind, const std::string& name, const std::string& text) {
        identity::Evidence evidence;
        evidence.kind = kind;
        evidence.name = name;
        evidence.configuration = text;
        reading.evidence.push_back(evidence);
      };
      if (!documents.device_twin.empty()) add(flow::DeviceKind::gateway, documents.gateway_id, documents.device_twin);
      if (!documents.edge_agent.empty()) add(flow::DeviceKind::module, "$edgeAgent", documents.edge_agent);
      if (!documents.edge_hub.empty()) add(flow::DeviceKind::module, "$edgeHub", documents.edge_hub);
      for (const auto& [id, twin] : documents.modules) add(flow::DeviceKind::module, id, twin);
      for (const auto& text : documents.deployments) add(flow::DeviceKind::module, "deployment", text);
      return reading;
    };
    readers.child = [](std::string_view twin, const identity::Gateway& gateway) {
      identity::Reading reading;
      const auto document = nlohmann::json::parse(twin, nullptr, false);
      if (!document.is_object() || !document.contains("deviceId")) {
        reading.faults.push_back("no deviceId");
        return reading;
      }
      identity::Evidence evidence;
      evidence.name = document["deviceId"].get<std::string>();
      evidence.parent = gateway.device_id;
      if (document.contains("tags")) evidence.tags = document["tags"].dump();
      reading.evidence.push_back(evidence);
      return reading;
    };
    return readers;
  }

  void create(Readers readers = name_readers()) {
    auto made = IotHubClient::create(options, std::move(readers), pace);
    ASSERT_TRUE(made) << made.error().message;
    client = std::move(*made);
  }
  /// Starts the client; for how long it waits when it has done all that is due.
  std::chrono::milliseconds start() {
    if (!client) create();
    const auto before = pace.waits();
    client->start(listener);
    return pace.await(before);
  }
};

}  // namespace iris::registry
