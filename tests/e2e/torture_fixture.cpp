// SPDX-License-Identifier: Apache-2.0
#include "torture_fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "base/unique_fd.h"

namespace iris::test {
namespace {

constexpr milliseconds kStart{60'000};
constexpr const char* kFiller = "/filler";

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

Place with(const Variables& variables, int net_namespace = -1) {
  Place place;
  place.net_namespace = net_namespace;
  place.before_exec = [variables] {
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  };
  return place;
}

void kill_now(Child& child) {
  child.signal(SIGKILL);
  child.wait();
}

}  // namespace

std::uint64_t wall_now() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

CollectorProgram::CollectorProgram(std::string directory, std::string socket, Variables variables)
    : directory_(std::move(directory)), socket_(std::move(socket)), variables_(std::move(variables)) {}

std::string CollectorProgram::add_gateway() {
  Child command({IRIS_COLLECTOR_PATH, "gateway", "add", "gateway", "--data-dir", directory_}, Place{});
  if (command.wait() != 0) throw std::runtime_error(command.err());
  return command.out();
}

void CollectorProgram::launch() {
  process_ = std::make_unique<Child>(
      std::vector<std::string>{IRIS_COLLECTOR_PATH, "serve", "--insecure", "--listen", "unix:" + socket_, "--http",
                               "127.0.0.1:0", "--data-dir", directory_},
      with(variables_));
}

void CollectorProgram::start() {
  launch();
  wait_for("ready: gRPC", kStart);
}

void CollectorProgram::kill() {
  kill_now(*process_);
  process_.reset();
}

bool CollectorProgram::runs() { return process_ && !process_->ended(); }

void CollectorProgram::wait_for(const std::string& message, milliseconds limit) {
  process_->wait_for_message(message, limit);
}

std::unique_ptr<store::Store> CollectorProgram::open() const {
  auto store = store::open_store("sqlite:" + directory_ + "/collector.db");
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

AgentProgram::AgentProgram(const std::string& directory, const std::string& spool, const std::string& token,
                           const std::string& target, Variables variables, int net_namespace)
    : config_(directory + "/irisd.toml"), variables_(std::move(variables)), net_namespace_(net_namespace) {
  std::ofstream(directory + "/token") << token;
  std::ofstream(config_) << "window = \"1s\"\n[runtimes]\ndocker_socket = \"\"\ncontainerd_socket = \"\"\n[spool]\ndirectory = \""
                         << spool << "\"\n[local]\nsocket = \"\"\n[uplink]\ntarget = \"" << target
                         << "\"\ninsecure = true\ntoken_file = \"" << directory << "/token\"\n";
}

void AgentProgram::start() {
  process_ = std::make_unique<Child>(std::vector<std::string>{IRISD_PATH, "--foreground", "--config", config_},
                                     with(variables_, net_namespace_));
  wait_for("ready: irisd", kStart);
}

void AgentProgram::kill() { kill_now(*process_); }

int AgentProgram::stop() {
  process_->signal(SIGTERM);
  const int status = process_->wait(milliseconds(30'000));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void AgentProgram::wait_for(const std::string& message, milliseconds limit) { process_->wait_for_message(message, limit); }

void Torture::SetUpTestSuite() {
  // Before the first thread. What is mounted ends with this process and its children.
  static const bool own_mounts =
      unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  if (!own_mounts) fail("a mount namespace of its own");
}

void Torture::SetUp() {
  RecordProperty("seed", std::to_string(seed_));
  std::printf("seed %u\n", seed_);
}

void Torture::make_collector(Variables variables) {
  collector_ = std::make_unique<CollectorProgram>(path("collector"), path("collector.sock"), std::move(variables));
  token_ = collector_->add_gateway();
  auto found = collector_->open()->gateway_by_name("gateway");
  if (!found || !*found) throw std::runtime_error("the gateway is not there");
  gateway_ = (*found)->id;
}

void Torture::make_agent(const std::string& target, Variables variables) {
  agent_ = std::make_unique<AgentProgram>(directory_.path(), path("spool"), token_,
                                          target.empty() ? "unix:" + collector_->socket() : target, std::move(variables));
}

void Torture::start() {
  collector_->start();
  agent_->start();
  server_ = std::make_unique<Load>(std::vector<std::string>{"tcp-server", "--listen", "127.0.0.1:8080", "--request",
                                                            std::to_string(kRequest), "--reply", std::to_string(kReply)},
                                   Place{net_.fd(), serving_.path()});
  server_->ready();
}

void Torture::mount_disk(const std::string& path, std::size_t bytes) {
  std::filesystem::create_directory(path);
  const std::string options = "mode=0700,size=" + std::to_string(bytes);
  if (mount("none", path.c_str(), "tmpfs", 0, options.c_str()) != 0) fail("mount " + path);
}

void Torture::fill_disk(const std::string& path) {
  const base::UniqueFd file(open((path + kFiller).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::array<char, 4096> nothing{};
  while (write(file.get(), nothing.data(), nothing.size()) > 0) {
  }
  if (errno != ENOSPC) fail("filling " + path);
}

void Torture::free_disk(const std::string& path) { std::filesystem::remove(path + kFiller); }

void Torture::load(int connections) {
  make_load(connections, loading_);
  made_ += static_cast<std::uint64_t>(connections);
}

void Torture::others_load() { make_load(20, serving_); }

void Torture::make_load(int connections, const ScratchCgroup& cgroup) const {
  Load load({"tcp", "--to", "127.0.0.1:8080", "--connections", std::to_string(connections), "--send",
             std::to_string(kRequest), "--receive", std::to_string(kReply)},
            {net_.fd(), cgroup.path()});
  const Json truth = load.truth();
  if (truth.at("closed") != connections) throw std::runtime_error("the load was not made: " + truth.dump());
}

void Torture::let_the_window_pass() { std::this_thread::sleep_for(milliseconds(1600 + up_to(400))); }

void Torture::kill_agent() {
  agent_->kill();
  ++agent_kills_;
}

void Torture::kill_collector() {
  collector_->kill();
  ++collector_kills_;
}

Sums Torture::arrived() const {
  Sums sums;
  store::FlowQuery query;
  query.gateway_id = gateway_;
  query.limit = 10'000'000;
  const auto read = collector_->open()->flows(query, [&](const store::StoredFlow& stored) {
    const auto& flow = stored.flow;
    if (!flow.owner || flow.owner->cgroup_id != loading_.id() || flow.protocol != IPPROTO_TCP) return;
    sums.opened += flow.opened;
    sums.closed += flow.closed;
    sums.sent += flow.originator_bytes;
    sums.answered += flow.responder_bytes;
  });
  if (!read) throw std::runtime_error(read.error().message);
  return sums;
}

store::LedgerAccount Torture::account() const {
  auto account = collector_->open()->ledger(gateway_, {});
  if (!account) throw std::runtime_error(account.error().message);
  return std::move(*account);
}

flow::Gap Torture::gap_of(const std::string& reason) const {
  const auto gaps = account().gaps;
  const auto found = std::find_if(gaps.begin(), gaps.end(), [&](const auto& gap) { return gap.reason == reason; });
  if (found != gaps.end()) return *found;
  ADD_FAILURE() << "no gap is named " << reason;
  return {};
}

bool Torture::wait_for_everything(milliseconds limit) {
  const auto stopped = [this] {
    const auto gaps = account().gaps;
    return static_cast<std::size_t>(
        std::count_if(gaps.begin(), gaps.end(), [](const auto& gap) { return gap.reason == "agent_stopped"; }));
  };
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (arrived().closed < made_ - let_go_ || stopped() < agent_kills_) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(250));
  }
  return true;
}

void Torture::expect_everything_once(const std::vector<std::string>& other_reasons) {
  RecordProperty("kills", std::to_string(agent_kills_) + " of the agent, " + std::to_string(collector_kills_) + " of the collector");
  load(10);  // something new, so that what waits for a minute goes with it
  EXPECT_TRUE(wait_for_everything()) << "seed " << seed_ << "\n" << agent_->words();
  EXPECT_EQ(agent_->stop(), 0) << agent_->words();
  const Sums sums = arrived();
  const std::uint64_t connections = made_ - let_go_;
  EXPECT_EQ(sums.opened, connections) << "seed " << seed_;
  EXPECT_EQ(sums.closed, connections);
  EXPECT_EQ(sums.sent, connections * kRequest);
  EXPECT_EQ(sums.answered, connections * kReply);

  // Each death of the agent is a gap that the account names; nothing is missing in between.
  const auto ledger = account();
  std::size_t stopped = 0;
  for (const auto& gap : ledger.gaps) {
    if (gap.reason == "agent_stopped") {
      ++stopped;
    } else {
      EXPECT_NE(std::find(other_reasons.begin(), other_reasons.end(), gap.reason), other_reasons.end()) << gap.reason;
    }
  }
  EXPECT_EQ(stopped, agent_kills_);
  EXPECT_EQ(ledger.produced, ledger.delivered + ledger.folded + ledger.lost());
}

}  // namespace iris::test
