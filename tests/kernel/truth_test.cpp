// SPDX-License-Identifier: Apache-2.0
// More than 50,000 connections of every outcome from several cgroups at once,
// against what the programs that made them counted.
#include <gtest/gtest.h>

#include <memory>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

const std::vector<std::string> kReasons{"refused", "timed_out", "unreachable", "reset", "denied", "other"};

/// "127.0.0.1:80" or "[::1]:80", as iris-load was told; port 9 where it was left out.
std::pair<std::string, int> split_endpoint(const std::string& text) {
  const bool bare_v6 = text[0] != '[' && text.find(':') != text.rfind(':');
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || bare_v6) return {text, 9};
  std::string address = text.substr(0, colon);
  if (address[0] == '[') address = address.substr(1, address.size() - 2);
  return {address, std::stoi(text.substr(colon + 1))};
}

std::vector<Json> with_role(const std::vector<Json>& flows, const std::string& role) {
  std::vector<Json> found;
  for (const Json& flow : flows) {
    if (flow.at("role") == role && flow.at("protocol") == "tcp") found.push_back(flow);
  }
  return found;
}

std::vector<Json> to_endpoint(const std::vector<Json>& flows, const std::string& endpoint) {
  const auto [address, port] = split_endpoint(endpoint);
  std::vector<Json> found;
  for (const Json& flow : flows) {
    if (flow.at("peer_address") == address && flow.at("service_port") == port) found.push_back(flow);
  }
  return found;
}

/// Summaries against the count of a client. A connection that was reset has been
/// established and has ended; the client's own "closed" leaves it out.
void expect_client_truth(const std::vector<Json>& flows, const Json& truth, const std::string& what) {
  SCOPED_TRACE(what);
  EXPECT_EQ(sum_of(flows, "opened"), truth.at("attempts"));
  EXPECT_EQ(sum_of(flows, "established"), truth.at("established"));
  EXPECT_EQ(sum_of(flows, "closed"), truth.at("established"));
  EXPECT_EQ(sum_of(flows, "originator_bytes"), truth.at("bytes_sent"));
  EXPECT_EQ(sum_of(flows, "responder_bytes"), truth.at("bytes_received"));
  for (const std::string& reason : kReasons) {
    EXPECT_EQ(sum_of(flows, "failed/" + reason), truth.at("failed").at(reason)) << reason;
  }
}

void expect_server_truth(const std::vector<Json>& flows, const Json& truth) {
  EXPECT_EQ(sum_of(flows, "opened"), truth.at("accepted"));
  EXPECT_EQ(sum_of(flows, "established"), truth.at("accepted"));
  EXPECT_EQ(sum_of(flows, "closed"), truth.at("accepted"));
  EXPECT_EQ(sum_of(flows, "originator_bytes"), truth.at("bytes_received"));
  EXPECT_EQ(sum_of(flows, "responder_bytes"), truth.at("bytes_sent"));
  for (const std::string& reason : kReasons) EXPECT_EQ(sum_of(flows, "failed/" + reason), 0U) << reason;
}

TEST(Truth, EveryConnectionOfEveryOwnerIsReportedOnce) {
  const NetNamespace net;
  net.add_black_hole();
  const ScratchCgroup answering("iris-truth-answering");
  const ScratchCgroup resetting("iris-truth-resetting");
  std::vector<std::unique_ptr<ScratchCgroup>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<ScratchCgroup>("iris-truth-client" + std::to_string(i)));

  Trace trace({"flows", "--window", "2"});
  Load server({"tcp-server", "--listen", "127.0.0.1:8080", "--listen", "[::1]:8080", "--request", "100", "--reply", "300",
               "--threads", "2"},
              {net.fd(), answering.path()});
  Load resetter({"tcp-server", "--reset", "--listen", "127.0.0.1:8081", "--listen", "[::1]:8081"},
                {net.fd(), resetting.path()});
  server.ready();
  resetter.ready();

  std::vector<std::unique_ptr<Load>> loads;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    // Different numbers, so that one owner's cannot pass for another's.
    const auto number = [i](int base) { return std::to_string(base + 7 * static_cast<int>(i)); };
    loads.push_back(std::make_unique<Load>(
        std::vector<std::string>{
            "mixed", "--to", "127.0.0.1:8080", "--to", "[::1]:8080", "--connections", number(12'000), "--send", "100",
            "--receive", "300", "--refused", number(2'000), "--refused-to", "127.0.0.1:1", "--refused-to", "[::1]:1",
            "--timeout", number(300), "--timeout-to", "198.51.100.7:80", "--timeout-to", "[2001:db8:1::7]:80",
            "--unreachable", number(1'000), "--unreachable-to", "203.0.113.1", "--unreachable-to", "2001:db8:2::1",
            "--reset", number(500), "--reset-to", "127.0.0.1:8081", "--reset-to", "[::1]:8081"},
        Place{net.fd(), clients[i]->path()}));
  }
  std::vector<Json> truths;
  for (auto& load : loads) truths.push_back(load->truth());
  const Json served = server.truth(true);
  const Json reset = resetter.truth(true);
  // An attempt that never left the host is told from one under way after half a second.
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  const auto lines = trace.stop();

  EXPECT_EQ(ledger_faults(lines), "");
  EXPECT_EQ(ledger_sum(lines)["folded"], 0);
  std::uint64_t made = 0;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    SCOPED_TRACE("client " + std::to_string(i) + ": " + truths[i].dump());
    made += truths[i].at("attempts").get<std::uint64_t>();
    for (const char* reason : {"refused", "timed_out", "unreachable", "reset"}) {
      EXPECT_GT(truths[i]["failed"][reason], 0) << "the load did not make what is to be seen: " << reason;
    }
    const auto flows = of_type(lines, "flow", clients[i]->id());
    EXPECT_EQ(with_role(flows, "responder").size(), 0U);
    const auto mine = with_role(flows, "originator");
    EXPECT_EQ(mine.size(), flows.size());
    expect_client_truth(mine, truths[i], "all");
    for (const auto& [part, part_truth] : truths[i].at("parts").items()) {
      for (const Json& target : part_truth.at("targets")) {
        expect_client_truth(to_endpoint(mine, target.at("to")), target, part + " to " + target.at("to").get<std::string>());
      }
    }
    for (const Json& flow : mine) EXPECT_EQ(flow.at("processes"), Json{"iris-load"}) << flow;
  }
  EXPECT_GE(made, 50'000U);
  RecordProperty("connections", std::to_string(made));

  for (const auto& [owner, truth] : {std::pair{answering.id(), served}, std::pair{resetting.id(), reset}}) {
    SCOPED_TRACE("server: " + truth.dump());
    const auto flows = of_type(lines, "flow", owner);
    EXPECT_EQ(with_role(flows, "originator").size(), 0U);
    expect_server_truth(with_role(flows, "responder"), truth);
  }
  // Nothing is left open once all programs have ended.
  const std::string last = of_type(lines, "ledger").back().at("window_start");
  for (const Json& flow : of_type(lines, "flow")) {
    for (const auto& client : clients) {
      if (flow["window_start"] == last && flow["owner"]["id"] == client->id()) {
        EXPECT_EQ(flow["active"], 0) << flow;
      }
    }
  }
}

}  // namespace
}  // namespace iris::test
