#include "position_database.hpp"

#include "../operations/failure.hpp"

#include <sqlite3.h>

#include <memory>
#include <utility>

namespace sfcdc::runner {
namespace {

class database {
  public:
    database(const std::filesystem::path& path, int flags) : path_(path) {
        // The whole path: SQLite gives names such as ":memory:" a meaning of their own.
        if (sqlite3_open_v2(std::filesystem::absolute(path).c_str(), &handle_, flags, nullptr) != SQLITE_OK)
            fail("open the database");
        sqlite3_busy_timeout(handle_, 5'000);
    }
    ~database() { sqlite3_close(handle_); }
    database(const database&) = delete;

    struct finalize {
        void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
    };
    using statement = std::unique_ptr<sqlite3_stmt, finalize>;

    statement prepare(const char* sql, const std::vector<std::string>& parameters) {
        sqlite3_stmt* raw = nullptr;
        if (sqlite3_prepare_v2(handle_, sql, -1, &raw, nullptr) != SQLITE_OK) fail("read the position");
        statement s(raw);
        for (std::size_t i = 0; i < parameters.size(); ++i)
            sqlite3_bind_text(s.get(), static_cast<int>(i) + 1, parameters[i].c_str(), -1, SQLITE_TRANSIENT);
        return s;
    }
    // Whether there is a row.
    bool step(const statement& s, const char* doing) {
        const int done = sqlite3_step(s.get());
        if (done != SQLITE_ROW && done != SQLITE_DONE) fail(doing);
        return done == SQLITE_ROW;
    }
    bool has_positions() {
        return step(prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sfcdc_position'", {}),
                    "read the position");
    }
    static std::string text(const statement& s, int column) {
        const unsigned char* const t = sqlite3_column_text(s.get(), column);
        return t == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(t));
    }

    [[noreturn]] void fail(const std::string& doing) const {
        throw failure(exit_code::failed, path_.string() + ": cannot " + doing + ": " + sqlite3_errmsg(handle_) + ".");
    }

  private:
    const std::filesystem::path& path_;
    sqlite3* handle_ = nullptr;
};

} // namespace

std::vector<stored_position> positions_in_database(const std::filesystem::path& path, const std::string& topic) {
    if (!std::filesystem::exists(path)) return {};
    database db(path, SQLITE_OPEN_READONLY);
    if (!db.has_positions()) return {};
    const auto rows =
        db.prepare("SELECT org_id, replay_id FROM sfcdc_position WHERE topic = ? ORDER BY org_id", {topic});
    std::vector<stored_position> out;
    while (db.step(rows, "read the position")) {
        auto [id, bad] = pubsub::replay_id::from_hex(database::text(rows, 1));
        if (bad || id.empty())
            throw failure(exit_code::needs_decision,
                          path.string() + ": the position of " + topic + " in the table sfcdc_position is damaged.");
        out.push_back({{database::text(rows, 0), topic}, std::move(id)});
    }
    return out;
}

std::vector<std::string> topics_in_database(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) return {};
    database db(path, SQLITE_OPEN_READONLY);
    if (!db.has_positions()) return {};
    const auto rows = db.prepare("SELECT DISTINCT topic FROM sfcdc_position ORDER BY topic", {});
    std::vector<std::string> out;
    while (db.step(rows, "read the position")) out.push_back(database::text(rows, 0));
    return out;
}

void store_in_database(const std::filesystem::path& path, const stored_position& position) {
    database db(path, SQLITE_OPEN_READWRITE);
    (void)db.step(db.prepare("PRAGMA synchronous=FULL", {}), "ask for synchronous writes");
    (void)db.step(db.prepare(create_position_table, {}), "create the table of positions");
    (void)db.step(
        db.prepare(store_position_statement, {position.owner.topic, position.owner.org_id, position.replay_id.hex()}),
        "store the position");
}

} // namespace sfcdc::runner
