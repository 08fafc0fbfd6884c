// SPDX-License-Identifier: Apache-2.0
#include "registry/cache.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "enrich/temporary_directory.h"

namespace iris::registry {
namespace {

using identity::Evidence;
using testing::HasSubstr;

Evidence full_evidence() {
  Evidence evidence;
  evidence.source = identity::Source::modbus_module;
  evidence.kind = flow::DeviceKind::manufactured;
  evidence.name = "gw1/modbus1/Meter \"1\"\n\xc3\xbc";
  evidence.parent = "gw1";
  evidence.module_id = "modbus1";
  evidence.hardware_ids = {"hwid:Meter", "unit:1"};
  evidence.addresses = {{base::IpAddress::parse("198.51.100.7"), 502, 6, ""}, {std::nullopt, 0, 0, "/dev/ttyS0"}};
  evidence.tags = R"({"site":"plant-a"})";
  evidence.configuration = R"({"a":[1,2]})";
  evidence.status = "running";
  evidence.deployed = false;
  evidence.connected = true;
  return evidence;
}

struct CacheTest : testing::Test {
  test_support::TemporaryDirectory folder;
  std::string path = folder / "iot_hub.cache";
  CacheKey key{"iot_hub", "iris-hub.azure-devices.net", "gw1"};

  std::string content() const {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  void put(const std::string& text) const { std::ofstream(path, std::ios::binary | std::ios::trunc) << text; }
  std::string error() const {
    const auto cached = read_cache(path);
    return cached ? "(read)" : cached.error().message;
  }
};

TEST_F(CacheTest, GivesBackAllThatWasWritten) {
  Evidence bare;
  bare.name = "bare";
  const std::vector<Evidence> evidence{full_evidence(), bare};
  ASSERT_EQ(write_cache(path, key, 42, identity::share(evidence)).value(), 0u);
  const auto cached = read_cache(path);
  ASSERT_TRUE(cached) << cached.error().message;
  EXPECT_EQ(cached->evidence, evidence);
  EXPECT_EQ(cached->saved_wall_ns, 42u);
  EXPECT_EQ(cached->key.registry, "iot_hub");
  EXPECT_EQ(cached->key.endpoint, key.endpoint);
  EXPECT_EQ(cached->key.gateway, "gw1");
}

TEST_F(CacheTest, IsForItsOwnerOnlyAndLeavesNothingElse) {
  ASSERT_TRUE(write_cache(path, key, 1, identity::share({full_evidence()})));
  ASSERT_TRUE(write_cache(path, key, 2, {}));
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 1u);
  EXPECT_TRUE(read_cache(path)->evidence.empty());
}

TEST_F(CacheTest, EveryTornOrChangedFileIsNone) {
  ASSERT_TRUE(write_cache(path, key, 42, identity::share({full_evidence()})));
  const std::string whole = content();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put(whole.substr(0, length));
    ASSERT_FALSE(read_cache(path)) << length;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put(changed);
    ASSERT_FALSE(read_cache(path)) << at;
  }
  EXPECT_THAT(error(), HasSubstr("ignored"));
  put(whole + "x");
  EXPECT_FALSE(read_cache(path));
  put(whole);
  EXPECT_TRUE(read_cache(path));
}

TEST_F(CacheTest, NoFileADirectoryAndAnEndlessFileAreErrors) {
  EXPECT_THAT(error(), HasSubstr("cannot be opened"));
  put("x");
  std::filesystem::resize_file(path, kMaxCacheBytes + 1);
  EXPECT_THAT(error(), HasSubstr("too large"));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_THAT(error(), HasSubstr("no file"));
  EXPECT_FALSE(write_cache(folder / "missing/cache", key, 1, {}));
}

TEST_F(CacheTest, StaysWithinItsBound) {
  Evidence large = full_evidence();
  large.configuration = std::string(1u << 20, 'x');
  const std::vector<Evidence> evidence(20, large);
  const auto left_out = write_cache(path, key, 1, identity::share(evidence));
  ASSERT_TRUE(left_out);
  EXPECT_EQ(*left_out, 5u);
  EXPECT_LE(std::filesystem::file_size(path), kMaxCacheBytes);
  EXPECT_EQ(read_cache(path)->evidence.size(), 15u);
}

}  // namespace
}  // namespace iris::registry
