// SPDX-License-Identifier: Apache-2.0
#include "simulator/collector_process.h"

#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>

#include "collector/ingest_server.h"
#include "sql/sql.h"
#include "store/store.h"

namespace iris::test {
namespace {

std::string find(const std::string& text, const std::string& pattern) {
  std::smatch found;
  if (!std::regex_search(text, found, std::regex(pattern))) throw std::runtime_error("no " + pattern + " in " + text);
  return found[1];
}

void check(const sql::Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

}  // namespace

CollectorProcess::CollectorProcess(const std::string& program, const std::string& directory, std::size_t gateways)
    : directory_(directory) {
  std::filesystem::create_directory(directory_ + "/data");
  std::filesystem::permissions(directory_ + "/data", std::filesystem::perms::owner_all);
  add_gateways(gateways);
  const std::string config = directory_ + "/collector.toml";  // empty: this machine's does not count
  std::ofstream(config).close();
  process_ = std::make_unique<Child>(
      std::vector<std::string>{program, "serve", "--config", config, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                               "--data-dir", directory_ + "/data"},
      Place{});
  process_->wait_for_message("ready: gRPC on ", std::chrono::seconds(60));
  target_ = find(process_->err(), "ready: gRPC on ([0-9.]+:[0-9]+)");
}

/// In one transaction, where `gateway add` takes one each.
void CollectorProcess::add_gateways(std::size_t count) const {
  if (auto store = store::open_store(url()); !store) throw std::runtime_error(store.error().message);
  auto connection = sql::Connection::open(database());
  auto transaction = sql::Transaction::begin(connection.value());
  std::ofstream tokens(directory_ + "/tokens");
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "gateway-" + std::to_string(i);
    const std::string token = collector::new_token();
    tokens << name << ' ' << token << '\n';
    const std::string hash = collector::hash_token(token);
    check(connection->run("INSERT INTO gateway(name, token_hash, created_ns) VALUES(?,?,?)", std::string_view(name),
                          sql::Blob{hash}, std::int64_t{1}));
  }
  check(transaction.value().commit());
}

long CollectorProcess::peak_kib() const {
  return std::stol(find(read_text("/proc/" + std::to_string(pid()) + "/status"), "VmHWM:\\s+([0-9]+) kB"));
}

int CollectorProcess::stop() {
  process_->signal(SIGTERM);
  const int status = process_->wait(std::chrono::seconds(30));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace iris::test
