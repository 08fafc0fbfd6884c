// SPDX-License-Identifier: Apache-2.0
#include "notify/file_sink.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "collector_program/temporary_directory.h"
#include "notify/sample_alerts.h"

namespace iris::notify {
namespace {

using collector::content_of;

Notice line(const std::string& json) { return {1, 3, json}; }

struct FileSinkTest : testing::Test {
  collector::TemporaryDirectory folder;
  const std::string path = folder.path() / "alerts.jsonl";
  FileSink sink{path};
};

TEST_F(FileSinkTest, EachAlertIsALine) {
  ASSERT_TRUE(sink.deliver(line(R"({"a":1})")));
  ASSERT_TRUE(sink.deliver(line(R"({"a":2})")));
  EXPECT_EQ(content_of(path), "{\"a\":1}\n{\"a\":2}\n");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0137, 0u);  // 0640, less what the umask takes
}

TEST_F(FileSinkTest, WhatIsThereStays) {
  folder.write("alerts.jsonl", "old\n");
  ASSERT_TRUE(sink.deliver(line("{}")));
  EXPECT_EQ(content_of(path), "old\n{}\n");
}

TEST_F(FileSinkTest, AFileThatWasMovedAwayIsMadeAnew) {
  ASSERT_TRUE(sink.deliver(line("1")));
  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE(sink.deliver(line("2")));
  EXPECT_EQ(content_of(path), "2\n");
  EXPECT_EQ(content_of(path + ".1"), "1\n");
  std::filesystem::rename(path, path + ".2");
  folder.write("alerts.jsonl", "");  // as logrotate's `create`
  ASSERT_TRUE(sink.deliver(line("3")));
  EXPECT_EQ(content_of(path), "3\n");
  std::filesystem::remove(path);
  ASSERT_TRUE(sink.deliver(line("4")));
  EXPECT_EQ(content_of(path), "4\n");
}

TEST_F(FileSinkTest, HalfALineIsNotContinued) {
  folder.write("alerts.jsonl", "{\"cut\":");
  ASSERT_TRUE(sink.deliver(line("{}")));
  EXPECT_EQ(content_of(path), "{\"cut\":\n{}\n");
}

TEST_F(FileSinkTest, WithoutRoomNothingOfTheLineStays) {
  ASSERT_TRUE(sink.deliver(line("1")));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto full = sink.deliver(line("0123456789"));
  const auto again = sink.deliver(line("0123456789"));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, base::Error::Kind::failed);
  EXPECT_FALSE(again);
  EXPECT_EQ(content_of(path), "1\n");
  ASSERT_TRUE(sink.deliver(line("2")));
  EXPECT_EQ(content_of(path), "1\n2\n");
}

TEST_F(FileSinkTest, AFolderThatComesLaterIsAnErrorThatPasses) {
  const auto later = folder.path() / "later";
  FileSink other(later / "alerts.jsonl");
  const auto failed = other.deliver(line("1"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, base::Error::Kind::failed);
  std::filesystem::create_directory(later);
  EXPECT_TRUE(other.deliver(line("1")));
}

TEST_F(FileSinkTest, PipesAndDevicesAreRefused) {
  const std::string pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(FileSink(pipe).deliver(line("1")));
  EXPECT_FALSE(FileSink("/dev/null").deliver(line("1")));
}

TEST_F(FileSinkTest, TwoLinesAreNoAlert) {
  const auto refused = sink.deliver(line("{}\n{}"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, base::Error::Kind::usage);
}

}  // namespace
}  // namespace iris::notify
