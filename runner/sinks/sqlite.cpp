#include "sqlite.hpp"

#include "../failure.hpp"

#include <sfcdc/row/json.hpp>
#include <sfcdc/wire/text.hpp>

#include <sqlite3.h>

namespace sfcdc::runner {
namespace {

std::string identifier(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

const char* sqlite_type(row::column_type type) {
    switch (type) {
    case row::column_type::integer:
    case row::column_type::bigint:
    case row::column_type::timestamp: return "INTEGER";
    case row::column_type::binary: return "BLOB";
    default: return "TEXT"; // arrays as JSON text
    }
}

// Binds one column; texts are copied by SQLite, for most are made on the way.
struct binder {
    sqlite3_stmt* statement;
    int at = 0;
    std::uint32_t replaced = 0;

    void null() { sqlite3_bind_null(statement, at); }
    void integer(std::int32_t v) { sqlite3_bind_int64(statement, at, v); }
    void bigint(std::int64_t v) { sqlite3_bind_int64(statement, at, v); }
    void string(std::string_view v) {
        std::string valid;
        replaced += wire::append_utf8(valid, v);
        bind(valid);
    }
    void binary(std::span<const std::byte> v) {
        sqlite3_bind_blob64(statement, at, v.data(), v.size(), SQLITE_TRANSIENT);
    }
    void hex(std::span<const std::byte> v) {
        std::string digits;
        wire::append_hex(digits, v);
        bind(digits);
    }
    void base64(std::span<const std::byte> v) {
        std::string digits;
        wire::append_base64(digits, v);
        bind(digits);
    }
    template<class Range> void string_array(const Range& texts) {
        std::string list;
        {
            wire::appender appended(list);
            row::json_writer json(appended);
            json.strings(texts);
            replaced += json.replaced();
        }
        bind(list);
    }
    template<class Append> void made_text(Append&& append) {
        std::string text;
        {
            wire::appender appended(text);
            replaced += append(appended);
        }
        bind(text);
    }
    void bind(const std::string& text) {
        sqlite3_bind_text64(statement, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
};

} // namespace

void sqlite_sink::close_statement::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

sqlite_sink::sqlite_sink(const stream_config& stream)
    : path_(stream.path), table_(stream.table), layout_(stream.layout) {}

sqlite_sink::~sqlite_sink() {
    insert_.reset();
    store_position_.reset();
    sqlite3_close(database_); // an open transaction is rolled back: its position was not stored either
}

void sqlite_sink::fail(const char* doing) const {
    throw failure(exit_code::failed, path_.string() + ": cannot " + doing + ": " + sqlite3_errmsg(database_) + ".");
}

void sqlite_sink::execute(const std::string& sql, const char* doing) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(doing);
}

sqlite_sink::statement sqlite_sink::prepare(const std::string& sql, const char* doing) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) fail(doing);
    return statement(raw);
}

std::optional<pubsub::replay_id> sqlite_sink::open(const position_owner& owner) {
    owner_ = owner;
    if (sqlite3_open(path_.c_str(), &database_) != SQLITE_OK) fail("open the database");
    sqlite3_busy_timeout(database_, 30'000); // another stream's transaction, or a reader's
    execute("PRAGMA journal_mode=WAL", "set the journal mode");
    execute("PRAGMA synchronous=FULL", "set the journal mode");

    std::string columns, marks;
    for (const row::column& c : layout_.columns()) {
        columns += (columns.empty() ? "" : ", ") + identifier(c.name) + " " + sqlite_type(c.type());
        marks += marks.empty() ? "?" : ", ?";
    }
    execute("CREATE TABLE IF NOT EXISTS " + identifier(table_) + " (" + columns + ")", "create the table");
    execute("CREATE TABLE IF NOT EXISTS sfcdc_position (topic TEXT, org_id TEXT, replay_id TEXT, PRIMARY KEY (topic, "
            "org_id))",
            "create the table of positions");
    std::string names;
    for (const row::column& c : layout_.columns()) names += (names.empty() ? "" : ", ") + identifier(c.name);
    insert_ = prepare("INSERT INTO " + identifier(table_) + " (" + names + ") VALUES (" + marks + ")",
                      "write to the table, whose columns are those of another layout; name another \"table\"");
    store_position_ = prepare("INSERT INTO sfcdc_position VALUES (?, ?, ?) ON CONFLICT (topic, org_id) DO UPDATE SET "
                              "replay_id = excluded.replay_id",
                              "store the position");

    const statement query =
        prepare("SELECT replay_id FROM sfcdc_position WHERE topic = ? AND org_id = ?", "read the position");
    sqlite3_bind_text(query.get(), 1, owner.topic.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(query.get(), 2, owner.org_id.c_str(), -1, SQLITE_TRANSIENT);
    const int step = sqlite3_step(query.get());
    if (step == SQLITE_DONE) return std::nullopt;
    if (step != SQLITE_ROW) fail("read the position");
    const char* const text = reinterpret_cast<const char*>(sqlite3_column_text(query.get(), 0));
    const auto [position, bad] = pubsub::replay_id::from_hex(text == nullptr ? "" : text);
    if (bad || position.empty())
        throw failure(exit_code::needs_decision,
                      path_.string() + ": the position of " + owner.topic
                          + " in the table sfcdc_position is damaged. "
                            "Delete its row to start from the configured \"start\" position.");
    return position;
}

void sqlite_sink::begin() {
    if (!in_transaction_) execute("BEGIN IMMEDIATE", "begin a transaction");
    in_transaction_ = true;
}

sink::added sqlite_sink::add(const cdc::event& event, const row::envelope& around) {
    begin();
    added out;
    row::for_each_row(layout_, event, [&](const row::record& of) {
        binder b{insert_.get()};
        const row::source from(event, around, of);
        for (const row::column& c : layout_.columns()) {
            ++b.at;
            row::visit(c, from, b);
        }
        const int done = sqlite3_step(insert_.get());
        sqlite3_reset(insert_.get());
        if (done != SQLITE_DONE) fail("write a row");
        ++out.rows;
        out.replaced_bytes += b.replaced;
    });
    rows_ += out.rows;
    return out;
}

// They become durable with the position, in one transaction.
sink::dealt_with sqlite_sink::settle(time_point) { return {rows_, 0}; }

void sqlite_sink::store(const pubsub::replay_id& position) {
    begin();
    const std::string hex = position.hex();
    sqlite3_bind_text(store_position_.get(), 1, owner_.topic.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(store_position_.get(), 2, owner_.org_id.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(store_position_.get(), 3, hex.c_str(), -1, SQLITE_TRANSIENT);
    const int done = sqlite3_step(store_position_.get());
    sqlite3_reset(store_position_.get());
    if (done != SQLITE_DONE) fail("store the position");
    execute("COMMIT", "commit");
    in_transaction_ = false;
}

} // namespace sfcdc::runner
