// SPDX-License-Identifier: Apache-2.0
#include "enrich/runtime_module.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "enrich/owner_resolver.h"
#include "fake_runtime.h"
#include "temporary_directory.h"

namespace iris::enrich {
namespace {

using ::testing::HasSubstr;

std::string maps() {
  std::ifstream file("/proc/self/maps");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class RuntimeModuleTest : public ::testing::Test {
 protected:
  RuntimeModuleTest() {
    options_.cgroup_root = directory_ / "absent";
    options_.docker_socket = directory_ / "docker.sock";
    options_.containerd_socket = directory_ / "containerd.sock";
    options_.use_containerd = false;
  }
  ~RuntimeModuleTest() override { unsetenv("IRIS_RUNTIMES_MODULE"); }

  std::string docker_detail(OwnerResolver& resolver) {
    for (int i = 0; i < 2000; ++i) {
      resolver.poll(1);
      const std::string detail = resolver.runtimes().at(0).detail;
      if (detail != "no socket there") return detail;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return "nothing was said";
  }

  test_support::TemporaryDirectory directory_;
  OwnerResolverOptions options_;
};

TEST_F(RuntimeModuleTest, WithoutASocketNothingIsLoaded) {
  OwnerResolver resolver(options_);
  resolver.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_THAT(maps(), ::testing::Not(HasSubstr("libiris-runtimes")));
  EXPECT_THAT(maps(), ::testing::Not(HasSubstr("libgrpc")));
}

TEST_F(RuntimeModuleTest, MissingModuleIsSaidAndTracingGoesOnById) {
  setenv("IRIS_RUNTIMES_MODULE", (directory_ / "no.so").c_str(), 1);
  const test_support::BoundSocket socket(options_.docker_socket);
  OwnerResolver resolver(options_);
  resolver.start();
  EXPECT_THAT(docker_detail(resolver), HasSubstr("cannot load"));
  resolver.cgroup_added(7, "/docker/" + std::string(64, 'a'));
  EXPECT_EQ(resolver.owner(7)->container_id, std::string(64, 'a'));
}

TEST_F(RuntimeModuleTest, ForeignModuleIsSaid) {
  setenv("IRIS_RUNTIMES_MODULE", "libc.so.6", 1);
  const auto client = make_client_from_module("docker", options_.docker_socket);
  ASSERT_FALSE(client);
  EXPECT_THAT(client.error().message, HasSubstr("another version"));
}

TEST_F(RuntimeModuleTest, SomethingElseThanASocketIsSaid) {
  std::filesystem::create_directory(options_.docker_socket);
  OwnerResolver resolver(options_);
  resolver.start();
  EXPECT_EQ(docker_detail(resolver), "is not a socket");
}

// The last one: what is loaded stays.
TEST_F(RuntimeModuleTest, ZFoundBesideTheProgramAndLoaded) {
  const test_support::BoundSocket socket(options_.docker_socket);
  OwnerResolver resolver(options_);
  resolver.start();
  EXPECT_THAT(docker_detail(resolver), HasSubstr("not running"));
  EXPECT_THAT(maps(), HasSubstr("libiris-runtimes"));
  resolver.stop();
}

}  // namespace
}  // namespace iris::enrich
