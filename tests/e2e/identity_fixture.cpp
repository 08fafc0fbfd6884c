// SPDX-License-Identifier: Apache-2.0
#include "identity_fixture.h"

#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <thread>

namespace iris::test {
namespace {

/// Files that hold a connection string on purpose.
constexpr const char* kConnectionFile = ".connection";

}  // namespace

void IdentityTest::SetUp() {
  write("ca.pem", authority_.certificate());
  issued_ = authority_.issue(kHubHost, std::string("DNS:") + kHubHost);
  collector_ = std::make_unique<CollectorProgram>(path("collector"), path("collector.sock"));
}

void IdentityTest::TearDown() {
  const auto expect_none = [this](const std::string& where, const std::string& text) {
    for (const auto& secret : secrets_) {
      EXPECT_EQ(text.find(secret), std::string::npos) << "a key in " << where;
    }
    EXPECT_EQ(text.find("SharedAccessSignature"), std::string::npos) << "a token in " << where;
  };
  if (agent_) expect_none("the words of irisd", agent_->words());
  expect_none("the words of iris-collector", collector_->words());
  agent_.reset();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
    const auto name = entry.path().string();
    if (entry.is_regular_file() && !name.ends_with(kConnectionFile)) expect_none(name, read_text(name));
  }
}

std::string IdentityTest::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name), std::ios::trunc) << text;
  return path(name);
}

std::string IdentityTest::iot_hub_connection(const std::string& key) {
  return std::string("HostName=") + kHubHost + ";SharedAccessKeyName=service;SharedAccessKey=" + key;
}

void IdentityTest::start_iot_hub(iot_hub_emulator::Hub hub, const std::string& key) {
  stop_iot_hub();
  iot_hub_emulator::Options options;
  options.port = iot_hub_port_;
  options.certificate = {issued_.certificate, issued_.key};
  options.service.host_name = kHubHost;
  options.service.policies = {{"service", {key, iot_hub_emulator::built_in_permissions("service")}}};
  auto started = iot_hub_emulator::Emulator::start(std::move(options), std::move(hub));
  if (!started) throw std::runtime_error(started.error().message);
  iot_hub_ = std::move(*started);
  iot_hub_port_ = iot_hub_->port();
}

void IdentityTest::make_agent(int net_namespace) {
  const auto token = collector_->add_gateway();
  collector_->start();
  set("IRIS_IOT_HUB_ADDRESS", "127.0.0.1:" + std::to_string(iot_hub_port_));
  set("IRIS_IOT_HUB_CA_FILE", path("ca.pem"));
  set("IRIS_LOCAL_SOCKET", agent_socket());
  agent_ = std::make_unique<AgentProgram>(directory_.path(), path("spool"), token, "unix:" + collector_->socket(), variables_,
                                          net_namespace);
}

Json IdentityTest::get(const std::string& target) const {
  const auto words = collector_->words();
  std::smatch found;
  if (!std::regex_search(words, found, std::regex("REST on (http://[0-9.]+:[0-9]+)"))) throw std::runtime_error("no REST in " + words);
  auto token = read_text(collector_->directory() + "/api-token");
  token.resize(token.find_last_not_of("\r\n") + 1);
  httplib::Client client(found[1].str());
  const auto answer = client.Get(target, {{"Authorization", "Bearer " + token}});
  if (!answer) throw std::runtime_error(target + ": " + to_string(answer.error()));
  if (answer->status != 200) throw std::runtime_error(target + ": " + std::to_string(answer->status) + " " + answer->body);
  return Json::parse(answer->body);
}

Json IdentityTest::device(const std::string& id) const {
  const Json found = get("/api/v1/devices?device=" + httplib::detail::encode_query_param(id)).at("devices");
  return found.empty() ? Json() : found.at(0);
}

Json IdentityTest::wait_for_device(const std::string& id, const std::function<bool(const Json&)>& right) {
  Json found;
  wait(id, [&] {
    found = device(id);
    return found.is_object() && right(found);
  });
  return found;
}

void IdentityTest::wait(const std::string& what, const std::function<bool()>& holds, const std::function<std::string()>& seen,
                        milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("waited in vain: " + what + "\n" + (seen ? seen() + "\n" : "") + agent_->words() + collector_->words());
    }
    std::this_thread::sleep_for(milliseconds(200));
  }
}

}  // namespace iris::test
