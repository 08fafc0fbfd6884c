// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include "store_fixture.h"

namespace iris::store {
namespace {

TEST_F(StoreTest, MigratesAnOlderFile) {
  const auto path = directory_ / "old.db";
  {
    auto old = sql::Connection::open(path);
    ASSERT_TRUE(old);
    ASSERT_EQ(old->query_int64("PRAGMA user_version").value(), 0);
    ASSERT_TRUE(migrate(*old, 1));
    ASSERT_EQ(old->query_int64("PRAGMA user_version").value(), 1);
    ASSERT_FALSE(old->exec("SELECT * FROM event"));
    ASSERT_TRUE(old->exec("INSERT INTO gateway(name, token_hash, created_ns) VALUES('kept', x'00', 1)"));
  }
  auto store = open_store("sqlite:" + path.string());
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->gateway_by_name("kept").value());
  auto batch = make_batch(1, 1);
  flow::ExitRecord exit;
  exit.wall_ns = kNoon;
  batch.batch.records.push_back(exit);
  ASSERT_TRUE((*store)->commit(std::span(&batch, 1), kNoon));
  auto now = sql::Connection::open(path);
  EXPECT_EQ(now->query_int64("PRAGMA user_version").value(), kSchemaVersion);
  EXPECT_EQ(now->query_int64("SELECT count(*) FROM event WHERE kind = 'exit'").value(), 1);
}

TEST_F(StoreTest, RefusesANewerFile) {
  store_.reset();
  auto file = sql::Connection::open(directory_ / "iris.db");
  ASSERT_TRUE(file && file->exec("PRAGMA user_version = 99"));
  const auto store = open_store(url());
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("version 99"), std::string::npos) << store.error().message;
  EXPECT_EQ(file->query_int64("PRAGMA user_version").value(), 99);
}

TEST_F(StoreTest, RefusesWhatIsNoStore) {
  for (const char* url : {"", "sqlite:", "postgresql://x", "iris.db"}) EXPECT_FALSE(open_store(url)) << url;
  EXPECT_FALSE(open_store("sqlite:" + (directory_ / "none" / "iris.db").string()));
}

}  // namespace
}  // namespace iris::store
