#include "sinks/sqlite.hpp"

#include "fed_sink.hpp"
#include "folder.hpp"
#include "operations/failure.hpp"

#include <sqlite3.h>

#include <string>

namespace {

using sfcdc::runner::failure;
using sfcdc::runner::sqlite_sink;

sfcdc::runner::pipeline_config rows_in(const test::folder& f, const std::string& table = "events") {
    sfcdc::runner::pipeline_config c;
    c.topic = test::fed_sink::topic;
    c.path = f / "rows.db";
    c.table = table;
    return c;
}

// Another process that looks into the database, or holds it.
class other {
  public:
    explicit other(const test::folder& f) { REQUIRE(sqlite3_open((f / "rows.db").c_str(), &database_) == SQLITE_OK); }
    ~other() { sqlite3_close(database_); }
    other(const other&) = delete;

    void run(const char* sql) { REQUIRE(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }
    std::string first(const std::string& sql) {
        sqlite3_stmt* s = nullptr;
        REQUIRE(sqlite3_prepare_v2(database_, sql.c_str(), -1, &s, nullptr) == SQLITE_OK);
        std::string out;
        if (sqlite3_step(s) == SQLITE_ROW) out = reinterpret_cast<const char*>(sqlite3_column_text(s, 0));
        sqlite3_finalize(s);
        return out;
    }

  private:
    sqlite3* database_ = nullptr;
};

std::string hex(std::uint64_t n) {
    return sfcdc::pubsub::replay_id::from_bytes(test::fed_sink::replay_id(n)).value.hex();
}

} // namespace

TEST_CASE("SQLite: rows and position are committed together in each turn") {
    const test::folder f;
    {
        sqlite_sink sink(rows_in(f));
        sink.prove();
        test::fed_sink fed(sink);
        other reader(f);
        CHECK(fed.turn(3));
        CHECK(reader.first("SELECT count(*) FROM events") == "3");
        CHECK(reader.first("SELECT replay_id FROM sfcdc_position") == hex(3));
    }
    sqlite_sink sink(rows_in(f));
    test::fed_sink fed(sink);
    REQUIRE(fed.stored);
    CHECK(fed.stored->hex() == hex(3));
}

TEST_CASE("SQLite: a turn that is not committed leaves neither rows nor a position") {
    const test::folder f;
    {
        sqlite_sink sink(rows_in(f));
        test::fed_sink fed(sink);
        CHECK(fed.turn(1));
        REQUIRE(sink.ready()); // a transaction is begun, and the process dies
    }
    other reader(f);
    CHECK(reader.first("SELECT count(*) FROM events") == "1");
    reader.run("BEGIN IMMEDIATE"); // nothing holds the database
}

TEST_CASE("SQLite: a database that another process holds is waited for, and nothing is lost") {
    const test::folder f;
    sqlite_sink sink(rows_in(f));
    test::fed_sink fed(sink);
    other writer(f);
    writer.run("BEGIN IMMEDIATE");
    CHECK_FALSE(fed.turn(2));
    CHECK(sink.timeout());
    CHECK(fed.delivery->position_due() == nullptr);
    writer.run("COMMIT");
    CHECK(fed.turn(1));
    CHECK(writer.first("SELECT count(*) FROM events") == "3");
    CHECK(writer.first("SELECT replay_id FROM sfcdc_position") == hex(3));
    CHECK_FALSE(sink.timeout());
}

TEST_CASE("SQLite: the table follows the entity, and is made in the transaction of its first row") {
    const test::folder f;
    sqlite_sink sink(rows_in(f, "sf_{entity}"));
    test::fed_sink fed(sink);
    other reader(f);
    CHECK(fed.turn(2, "Account"));
    CHECK(fed.turn(1, "Invoice__c"));
    CHECK(fed.turn(1, "Account"));
    CHECK(reader.first("SELECT count(*) FROM sf_Account") == "3");
    CHECK(reader.first("SELECT count(*) FROM sf_Invoice__c") == "1");
    CHECK(reader.first(
              "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master WHERE type='table' ORDER BY name)")
          == "sf_Account,sf_Invoice__c,sfcdc_position");
}

TEST_CASE("SQLite: a database that is moved while it is in use ends the run, and so does a table of other columns") {
    const test::folder f;
    {
        sqlite_sink sink(rows_in(f));
        test::fed_sink fed(sink);
        CHECK(fed.turn(1));
        std::filesystem::rename(f / "rows.db", f / "away.db");
        CHECK_THROWS_AS(fed.turn(1), failure);
        std::filesystem::rename(f / "away.db", f / "rows.db");
    }
    other writer(f);
    writer.run("DROP TABLE events");
    writer.run("CREATE TABLE events(something_else)");
    sqlite_sink sink(rows_in(f));
    CHECK_THROWS_AS(test::fed_sink(sink), failure);
}
