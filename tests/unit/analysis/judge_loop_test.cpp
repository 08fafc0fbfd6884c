// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include "plant.h"

namespace iris::analysis::testing {
namespace {

std::size_t waiting(store::Store& store) { return store.judge_inputs(0, 1U << 30)->size(); }

TEST_F(PlantTest, AScanIsAnAlertInTheStore) {
  routine(20);
  scan();
  judge_all();
  const auto found = alerts();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].at("class"), "lateral_movement");
  EXPECT_EQ(found[0].at("rule"), "horizontal_scan");
  EXPECT_EQ(found[0].at("gateway"), "plant-1");
  EXPECT_EQ(found[0].at("subject"), "modbus1");
  EXPECT_EQ(found[0].at("status"), "open");
  EXPECT_FALSE(found[0].at("evidence").empty());
  EXPECT_TRUE(found[0].at("device").is_null());
  ASSERT_EQ(profiles().size(), 1U);
  EXPECT_EQ(profiles()[0].at("key"), "image/registry.example/modbus");
  EXPECT_EQ(waiting(*store_), 0U);  // what a checkpoint has is not kept twice
}

TEST_F(PlantTest, TheDeviceIsThatOfTheModuleAsItWasThen) {
  flow::DeviceRecord named;
  named.wall_ns = kStart;
  named.device.id = "gw1/modbus1";
  named.device.tags = R"({"site":"north"})";
  window({named});
  scan();
  judge_all();
  ASSERT_EQ(alerts().size(), 1U);
  EXPECT_EQ(alerts()[0].at("device").at("tags").at("site"), "north");
}

/// All judged and told, and then killed before a checkpoint: it is judged once more.
TEST_F(PlantTest, KilledBeforeItsCheckpointItFindsTheSame) {
  routine(100);
  scan();
  routine(30);
  for (int i = 0; i < 12; ++i) window({vain(out("203.0.113.66", 6667))}, 60);
  routine(10);
  scan();
  const std::size_t inputs = waiting(*store_);
  JudgeOptions never;
  never.first_checkpoint = std::chrono::hours(1);
  start(never);
  while (loop_->status().judged < inputs || loop_->status().alerts == 0) std::this_thread::yield();
  const auto killed = directory_ / "killed";
  std::filesystem::create_directory(killed);
  for (const char* file : {"c.db", "c.db-wal"}) std::filesystem::copy_file(directory_ / file, killed / file);
  loop_.reset();
  const auto expected = alerts();
  const auto learned = profiles();
  ASSERT_GE(expected.size(), 3U);

  store_.reset();
  for (const char* file : {"c.db", "c.db-wal"}) {
    std::filesystem::remove(directory_ / file);
    std::filesystem::rename(killed / file, directory_ / file);
  }
  open();
  ASSERT_EQ(waiting(*store_), inputs);
  const auto left = alerts();
  ASSERT_FALSE(left.empty());
  judge_all();
  EXPECT_EQ(alerts(), expected);
  EXPECT_EQ(profiles(), learned);
}

TEST_F(PlantTest, RestartsBetweenWindowsChangeNothing) {
  routine(60);
  scan();
  routine(5);
  const auto sequence = sequence_;
  const auto now = now_;
  judge_all();
  const auto expected = alerts();
  const auto learned = profiles();
  // The same again in a store of its own, with a restart after each few windows.
  store_.reset();
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directory(directory_);
  open();
  gateway_ = store_->add_gateway("plant-1", std::string(32, 'x'), kStart).value();
  sequence_ = 1;
  now_ = kStart;
  for (int i = 0; i < 12; ++i) {
    routine(5);
    judge_all();
  }
  scan();
  judge_all();
  routine(5);
  judge_all();
  ASSERT_EQ(sequence_, sequence);
  ASSERT_EQ(now_, now);
  EXPECT_EQ(alerts(), expected);
  EXPECT_EQ(profiles(), learned);
}

TEST_F(PlantTest, AnAlertGrowsOverARestart) {
  scan();
  judge_all();
  const auto before = alerts();
  ASSERT_EQ(before.size(), 1U);
  scan();
  judge_all();
  ASSERT_EQ(alerts().size(), 1U);  // the same hour and workload
  EXPECT_GT(alerts()[0].at("count"), before[0].at("count"));
  EXPECT_GE(alerts()[0].at("evidence").size(), before[0].at("evidence").size());
}

TEST_F(PlantTest, AVerdictTeachesOverARestart) {
  routine(400);
  for (int i = 0; i < 12; ++i) window({vain(out("203.0.113.66", 6667))}, 60);
  judge_all();
  store::AlertQuery query;
  query.min_severity = 3;
  const auto first = alerts(query);
  ASSERT_FALSE(first.empty());
  for (const auto& alert : first) ASSERT_TRUE(*store_->set_alert_state(alert.at("id"), store::AlertState::false_positive));
  EXPECT_EQ(alerts(query)[0].at("status"), "false_positive");
  EXPECT_EQ(waiting(*store_), first.size());
  routine(20);
  for (int i = 0; i < 12; ++i) window({out("203.0.113.66", 6667)}, 60);
  judge_all();
  EXPECT_EQ(alerts(query).size(), first.size());
}

TEST_F(PlantTest, WithoutAVerdictTheSameIsAnAlertAgain) {
  routine(400);
  for (int i = 0; i < 12; ++i) window({vain(out("203.0.113.66", 6667))}, 60);
  judge_all();
  store::AlertQuery query;
  query.min_severity = 3;
  const auto first = alerts(query);
  ASSERT_FALSE(first.empty());
  routine(20);
  for (int i = 0; i < 12; ++i) window({vain(out("203.0.113.66", 6667))}, 60);
  judge_all();
  EXPECT_GT(alerts(query).size(), first.size());
}

TEST_F(PlantTest, ASilentGatewayIsNamedOnce) {
  routine(3);
  start();
  wall_ = now_ + 2 * kHour;
  store::AlertQuery query;
  query.alert_class = "agent_tampering";
  while (alerts(query).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  loop_.reset();
  EXPECT_EQ(alerts(query)[0].at("rule"), "agent_silent");
}

TEST_F(PlantTest, ADamagedInputIsPassedOverAndCounted) {
  store::JudgeInput input;
  input.gateway_id = gateway_.id;
  input.body = "nonsense";
  ASSERT_TRUE(store_->add_judge_input(input));
  scan();
  start();
  while (loop_->status().judged < 1) std::this_thread::yield();
  EXPECT_EQ(loop_->status().unreadable, 1U);
  loop_.reset();
  EXPECT_EQ(alerts().size(), 1U);
}

TEST_F(PlantTest, ADamagedStateIsLearnedAnew) {
  routine(5);
  judge_all();
  const store::JudgeState hurt[] = {{store::JudgeState::Kind::profile, "image/registry.example/modbus", "nonsense", "{}"}};
  ASSERT_TRUE(store_->checkpoint(hurt, 5, now_));
  routine(1);
  judge_all();
  ASSERT_EQ(profiles().size(), 1U);
  EXPECT_EQ(profiles()[0].at("windows"), 2);  // two contacts, one window
}

TEST_F(PlantTest, TheRiskyListIsReadAgain) {
  const auto file = directory_ / "risky";
  std::ofstream(file) << "# nothing yet\n";
  JudgeOptions options;
  options.risky_list = file;
  window({out("203.0.113.5", 443)});
  judge_all(options);
  EXPECT_TRUE(alerts().empty());
  std::ofstream(file) << "address 198.51.100.6 high botnet server\n";
  window({out("198.51.100.6", 443)});
  judge_all(options);
  ASSERT_EQ(alerts().size(), 1U);
  EXPECT_EQ(alerts()[0].at("class"), "known_risky");
  std::ofstream(file) << "nonsense\n";
  start(options);
  while (loop_->status().risky_list_fault.empty()) std::this_thread::yield();
  EXPECT_NE(loop_->status().risky_list_fault.find("line 1"), std::string::npos);
}

}  // namespace
}  // namespace iris::analysis::testing
