// SPDX-License-Identifier: Apache-2.0
// The kernel's real neighbour table: two network namespaces with a link between them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "../unit/neighbours/recording_listener.h"
#include "base/unique_fd.h"
#include "neighbours/neighbour_client.h"
#include "trace/net_namespace.h"

namespace iris::neighbours {
namespace {

using namespace std::chrono_literals;
using identity::Source;
using iris::test::NetNamespace;
using test::RecordingListener;
using ::testing::Contains;

/// One datagram to the discard port: makes the kernel ask who has the address.
void send_to(const std::string& text) {
  const auto ip = *base::IpAddress::parse(text);
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(9);
  std::copy(ip.bytes.begin() + 12, ip.bytes.end(), reinterpret_cast<unsigned char*>(&v4.sin_addr));
  std::copy(ip.bytes.begin(), ip.bytes.end(), reinterpret_cast<unsigned char*>(&v6.sin6_addr));
  const base::UniqueFd fd(socket(ip.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* to = ip.is_v4() ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  ASSERT_EQ(sendto(fd.get(), "x", 1, 0, to, ip.is_v4() ? sizeof v4 : sizeof v6), 1) << text;
}

class NeighboursTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // The far end goes into the other namespace by its file descriptor.
    const std::string far = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(plant_.fd());
    gateway_.shell("ip link add plant0 type veth peer name far0 && ip link set far0 netns " + far +
                   " && ip address add 198.51.100.1/24 dev plant0 && ip -6 address add 2001:db8:1::1/64 dev plant0 nodad"
                   " && ip link set plant0 up");
    plant_.shell("ip link set far0 address 02:00:00:00:00:07 && ip address add 198.51.100.7/24 dev far0"
                 " && ip -6 address add 2001:db8:1::7/64 dev far0 nodad && ip link set far0 up");
  }
  /// Runs `test` with a client that lives in the gateway's namespace.
  void with_client(const std::function<void(RecordingListener&)>& test) {
    NeighbourOptions options;
    options.poll_every = 20ms;
    options.lease_files.clear();
    options.hosts_file.clear();
    gateway_.inside([&] {
      RecordingListener listener;
      NeighbourClient client(options);
      client.start(listener);
      test(listener);
      client.stop();
      EXPECT_TRUE(listener.status().connected) << listener.status().detail;
    });
  }

  NetNamespace gateway_;
  NetNamespace plant_;
};

TEST_F(NeighboursTest, AHostThatWasTalkedToIsFoundWithItsMac) {
  with_client([](RecordingListener& listener) {
    EXPECT_TRUE(listener.wait_for_polls(1));
    send_to("198.51.100.7");
    send_to("2001:db8:1::7");
    EXPECT_TRUE(listener.wait([](const auto& self) {
      const auto* host = self.find(Source::neighbour_table, "198.51.100.7");
      return host != nullptr && host == self.find(Source::neighbour_table, "2001:db8:1::7") &&
             host->hardware_ids == std::vector<std::string>{"mac:02:00:00:00:00:07"} && host->configuration == R"({"interface":"plant0"})";
    }));
  });
}

TEST_F(NeighboursTest, AHostThatTalksToUsIsFound) {
  with_client([this](RecordingListener& listener) {
    plant_.inside([] { send_to("198.51.100.1"); });
    EXPECT_TRUE(listener.wait([](const auto& self) { return self.find(Source::neighbour_table, "198.51.100.7") != nullptr; }));
  });
}

TEST_F(NeighboursTest, WhoDoesNotAnswerAndWeOurselvesAreNone) {
  with_client([](RecordingListener& listener) {
    send_to("198.51.100.66");
    send_to("198.51.100.1");
    send_to("198.51.100.7");
    EXPECT_TRUE(listener.wait([](const auto& self) { return self.find(Source::neighbour_table, "198.51.100.7") != nullptr; }));
    EXPECT_TRUE(listener.wait([seen = std::uint64_t{0}](const auto& self) mutable {
      if (seen == 0) seen = self.status().requests;
      return self.status().requests >= seen + 2;
    }));
    EXPECT_FALSE(listener.wait([](const auto& self) {
      return self.find(Source::neighbour_table, "198.51.100.66") != nullptr || self.find(Source::neighbour_table, "198.51.100.1") != nullptr;
    }, 0ms));
  });
}

TEST_F(NeighboursTest, ARouterIsMarked) {
  gateway_.shell("ip route add 203.0.113.0/24 via 198.51.100.7");
  with_client([](RecordingListener& listener) {
    send_to("198.51.100.7");
    EXPECT_TRUE(listener.wait([](const auto& self) {
      const auto* host = self.find(Source::neighbour_table, "198.51.100.7");
      return host != nullptr && host->configuration == R"({"interface":"plant0","router":true})";
    }));
  });
}

TEST_F(NeighboursTest, ALongTableIsReadWhole) {
  // More than one datagram of the dump.
  gateway_.shell("for i in $(seq 1 250); do echo neighbour add 198.51.100.$i lladdr 02:00:00:00:01:$(printf %02x $i) dev plant0; done"
                 " | grep -v '100[.][17] ' | ip -batch -");
  with_client([](RecordingListener& listener) {
    EXPECT_TRUE(listener.wait([](const auto& self) {
      return self.find(Source::neighbour_table, "198.51.100.2") && self.find(Source::neighbour_table, "198.51.100.250");
    }));
    EXPECT_TRUE(listener.wait_for_polls(2));
  });
}

}  // namespace
}  // namespace iris::neighbours
