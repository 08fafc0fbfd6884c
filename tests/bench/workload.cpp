// SPDX-License-Identifier: Apache-2.0
#include "workload.h"

#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace iris::bench {
namespace {

const char* const kTcp = "127.0.0.1:18080";
const char* const kBulk = "127.0.0.1:18081";
const char* const kUdp = "127.0.0.1:18082";

std::unique_ptr<Child> serve(const std::vector<std::string>& arguments) {
  auto server = std::make_unique<Child>(arguments, Output::null);
  for (int i = 0; i < 200; ++i, usleep(10'000)) {
    if (server->errors().find("ready") != std::string::npos) return server;
    if (!server->running()) break;
  }
  throw std::runtime_error("iris-load did not start: " + server->errors());
}

}  // namespace

const char* to_string(Phase phase) {
  static constexpr const char* kNames[] = {"tcp", "exits", "udp", "bulk"};
  return kNames[static_cast<std::size_t>(phase)];
}

Workload::Workload(std::string iris_load, WorkloadSize size) : iris_load_(std::move(iris_load)), size_(size) {
  const std::string payload = std::to_string(size_.payload_bytes);
  tcp_server_ = serve({iris_load_, "tcp-server", "--listen", kTcp, "--request", payload, "--reply", payload});
  bulk_server_ = serve({iris_load_, "tcp-server", "--listen", kBulk});
  udp_server_ = serve({iris_load_, "udp-server", "--listen", kUdp});
}

PhaseTruth Workload::run_client(const std::vector<std::string>& arguments, const char* unit, Child* server) const {
  const double server_before = server != nullptr ? server->cpu_seconds() : 0;
  Child client(arguments, Output::caught);
  const int status = client.wait();
  const auto json = nlohmann::json::parse(client.output(), nullptr, false);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || json.is_discarded()) {
    throw std::runtime_error("iris-load " + arguments[1] + " failed: " + client.errors());
  }
  PhaseTruth truth;
  truth.units = json[unit].get<std::uint64_t>();
  truth.seconds = json["seconds"].get<double>();
  truth.load_cpu_seconds =
      json["cpu_seconds"].get<double>() + (server != nullptr ? server->cpu_seconds() - server_before : 0);
  return truth;
}

PhaseTruth Workload::run(Phase phase) {
  const std::string payload = std::to_string(size_.payload_bytes);
  switch (phase) {
    case Phase::tcp:
      return run_client({iris_load_, "tcp", "--to", kTcp, "--connections", std::to_string(size_.connections), "--threads",
                         "2", "--send", payload, "--receive", payload},
                        "closed", tcp_server_.get());
    case Phase::exits:
      return run_client({iris_load_, "exits", "--count", std::to_string(size_.exits)}, "count", nullptr);
    case Phase::udp: {
      PhaseTruth truth = run_client({iris_load_, "udp", "--to", kUdp, "--pairs", std::to_string(size_.pairs), "--threads", "2"},
                                    "datagrams_received", udp_server_.get());
      truth.units *= 2;  // a request and its answer are each sent and received once
      return truth;
    }
    case Phase::bulk: {
      PhaseTruth truth = run_client({iris_load_, "bulk", "--to", kBulk, "--bytes", std::to_string(size_.bulk_bytes)},
                                    "bytes_sent", bulk_server_.get());
      truth.units >>= 20;
      return truth;
    }
  }
  throw std::logic_error("no such phase");
}

void Workload::touch() {
  for (const auto& arguments : {std::vector<std::string>{iris_load_, "tcp", "--to", kBulk},
                                std::vector<std::string>{iris_load_, "udp", "--to", kUdp, "--pairs", "1"}}) {
    Child(arguments, Output::null).wait();
  }
}

}  // namespace iris::bench
