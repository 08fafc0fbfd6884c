// SPDX-License-Identifier: Apache-2.0
// Sockets that one process makes and another uses.
#include <gmock/gmock.h>

#include "attribution_test.h"

namespace iris::test {
namespace {

using ::testing::SizeIs;

constexpr int kChildren = 5;
constexpr int kBytes = 1234;

class HandoverTest : public AttributionTest {
 protected:
  /// Two containers, "giver" and "taker", with a directory in common.
  struct Pair {
    std::string giver;
    std::string taker;
  };
  Pair hand_over(const std::string& giver_to, const std::string& taker_to) {
    const std::string shared = "-v " + directory_.path() + ":/shared iris-actor:1 iris-actor ";
    // A socket lives in the network namespace of its making, which would end with the giver.
    Pair pair;
    pair.taker = run("--name taker " + shared + "take /shared/socket " + std::to_string(kBytes) + " " + taker_to);
    pair.giver = run("--name giver --network container:taker " + shared + "give /shared/socket " + giver_to);
    EXPECT_EQ(docker("wait giver taker"), "0\n0");
    return pair;
  }

 private:
  TempDirectory directory_;
};

TEST_F(HandoverTest, ChildrenOfAListenerAccept) {
  const auto trace = start_trace(events_command());
  const std::string server = run("--name forker iris-actor:1 iris-actor fork-accept 0.0.0.0:9000 " + std::to_string(kChildren));
  const std::string address = docker("inspect -f '{{.NetworkSettings.IPAddress}}' forker");
  wait_for_line(*trace, server, [&](const Json& line) { return is_of(line, "listen", server); });
  const std::string client = run("--name client iris-actor:1 iris-load tcp --to " + address + ":9000 --connections " +
                                 std::to_string(kChildren));
  ASSERT_EQ(docker("wait forker client"), "0\n0");

  stop(*trace);
  const auto of = [&trace](const char* type, const std::string& id) {
    return lines_with(*trace, id, [&](const Json& line) { return is_of(line, type, id); });
  };
  EXPECT_THAT(of("connect", client), SizeIs(kChildren));
  const auto accepts = of("accept", server);
  EXPECT_THAT(accepts, SizeIs(kChildren));
  for (const Json& accept : accepts) {
    EXPECT_EQ(accept.at("owner").at("name"), "forker");
    EXPECT_EQ(accept.at("local_port"), 9000);
    EXPECT_EQ(accept.at("role"), "responder");
  }
  const auto closes = of("close", server);
  EXPECT_THAT(closes, SizeIs(kChildren));
  for (const Json& close : closes) EXPECT_EQ(close.at("role"), "responder");
}

TEST_F(HandoverTest, EstablishedConnectionStaysWithWhoOpenedIt) {
  const auto trace = start_trace(events_command());
  const Pair pair = hand_over(kPeer, "");
  const Json close = wait_for_line(*trace, R"("originator_bytes":)" + std::to_string(kBytes), [&](const Json& line) {
    return line.at("type") == "close" && line.at("role") == "originator" && line.at("originator_bytes") == kBytes;
  });
  EXPECT_EQ(close.at("owner").at("name"), "giver") << close;
  stop(*trace);
  EXPECT_THAT(lines_with(*trace, pair.giver, [&](const Json& line) { return is_of(line, "connect", pair.giver); }), SizeIs(1));
  EXPECT_THAT(lines_with(*trace, pair.taker, [&](const Json& line) { return is_of(line, "", pair.taker); }), SizeIs(0));
}

TEST_F(HandoverTest, SocketConnectedByItsReceiverIsTheReceivers) {
  const auto trace = start_trace(events_command());
  const Pair pair = hand_over("", kPeer);
  const Json close = wait_for_line(*trace, R"("originator_bytes":)" + std::to_string(kBytes), [&](const Json& line) {
    return line.at("type") == "close" && line.at("role") == "originator" && line.at("originator_bytes") == kBytes;
  });
  EXPECT_EQ(close.at("owner").at("name"), "taker") << close;
  stop(*trace);
  EXPECT_THAT(lines_with(*trace, pair.taker, [&](const Json& line) { return is_of(line, "connect", pair.taker); }), SizeIs(1));
  EXPECT_THAT(lines_with(*trace, pair.giver, [&](const Json& line) { return is_of(line, "", pair.giver); }), SizeIs(0));
}

// The same two, in the summaries.
TEST_F(HandoverTest, FlowsToo) {
  const auto trace = start_trace({"flows", "--window", "1"});
  const Pair given_open = hand_over(kPeer, "");
  docker("rm giver taker");
  const Pair given_closed = hand_over("", kPeer);
  const auto flow_of = [&trace](const std::string& id) {
    return wait_for_line(*trace, id, [&id](const Json& line) {
      return is_of(line, "flow", id) && line.at("closed") == 1;
    });
  };
  EXPECT_EQ(flow_of(given_open.giver).at("service_port"), kPeerPort);
  EXPECT_EQ(flow_of(given_closed.taker).at("service_port"), kPeerPort);
  stop(*trace);
  for (const std::string& none : {given_open.taker, given_closed.giver}) {
    EXPECT_THAT(lines_with(*trace, none, [&](const Json& line) {
      return is_of(line, "flow", none) && line.at("service_port") == kPeerPort;
    }), SizeIs(0));
  }
}

}  // namespace
}  // namespace iris::test
