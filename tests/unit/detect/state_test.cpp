// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <memory>
#include <random>

#include "lab.h"

namespace iris::detect::testing {
namespace {

std::unique_ptr<Judge> reloaded(std::map<std::string, State>& kept, Judge& judge) {
  for (auto& state : judge.save_changed())
    kept[std::to_string(static_cast<int>(state.kind)) + state.key] = std::move(state);
  auto next = std::make_unique<Judge>();
  for (const auto& [key, state] : kept) {
    const auto done = next->load(state);
    EXPECT_TRUE(done) << done.error().message;
  }
  return next;
}

/// Days of a plant with what happens in it: routine, a new peer now and then, scans,
/// crashes, guessed passwords, a second gateway with the same image.
class Plant {
 public:
  explicit Plant(unsigned seed) : random_(seed) {}

  std::vector<std::pair<std::string, flow::Record>> window() {
    std::vector<std::pair<std::string, flow::Record>> seen;
    const auto add = [&](flow::Record record) { seen.emplace_back(lab.gateway, std::move(record)); };
    lab.gateway = chance(30) ? "gw2" : "gw1";
    add(lab.out("10.0.0.9", 502));
    add(lab.out("198.51.100.7", 8883, "mqtt.example.org"));
    auto device = lab.out("10.0.0.9", 502);
    device.peer_device = "meter-1";
    add(device);
    if (chance(2)) add(lab.out("203.0.113." + std::to_string(pick(250)), 443, "host" + std::to_string(pick(9)) + ".example"));
    if (chance(2))
      for (int i = 0; i < 40; ++i) add(Lab::vain(lab.out("10.0.1." + std::to_string(i + 1), 23)));
    if (chance(3)) add(Lab::vain(lab.out("203.0.113.66", 6667), 1 + pick(4)));
    if (chance(6)) {  // too much in the sum of an hour only
      auto much = lab.out("203.0.113." + std::to_string(lab.now / (6 * kHour) % 200), 8443);
      much.originator_bytes = 2'000'000;
      add(much);
    }
    if (chance(30)) {
      flow::ExitRecord exit;
      exit.owner = lab.owner;
      exit.wall_ns = lab.now;
      exit.exit_class = flow::ExitClass::crash;
      exit.main_process = true;
      exit.process = "modbus";
      add(exit);
    }
    if (chance(2)) {
      flow::SecurityRecord knock;
      knock.wall_ns = lab.now;
      knock.device_id = "thermostat";
      knock.reason = flow::SecurityReason::unauthorized;
      add(knock);
    }
    if (chance(5)) {
      flow::Ledger ledger;
      ledger.produced = 100;
      ledger.delivered = 90;
      ledger.dropped["ring_full"] = 10;
      ledger.window_start_wall_ns = lab.now;
      ledger.window_end_wall_ns = lab.now + 10 * kSecond;
      add(ledger);
    }
    lab.now += (chance(1) ? 3000 : 60) * kSecond;
    return seen;
  }
  bool chance(int percent) { return pick(100) < static_cast<unsigned>(percent); }
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }

  Lab lab;

 private:
  std::mt19937 random_;
};

TEST(State, AJudgeThatIsSavedAndLoadedGoesOnAsTheOther) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    Plant plant(seed);
    std::mt19937 stops(seed);
    Judge steady;
    auto restarted = std::make_unique<Judge>();
    std::map<std::string, State> kept;
    std::string expected, got;
    for (int window = 0; window < 3'000; ++window) {
      const auto seen = plant.window();
      for (Judge* judge : {&steady, restarted.get()}) {
        for (const auto& [gateway, record] : seen) judge->add(gateway, record);
        judge->end_window("gw1", plant.lab.now);
        judge->end_window("gw2", plant.lab.now);
      }
      expected += text(steady.take_alerts());
      got += text(restarted->take_alerts());
      ASSERT_EQ(expected, got) << "seed " << seed << " window " << window;
      if (stops() % 20 == 0) restarted = reloaded(kept, *restarted);
    }
    EXPECT_GT(std::count(expected.begin(), expected.end(), '\n'), 20);
  }
}

TEST(State, OnlyWhatChangedIsSavedAgain) {
  Lab lab;
  lab.routine(1);
  EXPECT_EQ(lab.judge.save_changed().size(), 2U);  // a profile and its gateway
  EXPECT_TRUE(lab.judge.save_changed().empty());
  lab.routine(0.2);
  EXPECT_EQ(lab.judge.save_changed().size(), 2U);
}

TEST(State, AVerdictIsSaved) {
  Lab lab;
  lab.routine(30);
  for (int i = 0; i < 20; ++i) {
    lab.see(Lab::vain(lab.out("203.0.113.66", 6667), 5));
    lab.next();
  }
  const auto alerts = lab.alerts();
  ASSERT_FALSE(alerts.empty());
  static_cast<void>(lab.judge.save_changed());
  lab.judge.verdict(alerts.front(), true);
  EXPECT_EQ(lab.judge.save_changed().size(), 2U);
}

TEST(State, TheSameStateIsTheSameBytes) {
  Plant plant(7);
  Judge judge;
  for (int window = 0; window < 300; ++window)
    for (const auto& [gateway, record] : plant.window()) judge.add(gateway, record);
  judge.end_window("gw1", plant.lab.now);
  judge.end_window("gw2", plant.lab.now);
  const auto saved = judge.save_changed();
  Judge other;
  for (const auto& state : saved) ASSERT_TRUE(other.load(state));
  // Loaded is unchanged; a record for each makes it speak again.
  EXPECT_TRUE(other.save_changed().empty());
}

TEST(State, DamageIsAnErrorWhereverItIs) {
  Plant plant(9);
  Judge judge;
  for (int window = 0; window < 200; ++window)
    for (const auto& [gateway, record] : plant.window()) judge.add(gateway, record);
  judge.end_window("gw1", plant.lab.now);
  std::mt19937 random(5);
  for (const auto& state : judge.save_changed()) {
    for (std::size_t size = 0; size < state.bytes.size(); size += 1 + state.bytes.size() / 300) {
      Judge other;
      EXPECT_FALSE(other.load({state.kind, state.key, state.bytes.substr(0, size)})) << state.key << " " << size;
    }
    for (int i = 0; i < 300; ++i) {
      State hurt = state;
      hurt.bytes[random() % hurt.bytes.size()] ^= static_cast<char>(1 + random() % 255);
      Judge other;
      static_cast<void>(other.load(hurt));  // taken or refused, never a crash
    }
  }
}

TEST(State, ADeviceOfAConfigurationStaysOne) {
  Lab lab;
  flow::DeviceRecord device;
  device.device.id = "gw1/modbus1/meter-2";
  device.device.kind = flow::DeviceKind::manufactured;
  device.device.module_id = "modbus1";
  device.device.addresses = {{base::IpAddress::parse("10.0.0.10"), 502, 6, {}}};
  lab.see(device);
  lab.routine(30);
  std::map<std::string, State> kept;
  const auto next = reloaded(kept, lab.judge);
  for (int i = 0; i < 48; ++i, lab.now += 150 * kSecond) {
    auto off = Lab::vain(lab.out("10.0.0.10", 502));
    off.peer_device = device.device.id;
    next->add(lab.gateway, flow::Record(off));
    next->add(lab.gateway, flow::Record(lab.out("10.0.0.9", 502)));
    next->end_window(lab.gateway, lab.now + 10 * kSecond);
  }
  const auto alerts = next->take_alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

}  // namespace
}  // namespace iris::detect::testing
