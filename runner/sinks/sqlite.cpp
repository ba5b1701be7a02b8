#include "sqlite.hpp"

#include "../disk/durable_file.hpp"
#include "../disk/position_database.hpp"
#include "../io/pause.hpp"
#include "../names.hpp"
#include "../operations/failure.hpp"

#include <sfcdc/row/json.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/utf8.hpp>

#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <set>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

constexpr std::chrono::milliseconds look_again{100}; // whether a lock is gone
constexpr std::chrono::seconds say_again{10};

bool is_locked(int result) { return (result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED; }

std::string identifier(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

const char* sqlite_type(row::column_type type) {
    switch (type) {
    case row::column_type::boolean:
    case row::column_type::integer:
    case row::column_type::bigint:
    case row::column_type::timestamp: return "INTEGER";
    case row::column_type::double_: return "REAL";
    case row::column_type::binary: return "BLOB";
    default: return "TEXT"; // arrays are JSON text, dates "2026-11-27", decimals their digits
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
    void boolean(bool v) { sqlite3_bind_int(statement, at, v ? 1 : 0); }
    void floating(double v) { sqlite3_bind_double(statement, at, v); }
    void decimal(std::string_view v) { string(v); }
    void date(std::int32_t days) { string(row::date_text(days)); }
    void timestamp(std::int64_t us) { sqlite3_bind_int64(statement, at, us); }
    void string(std::string_view v, std::size_t = 0) {
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

// Two sections of the configuration may lead to one org, which is seen only by its login.
class sqlite_sink::claim {
  public:
    claim(const std::filesystem::path& database, const position_owner& owner)
        : what_(whole_path(database).string() + "\n" + owner.org_id + "\n" + owner.topic) {
        const std::scoped_lock lock(mutex());
        if (!all().insert(what_).second)
            throw failure(exit_code::needs_decision, database.string()
                                                         + ": another pipeline of this process keeps the position of "
                                                         + owner.topic + " of org " + owner.org_id
                                                         + " there; give one of the two another \"path\".");
    }
    ~claim() {
        const std::scoped_lock lock(mutex());
        all().erase(what_);
    }
    claim(const claim&) = delete;

  private:
    static std::mutex& mutex() {
        static std::mutex of_all;
        return of_all;
    }
    static std::set<std::string>& all() {
        static std::set<std::string> claims;
        return claims;
    }
    const std::string what_;
};

void sqlite_sink::close_statement::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

sqlite_sink::sqlite_sink(const pipeline_config& pipeline)
    : path_(pipeline.path),
      table_(pipeline.table),
      table_by_entity_(has_entity(pipeline.table)),
      layout_(pipeline.layout) {}

sqlite_sink::~sqlite_sink() {
    inserts_.clear();
    store_position_.reset();
    sqlite3_close(database_); // an open transaction is rolled back: its position was not stored either
}

// A database that is there is looked at by SQLite alone: the system drops all locks that a process has on a file when any descriptor of
// it is closed, and another pipeline may have this one open.
void sqlite_sink::prove() {
    prove_folder(path_);
    const auto refuse = [&](int why) {
        throw failure(why == ENOSPC || why == EROFS || why == EIO ? exit_code::failed : exit_code::bad_config,
                      path_.string() + ": cannot open the database: " + std::generic_category().message(why) + ".");
    };
    if (std::error_code unknown; !std::filesystem::exists(path_, unknown)) {
        // Made here, readable by its owner only: rows are customer data. An empty file is an empty database.
        const int d = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (d < 0) refuse(errno);
        ::close(d);
        return;
    }
    if (::access(path_.c_str(), R_OK | W_OK) != 0) refuse(errno);
    sqlite3* database = nullptr;
    int found = sqlite3_open_v2(std::filesystem::absolute(path_).c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
    if (found == SQLITE_OK) found = sqlite3_exec(database, "PRAGMA schema_version", nullptr, nullptr, nullptr);
    sqlite3_close(database);
    if (found == SQLITE_NOTADB)
        throw failure(exit_code::bad_config, path_.string() + ": is no SQLite database; name another file.");
}

void sqlite_sink::fail(const char* doing) const {
    throw failure(exit_code::failed, path_.string() + ": cannot " + doing + ": " + sqlite3_errmsg(database_) + ".");
}

int sqlite_sink::execute(const char* sql) { return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr); }

// Waits while the database is locked.
void sqlite_sink::execute(const std::string& sql, const char* doing, const std::stop_token& stop) {
    for (int done = execute(sql.c_str()); done != SQLITE_OK; done = execute(sql.c_str())) {
        if (!is_locked(done)) fail(doing);
        say_that_it_waits();
        pause(stop, look_again);
    }
    locked_since_.reset();
}

sqlite_sink::statement sqlite_sink::prepare(const std::string& sql, const char* doing, const std::stop_token& stop) {
    sqlite3_stmt* raw = nullptr;
    for (int done; (done = sqlite3_prepare_v2(database_, sql.c_str(), -1, &raw, nullptr)) != SQLITE_OK;) {
        if (!is_locked(done)) fail(doing);
        say_that_it_waits();
        pause(stop, look_again);
    }
    return statement(raw);
}

std::optional<pubsub::replay_id> sqlite_sink::open(const position_owner& owner, const std::stop_token& stop) {
    owner_ = owner;
    claim_ = std::make_unique<claim>(path_, owner);
    // The whole path: SQLite gives names such as ":memory:" a meaning of their own.
    if (sqlite3_open_v2(std::filesystem::absolute(path_).c_str(), &database_,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr)
        != SQLITE_OK)
        fail("open the database");
    execute("PRAGMA journal_mode=WAL", "set the journal mode", stop);
    execute("PRAGMA synchronous=FULL", "ask for synchronous writes", stop);

    execute(create_position_table, "create the table of positions", stop);
    if (!table_by_entity_) inserts_.emplace("", prepare_insert(table_, stop));
    store_position_ = prepare(store_position_statement, "store the position", stop);
    struct stat found{};
    if (::stat(path_.c_str(), &found) == 0) device_ = found.st_dev, inode_ = found.st_ino;
    return stored_position(stop);
}

// Makes the table, too, unless it is there.
sqlite_sink::statement sqlite_sink::prepare_insert(const std::string& table, const std::stop_token& stop) {
    std::string columns, names, marks;
    for (const row::column& c : layout_.columns()) {
        columns += (columns.empty() ? "" : ", ") + identifier(c.name) + " " + sqlite_type(c.type());
        names += (names.empty() ? "" : ", ") + identifier(c.name);
        marks += marks.empty() ? "?" : ", ?";
    }
    execute("CREATE TABLE IF NOT EXISTS " + identifier(table) + " (" + columns + ")", "create the table", stop);
    return prepare("INSERT INTO " + identifier(table) + " (" + names + ") VALUES (" + marks + ")",
                   "write to the table, whose columns are those of another layout; name another \"table\"", stop);
}

// A table that turns up later is made in the transaction of its first row.
sqlite3_stmt* sqlite_sink::insert_for(const cdc::event& event) {
    if (!table_by_entity_) return inserts_.begin()->second.get();
    const std::string_view entity = event.header().entity_name();
    auto at = inserts_.find(entity);
    if (at == inserts_.end()) at = inserts_.emplace(entity, prepare_insert(table_of(table_, entity), {})).first;
    return at->second.get();
}

std::optional<pubsub::replay_id> sqlite_sink::stored_position(const std::stop_token& stop) {
    const statement query =
        prepare("SELECT replay_id FROM sfcdc_position WHERE topic = ? AND org_id = ?", "read the position", stop);
    sqlite3_bind_text(query.get(), 1, owner_.topic.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(query.get(), 2, owner_.org_id.c_str(), -1, SQLITE_TRANSIENT);
    int step = sqlite3_step(query.get());
    for (; is_locked(step); step = sqlite3_step(query.get())) {
        say_that_it_waits();
        pause(stop, look_again);
    }
    if (step == SQLITE_DONE) return std::nullopt;
    if (step != SQLITE_ROW) fail("read the position");
    const char* const text = reinterpret_cast<const char*>(sqlite3_column_text(query.get(), 0));
    const auto [position, bad] = pubsub::replay_id::from_hex(text == nullptr ? "" : text);
    if (bad || position.empty())
        throw failure(exit_code::needs_decision,
                      path_.string() + ": the position of " + owner_.topic
                          + " in the table sfcdc_position is damaged. "
                            "Delete its row to start from the configured \"start\" position.");
    return position;
}

void sqlite_sink::say_that_it_waits() {
    const time_point now = std::chrono::steady_clock::now();
    if (!locked_since_) locked_since_ = said_at_ = now;
    if (now - *said_at_ < say_again) return;
    said_at_ = now;
    spdlog::warn("{}: the database has been locked for {} s by another process or pipeline; waiting", path_.string(),
                 std::chrono::duration_cast<std::chrono::seconds>(now - *locked_since_).count());
}

// From BEGIN IMMEDIATE on no other process can write, so that nothing up to COMMIT meets a lock.
bool sqlite_sink::begin() {
    if (in_transaction_) return true;
    sqlite3_busy_timeout(database_, 50); // for the turns of another pipeline
    const int done = execute("BEGIN IMMEDIATE");
    sqlite3_busy_timeout(database_, 0);
    if (is_locked(done)) {
        say_that_it_waits();
        try_again_ = std::chrono::steady_clock::now() + look_again;
        return false;
    }
    if (done != SQLITE_OK) fail("begin a transaction");
    in_transaction_ = true;
    try_again_.reset();
    locked_since_.reset();
    return true;
}

bool sqlite_sink::ready() { return begin(); }

// Rows that are committed into a file without a name are lost, and their position with them.
void sqlite_sink::prove_same_file() const {
    struct stat found{};
    if (::stat(path_.c_str(), &found) != 0 || found.st_dev != device_ || found.st_ino != inode_)
        throw failure(exit_code::needs_decision, // begun anew, it would have no position
                      path_.string()
                          + ": the database was moved or deleted while it was in use. Put it back, or remove "
                            "what is there (with -wal and -shm) to begin again.");
}

std::uint32_t sqlite_sink::add(const cdc::event& event, const row::envelope& around) {
    std::uint32_t replaced = 0;
    sqlite3_stmt* const insert = insert_for(event);
    row::for_each_row(layout_, event, [&](const row::record& of) {
        binder b{insert};
        const row::source from(event, around, of);
        for (const row::column& c : layout_.columns()) {
            ++b.at;
            row::visit(c, from, b);
        }
        const int done = sqlite3_step(insert);
        sqlite3_reset(insert);
        if (done != SQLITE_DONE) fail("write a row");
        rows_ = to().add_row(0) + 1;
        replaced += b.replaced;
    });
    return replaced;
}

bool sqlite_sink::commit(const pubsub::replay_id* position) {
    if (position == nullptr && !in_transaction_) return true;
    if (!begin()) return false; // a position without rows
    prove_same_file();
    if (position != nullptr) {
        const std::string hex = position->hex();
        sqlite3_bind_text(store_position_.get(), 1, owner_.topic.c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(store_position_.get(), 2, owner_.org_id.c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(store_position_.get(), 3, hex.c_str(), -1, SQLITE_TRANSIENT);
        const int done = sqlite3_step(store_position_.get());
        sqlite3_reset(store_position_.get());
        if (done != SQLITE_DONE) fail("store the position");
    }
    // Where the file system has no shared memory there is no WAL, and readers hold up a commit.
    sqlite3_busy_timeout(database_, 10'000);
    int done = execute("COMMIT");
    while (is_locked(done)) {
        say_that_it_waits();
        done = execute("COMMIT");
    }
    sqlite3_busy_timeout(database_, 0);
    if (done != SQLITE_OK) fail("commit");
    in_transaction_ = false;
    return true;
}

} // namespace sfcdc::runner
