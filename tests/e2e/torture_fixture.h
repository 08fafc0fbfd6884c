// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "preload/environment.h"
#include "store/store.h"
#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

/// An agent, a collector, and traffic whose makers count it: what a torture does to
/// the first two, and what must come out in the end.
namespace iris::test {

using std::chrono::milliseconds;

std::uint64_t wall_now();

/// iris-collector on a unix socket, with a store and one gateway of its own.
class CollectorProgram {
 public:
  /// `directory` is for its data; what it listens on lies beside it.
  CollectorProgram(std::string directory, std::string socket, Variables variables = {});

  /// Adds the gateway; returns its token.
  std::string add_gateway();
  void start();
  /// Starts, and does not wait for it to be ready.
  void launch();
  void kill();
  bool runs();
  std::string words() const { return process_ ? process_->err() : std::string(); }
  void wait_for(const std::string& message, milliseconds limit = milliseconds(30'000));

  std::unique_ptr<store::Store> open() const;
  const std::string& socket() const { return socket_; }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  std::string socket_;
  Variables variables_;
  std::unique_ptr<Child> process_;
};

/// irisd with windows of one second.
class AgentProgram {
 public:
  /// `net_namespace`: where it lives; -1: here.
  AgentProgram(const std::string& directory, const std::string& spool, const std::string& token,
               const std::string& target, Variables variables = {}, int net_namespace = -1);

  void start();
  void kill();
  void signal(int number) { process_->signal(number); }
  bool runs() { return process_ && !process_->ended(); }
  /// Exit code after SIGTERM.
  int stop();
  std::string words() const { return process_ ? process_->err() : std::string(); }
  void wait_for(const std::string& message, milliseconds limit = milliseconds(30'000));

 private:
  std::string config_;
  Variables variables_;
  int net_namespace_;
  std::unique_ptr<Child> process_;
};

struct Sums {
  std::uint64_t opened = 0, closed = 0, sent = 0, answered = 0;
};

/// One place for it all, with mounts of its own. A test makes the programs by
/// make_collector() and make_agent(), plays its scenario, and ends by
/// expect_everything_once().
class Torture : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kRequest = 100;
  static constexpr std::uint64_t kReply = 300;

  static void SetUpTestSuite();
  void SetUp() override;

  void make_collector(Variables variables = {});
  /// Without `target`: straight to the collector. After make_collector().
  void make_agent(const std::string& target = {}, Variables variables = {});
  /// Both started, and the server of the load.
  void start();

  /// A small disk for `path`, gone with the mount namespace or release_disk().
  void mount_disk(const std::string& path, std::size_t bytes);
  static void fill_disk(const std::string& path);
  static void free_disk(const std::string& path);

  int up_to(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most)); }
  /// So many connections, counted in made().
  void load(int connections);
  /// A load that counts for nothing.
  void others_load();
  /// As long as it takes what was made to leave the kernel's window for the spool.
  void let_the_window_pass();
  void kill_agent();
  void kill_collector();

  /// Sums of what the collector has of the load.
  Sums arrived() const;
  flow::Gap gap_of(const std::string& reason) const;  // the first; a failure when there is none
  store::LedgerAccount account() const;
  /// False: after `limit` the collector still lacks something.
  bool wait_for_everything(milliseconds limit = milliseconds(100'000));
  /// All that was made is there, once; so many gaps of each death of the agent, and
  /// none that is not in `other_reasons`; the ledgers balance.
  void expect_everything_once(const std::vector<std::string>& other_reasons = {});

  void make_load(int connections, const ScratchCgroup& cgroup) const;
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }

  unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
  TempDirectory directory_;
  NetNamespace net_;
  ScratchCgroup serving_{"iris-torture-serving"};
  ScratchCgroup loading_{"iris-torture-loading"};
  std::unique_ptr<CollectorProgram> collector_;
  std::unique_ptr<AgentProgram> agent_;
  std::unique_ptr<Load> server_;
  std::string token_;
  std::int64_t gateway_ = 0;
  std::uint64_t made_ = 0;      // connections
  std::uint64_t let_go_ = 0;    // of them, killed on purpose before they left the memory of the agent
  std::size_t agent_kills_ = 0;
  std::size_t collector_kills_ = 0;
};

}  // namespace iris::test
