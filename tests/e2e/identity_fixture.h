// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "emulators/iot_hub/emulator.h"
#include "tls/test_authority.h"
#include "torture_fixture.h"

namespace iris::test {

/// Agent and collector, and an IoT Hub that is played in this process. A test writes
/// the hub's documents, adds variables for irisd, and asks the collector's REST
/// interface what came of it.
class IdentityTest : public ::testing::Test {
 protected:
  static constexpr const char* kHubHost = "iris-hub.azure-devices.net";

  void SetUp() override;
  /// No key and no token is in what was said and kept.
  void TearDown() override;

  /// Plays the hub, at the same port when it was played before. `key`: of the policy "service".
  void start_iot_hub(iot_hub_emulator::Hub hub, const std::string& key = kKey);
  void stop_iot_hub() { iot_hub_.reset(); }
  static std::string iot_hub_connection(const std::string& key = kKey);
  /// A key that must not be found anywhere afterwards.
  void guard(const std::string& secret) { secrets_.push_back(secret); }

  /// With the collector, which is started, and the variables so far; lives in `net_namespace`.
  void make_agent(int net_namespace = -1);
  void set(const std::string& name, const std::string& value) { variables_.emplace_back(name, value); }
  std::string agent_socket() const { return path("irisd.sock"); }

  /// The answer to GET `target`; throws unless it is 200.
  Json get(const std::string& target) const;
  /// The device as the collector has it now; null when it has none.
  Json device(const std::string& id) const;
  Json wait_for_device(const std::string& id, const std::function<bool(const Json&)>& right = [](const Json&) { return true; });
  /// Until it holds; says `seen` and what the programs said when it does not.
  void wait(const std::string& what, const std::function<bool()>& holds, const std::function<std::string()>& seen = {},
            milliseconds limit = milliseconds(90'000));

  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const;

  static constexpr const char* kKey = "bWFkZS11cC1rZXktb2YtdGhlLWh1Yi1udW1iZXItb25lIQ==";
  static constexpr const char* kOtherKey = "bWFkZS11cC1rZXktb2YtdGhlLWh1Yi1udW1iZXItdHdvIQ==";

  TempDirectory directory_;
  test_support::TestAuthority authority_;
  std::unique_ptr<iot_hub_emulator::Emulator> iot_hub_;
  int iot_hub_port_ = 0;
  std::unique_ptr<CollectorProgram> collector_;
  std::unique_ptr<AgentProgram> agent_;

 private:
  Variables variables_;
  std::vector<std::string> secrets_{kKey, kOtherKey};
  test_support::TestAuthority::Issued issued_;
};

}  // namespace iris::test
