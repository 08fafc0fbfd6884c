// SPDX-License-Identifier: Apache-2.0
// A recording gives what was recorded, the same each time, and says so when it
// is cut short or no recording at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

using ::testing::HasSubstr;

constexpr int kConnections = 500;

void write_file(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

TEST(Record, ReplayIsByteIdenticalAndHoldsWhatWasMade) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-record-serving");
  const ScratchCgroup loading("iris-record-loading");
  const TempDirectory directory;
  const std::string file = directory.path() + "/recording";

  Trace trace({"record", file, "--window", "1"});
  Load server({"tcp-server", "--listen", "127.0.0.1:8080", "--listen", "[::1]:8080", "--request", "10", "--reply", "1000"},
              {net.fd(), serving.path()});
  Load udp_server({"udp-server", "--listen", "127.0.0.1:9000"}, {net.fd(), serving.path()});
  server.ready();
  udp_server.ready();
  const Json truth = Load({"mixed", "--to", "127.0.0.1:8080", "--to", "[::1]:8080", "--connections",
                           std::to_string(kConnections), "--send", "10", "--receive", "1000", "--refused", "50", "--refused-to",
                           "127.0.0.1:1", "--udp-to", "127.0.0.1:9000", "--pairs", "100"},
                          {net.fd(), loading.path()})
                         .truth();
  Load({"exits", "--count", "7", "--code", "3"}, {net.fd(), loading.path()}).truth();
  server.truth(true);
  udp_server.truth(true);
  EXPECT_TRUE(trace.stop().empty());  // all of it is in the file

  const Finished once = run_trace({"replay", file});
  const Finished twice = run_trace({"replay", file});
  EXPECT_EQ(once.exit_code, 0) << once.err;
  EXPECT_TRUE(once.out == twice.out) << once.out.size() << " and " << twice.out.size() << " bytes";

  const auto lines = parse_lines(once.out);
  EXPECT_EQ(ledger_faults(lines), "");
  const auto flows = of_type(lines, "flow", loading.id());
  EXPECT_EQ(sum_of(flows, "established"), truth["established"]);
  EXPECT_EQ(sum_of(flows, "failed/refused"), truth["failed"]["refused"]);
  std::vector<Json> tcp;
  for (const Json& flow : flows) {
    if (flow["protocol"] == "tcp") tcp.push_back(flow);
  }
  EXPECT_EQ(sum_of(tcp, "originator_bytes"), truth["parts"]["tcp"]["bytes_sent"]);
  EXPECT_EQ(sum_of(tcp, "responder_bytes"), truth["parts"]["tcp"]["bytes_received"]);
  EXPECT_EQ(of_type(lines, "connect", loading.id()).size(), kConnections + 50U);
  EXPECT_EQ(of_type(lines, "established", loading.id()).size(), std::size_t{kConnections});
  EXPECT_EQ(of_type(lines, "accept", serving.id()).size(), std::size_t{kConnections});
  EXPECT_EQ(of_type(lines, "failed", loading.id()).size(), 50U);
  EXPECT_EQ(of_type(lines, "close", loading.id()).size(), std::size_t{kConnections});
  EXPECT_EQ(of_type(lines, "listen", serving.id()).size(), 2U);
  std::size_t code_three = 0;
  for (const Json& exit : of_type(lines, "exit", loading.id())) code_three += exit["exit_code"] == 3 ? 1 : 0;
  EXPECT_EQ(code_three, 7U);

  // The single events of the closes add up to the summaries.
  EXPECT_EQ(sum_of(of_type(lines, "close", loading.id()), "responder_bytes"), sum_of(tcp, "responder_bytes"));

  // Cut short: what came before is there, and an error says that this is not all.
  const std::string bytes = read_text(file);
  const std::string cut = directory.path() + "/cut";
  write_file(cut, bytes.substr(0, bytes.size() / 2));
  const Finished half = run_trace({"replay", cut});
  EXPECT_EQ(half.exit_code, 1);
  EXPECT_THAT(half.err, HasSubstr("cut short"));
  EXPECT_EQ(once.out.compare(0, half.out.size(), half.out), 0);
  EXPECT_LT(half.out.size(), once.out.size());
}

TEST(Record, AForeignFileIsNamedAsSuch) {
  const TempDirectory directory;
  const std::string file = directory.path() + "/foreign";
  for (const std::string& text : {std::string(), std::string("a\n"), std::string(100'000, 'x'), std::string("\x7f" "ELF\2\1\1\0", 8)}) {
    write_file(file, text);
    const Finished replayed = run_trace({"replay", file});
    EXPECT_EQ(replayed.exit_code, 1);
    EXPECT_EQ(replayed.out, "");
    EXPECT_THAT(replayed.err, HasSubstr("not a recording"));
  }
  const Finished missing = run_trace({"replay", directory.path() + "/missing"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("cannot open"));
}

}  // namespace
}  // namespace iris::test
