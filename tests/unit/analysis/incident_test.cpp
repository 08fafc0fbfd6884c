// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "analysis/alert_json.h"
#include "analysis/incident_file.h"
#include "plant.h"

namespace iris::analysis::testing {
namespace {

class IncidentTest : public PlantTest {
 protected:
  Incident incident_of(const std::string& id) {
    auto stored = store_->incident(id);
    EXPECT_TRUE(stored && *stored) << id;
    return {id, raw(id), "1.2.3", std::move(**stored)};
  }
};

/// With a checkpoint between learning and incident, and another within one of the two.
TEST_F(IncidentTest, AnExportedAlertIsFoundAgain) {
  routine(400);
  judge_all();
  window({vain(out("203.0.113.66", 6667))}, 60);
  judge_all();
  for (int i = 0; i < 12; ++i) window({vain(out("203.0.113.66", 6667))}, 60);
  scan();
  judge_all();
  const auto found = alerts();
  ASSERT_GE(found.size(), 2U);
  for (const auto& alert : found) {
    const auto file = write_incident(incident_of(alert.at("id")));
    const auto read = read_incident(file);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->stored.gateway, "plant-1");
    const auto again = reproduce(*read);
    ASSERT_TRUE(again) << again.error().message;
    auto body = nlohmann::json::parse(alert_body(*again));
    for (const auto* field : {"id", "time", "class", "rule", "severity", "subject", "peer", "summary", "expected", "observed", "owner"})
      EXPECT_EQ(body.at(field), alert.at(field)) << field;
    if (alert.at("rule") == "horizontal_scan") {
      EXPECT_EQ(nlohmann::json::parse(alert_evidence(*again)), alert.at("evidence"));
      EXPECT_EQ(body.at("count"), alert.at("count"));
    }
  }
}

TEST_F(IncidentTest, AnotherAlertIsNotFoundInIt) {
  scan();
  judge_all();
  auto incident = incident_of(alerts()[0].at("id"));
  incident.alert_id = "0000000000000000";
  const auto again = reproduce(incident);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("did not come again"), std::string::npos);
}

TEST_F(IncidentTest, OfAnUnknownAlertThereIsNone) { EXPECT_FALSE(store_->incident("0000000000000000")->has_value()); }

TEST_F(IncidentTest, GoesWithTheRawFlows) {
  scan();
  judge_all();
  const std::string id = alerts()[0].at("id");
  const store::Retention retention;
  while (store_->maintain(retention, now_ + retention.raw_ns + 2 * kHour).value()) {
  }
  EXPECT_FALSE(store_->incident(id)->has_value());
  EXPECT_EQ(alerts().size(), 1U);
  while (store_->maintain(retention, now_ + retention.daily_ns + 48 * kHour).value()) {
  }
  EXPECT_TRUE(alerts().empty());
}

TEST_F(IncidentTest, DamageIsAnErrorOrAnAlertNeverMore) {
  routine(30);
  scan();
  judge_all();
  const auto file = write_incident(incident_of(alerts()[0].at("id")));
  for (std::size_t size = 0; size < file.size(); size += 1 + file.size() / 100)
    if (const auto read = read_incident(std::string_view(file).substr(0, size))) static_cast<void>(reproduce(*read));
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    auto hurt = file;
    hurt[random() % hurt.size()] ^= static_cast<char>(1 + random() % 255);
    if (const auto read = read_incident(hurt)) static_cast<void>(reproduce(*read));
  }
}

}  // namespace
}  // namespace iris::analysis::testing
