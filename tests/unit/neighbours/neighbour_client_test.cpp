// SPDX-License-Identifier: Apache-2.0
// The client by itself: files and its thread. Real neighbours are in tests/kernel.
#include "neighbours/neighbour_client.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "../enrich/temporary_directory.h"
#include "recording_listener.h"

namespace iris::neighbours {
namespace {

using namespace std::chrono_literals;
using identity::Source;
using test::RecordingListener;
using test_support::TemporaryDirectory;
using ::testing::HasSubstr;

void write(const std::string& path, const std::string& text) {
  // As DHCP servers do: a new file takes the place of the old.
  std::ofstream(path + ".new") << text;
  std::filesystem::rename(path + ".new", path);
}

class NeighbourClientTest : public ::testing::Test {
 protected:
  NeighbourOptions options(std::chrono::milliseconds every) const {
    NeighbourOptions made;
    made.poll_every = every;
    made.lease_files = {{directory_ / "dnsmasq", LeaseFormat::dnsmasq}, {directory_ / "isc", LeaseFormat::isc_dhcpd}, {directory_ / "kea", LeaseFormat::kea}};
    made.hosts_file = directory_ / "hosts";
    return made;
  }
  TemporaryDirectory directory_;
  RecordingListener listener_;
};

TEST_F(NeighbourClientTest, ReadsEveryFileAndFollowsIt) {
  write(directory_ / "dnsmasq", "0 00:1b:44:11:3a:07 198.51.100.7 plc7 *\n");
  write(directory_ / "isc", "lease 198.51.100.8 { ends never; binding state active; hardware ethernet 00:1b:44:11:3a:08; }\n");
  const std::string heading = "address,hwaddr,valid_lifetime,expire,hostname,state\n";
  write(directory_ / "kea.2", heading + "198.51.100.9,00:1b:44:11:3a:09,4294967295,0,old,0\n198.51.100.10,00:1b:44:11:3a:10,4294967295,0,ten,0\n");
  write(directory_ / "kea", heading + "198.51.100.9,00:1b:44:11:3a:09,4294967295,0,new,0\n");
  write(directory_ / "hosts", "198.51.100.7 plc7.site\n");
  NeighbourClient client(options(10ms));
  client.start(listener_);
  EXPECT_TRUE(listener_.wait([](const auto& self) {
    const auto* nine = self.find(Source::dhcp_lease, "198.51.100.9");
    return self.find(Source::dhcp_lease, "198.51.100.7") && self.find(Source::dhcp_lease, "198.51.100.8") && nine && nine->name == "new" &&
           self.find(Source::dhcp_lease, "198.51.100.10") && self.find(Source::host_name, "198.51.100.7");
  }));
  write(directory_ / "dnsmasq", "0 00:1b:44:11:3a:11 198.51.100.11 cam *\n");
  EXPECT_TRUE(listener_.wait([](const auto& self) {
    return self.find(Source::dhcp_lease, "198.51.100.11") && !self.find(Source::dhcp_lease, "198.51.100.7");
  }));
  client.stop();
  EXPECT_TRUE(listener_.status().connected);
  EXPECT_EQ(listener_.status().registry, "neighbours");
  EXPECT_THAT(listener_.status().detail, HasSubstr(" hosts"));
  EXPECT_GT(listener_.status().last_success_wall_ns, 0U);
}

TEST_F(NeighbourClientTest, ReportsOnlyChanges) {
  write(directory_ / "dnsmasq", "0 00:1b:44:11:3a:07 198.51.100.7 plc7 *\n");
  auto quiet = options(1ms);
  quiet.max_hosts = 0;  // whatever this machine's own neighbours do meanwhile
  NeighbourClient client(quiet);
  client.start(listener_);
  EXPECT_TRUE(listener_.wait_for_polls(20));
  client.stop();
  EXPECT_EQ(listener_.reports(), 1U);
  EXPECT_GE(listener_.status().skipped, 1U) << "the lease beyond the bound is counted";
}

TEST_F(NeighbourClientTest, SaysWhichFileItCannotUse) {
  ASSERT_EQ(mkfifo((directory_ / "isc").c_str(), 0600), 0);  // would block whoever opens it
  std::filesystem::create_directory(directory_ / "kea");
  write(directory_ / "dnsmasq", "0 00:1b:44:11:3a:07 198.51.100.7 plc7 *\n");
  NeighbourClient client(options(1h));
  client.start(listener_);
  EXPECT_TRUE(listener_.wait_for_polls(1));
  client.stop();
  EXPECT_THAT(listener_.status().detail, HasSubstr("isc is not a file"));
  EXPECT_THAT(listener_.status().detail, HasSubstr("kea is not a file"));
  EXPECT_NE(listener_.find(Source::dhcp_lease, "198.51.100.7"), nullptr) << "the others are read all the same";
}

TEST_F(NeighbourClientTest, AFileWithoutEndIsNotRead) {
  std::ofstream(directory_ / "dnsmasq") << std::string(9U << 20, 'x');
  NeighbourClient client(options(1h));
  client.start(listener_);
  EXPECT_TRUE(listener_.wait_for_polls(1));
  client.stop();
  EXPECT_THAT(listener_.status().detail, HasSubstr("more than 8 MiB"));
}

TEST_F(NeighbourClientTest, StopsWhileItWaitsAndBeforeItStarted) {
  {
    NeighbourClient client(options(1h));
    client.start(listener_);
    EXPECT_TRUE(listener_.wait_for_polls(1));
    client.stop();  // hangs for an hour, if at all
    client.stop();
  }
  NeighbourClient never(options(1h));
  never.stop();
}

}  // namespace
}  // namespace iris::neighbours
