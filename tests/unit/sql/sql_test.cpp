// SPDX-License-Identifier: Apache-2.0
#include "sql/sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <optional>

#include "enrich/temporary_directory.h"

namespace iris::sql {
namespace {

using ::testing::HasSubstr;

class SqlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Connection::open(file_);
    ASSERT_TRUE(opened) << opened.error().message;
    connection_.emplace(std::move(*opened));
    ASSERT_TRUE(connection_->exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB); CREATE TABLE u(d REAL)"));
  }
  std::int64_t rows() { return connection_->query_int64("SELECT count(*) FROM t").value_or(-1); }

  test_support::TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_ / "test.db";
  std::optional<Connection> connection_;
};

TEST_F(SqlTest, ValuesComeBackAsTheyWere) {
  auto insert = connection_->prepare("INSERT INTO t VALUES(?1, ?2, ?3)");
  ASSERT_TRUE(insert);
  const std::string blob("a\0b\xff", 4);
  ASSERT_TRUE(insert->bind(1, UINT64_MAX));
  ASSERT_TRUE(insert->bind_text(2, "text"));
  ASSERT_TRUE(insert->bind_blob(3, blob));
  ASSERT_TRUE(insert->run());
  EXPECT_EQ(connection_->changes(), 1);
  EXPECT_EQ(connection_->last_insert_rowid(), -1);
  ASSERT_TRUE(insert->bind(1, std::int64_t{7}));
  ASSERT_TRUE(insert->bind_null(2));
  ASSERT_TRUE(insert->bind_blob(3, {}));
  ASSERT_TRUE(insert->run());

  auto select = connection_->prepare("SELECT a, b, c FROM t ORDER BY a");
  ASSERT_TRUE(select);
  ASSERT_TRUE(select->step().value_or(false));
  EXPECT_EQ(select->column_uint64(0), UINT64_MAX);
  EXPECT_EQ(select->column_text(1), "text");
  EXPECT_EQ(select->column_blob(2), blob);
  ASSERT_TRUE(select->step().value_or(false));
  EXPECT_EQ(select->column_int64(0), 7);
  EXPECT_TRUE(select->column_is_null(1));
  EXPECT_FALSE(select->column_is_null(2)) << "an empty blob is not NULL";
  EXPECT_EQ(select->column_blob(2), "");
  EXPECT_FALSE(select->step().value_or(true));
}

TEST_F(SqlTest, QueriesTakeTheirParametersAtOnce) {
  ASSERT_TRUE(connection_->run("INSERT INTO t VALUES(?1, ?2, ?3)", 5U, std::string_view("five"), Blob{"b"}));
  auto found = connection_->query("SELECT typeof(b), typeof(c), c FROM t WHERE a = ?1 AND b = ?2", 5, "five");
  ASSERT_TRUE(found && found->step().value_or(false));
  EXPECT_EQ(found->column_text(0), "text");
  EXPECT_EQ(found->column_text(1), "blob");
  EXPECT_EQ(found->column_blob(2), "b");
  EXPECT_FALSE(connection_->run("INSERT INTO t(a) VALUES(?1)", 6, 7)) << "one parameter too many";
  EXPECT_EQ(rows(), 1);
}

TEST_F(SqlTest, RealNumbersAndSingleValues) {
  auto insert = connection_->prepare("INSERT INTO u VALUES(?1)");
  ASSERT_TRUE(insert && insert->bind(1, 0.5) && insert->run());
  auto select = connection_->prepare("SELECT d FROM u");
  ASSERT_TRUE(select && select->step().value_or(false));
  EXPECT_EQ(select->column_double(0), 0.5);
  EXPECT_EQ(connection_->query_text("SELECT 'x' || d FROM u").value_or(""), "x0.5");
  auto none = connection_->query_int64("SELECT a FROM t");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, SQLITE_NOTFOUND);
}

TEST_F(SqlTest, TransactionRollsBackUnlessCommitted) {
  {
    auto transaction = Transaction::begin(*connection_);
    ASSERT_TRUE(transaction && connection_->exec("INSERT INTO t(a) VALUES(1)"));
    EXPECT_TRUE(connection_->in_transaction());
  }
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(rows(), 0);
  {
    auto transaction = Transaction::begin(*connection_);
    ASSERT_TRUE(transaction && connection_->exec("INSERT INTO t(a) VALUES(1)"));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(rows(), 1);
}

TEST_F(SqlTest, ErrorsCarryCodeAndText) {
  ASSERT_TRUE(connection_->exec("INSERT INTO t(a) VALUES(1)"));
  auto twice = connection_->exec("INSERT INTO t(a) VALUES(1)");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, SQLITE_CONSTRAINT_PRIMARYKEY);
  EXPECT_EQ(twice.error().primary(), SQLITE_CONSTRAINT);
  EXPECT_THAT(twice.error().message, HasSubstr("t.a"));
  EXPECT_EQ(connection_->prepare("SELEC 1").error().primary(), SQLITE_ERROR);

  const base::Result<void> plain = [&]() -> base::Result<void> { return tl::unexpected(twice.error()); }();
  ASSERT_FALSE(plain);
  EXPECT_THAT(plain.error().message, HasSubstr("t.a"));
}

TEST_F(SqlTest, AFailedStatementCanBeRunAgain) {
  ASSERT_TRUE(connection_->exec("INSERT INTO t(a) VALUES(1)"));
  auto insert = connection_->prepare("INSERT INTO t(a) VALUES(?1)");
  ASSERT_TRUE(insert && insert->bind(1, std::int64_t{1}));
  EXPECT_FALSE(insert->run());
  ASSERT_TRUE(insert->bind(1, std::int64_t{2}));
  EXPECT_TRUE(insert->run());
  EXPECT_EQ(rows(), 2);
}

TEST_F(SqlTest, SecondWriterIsToldThatTheFileIsBusy) {
  auto other = Connection::open(file_);
  ASSERT_TRUE(other);
  auto mine = Transaction::begin(*connection_);
  ASSERT_TRUE(mine);
  auto theirs = Transaction::begin(*other);
  ASSERT_FALSE(theirs);
  EXPECT_EQ(theirs.error().primary(), SQLITE_BUSY);
}

TEST_F(SqlTest, OpenHonoursItsOptions) {
  auto missing = Connection::open(directory_ / "other.db", {.create = false});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().primary(), SQLITE_CANTOPEN);
  auto reader = Connection::open(file_, {.read_only = true});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->exec("INSERT INTO t(a) VALUES(1)").error().primary(), SQLITE_READONLY);
  EXPECT_FALSE(Connection::open(file_, {.vfs = "no such vfs"}));
}

}  // namespace
}  // namespace iris::sql
