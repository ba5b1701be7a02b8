// Rows as columns of a SQLite table, and the position in the same transaction: each event is there exactly once.
#pragma once

#include "sink.hpp"

#include <functional>
#include <map>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace sfcdc::runner {

// Another process that holds the database (a backup, a VACUUM, a long transaction) is waited for, however long it takes. No
// transaction of ours outlives a turn of the pipeline.
class sqlite_sink final : public sink {
  public:
    explicit sqlite_sink(const pipeline_config& pipeline);
    ~sqlite_sink() override;

    void prove() override;
    std::optional<pubsub::replay_id> open(const position_owner& owner, const std::stop_token& stop) override;
    bool ready() override; // begins the transaction, unless the database is locked
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void settle() override { (void)to().durable(0, rows_); } // with commit()
    bool commit(const pubsub::replay_id* position) override;
    std::optional<time_point> timeout() const override { return try_again_; }
    std::string table(std::uint32_t) const override { return table_; }

  private:
    struct close_statement {
        void operator()(sqlite3_stmt* s) const noexcept;
    };
    using statement = std::unique_ptr<sqlite3_stmt, close_statement>;

    class claim; // on a position: one pipeline of the process has it

    [[noreturn]] void fail(const char* doing) const;
    int execute(const char* sql);
    void execute(const std::string& sql, const char* doing, const std::stop_token& stop);
    statement prepare(const std::string& sql, const char* doing, const std::stop_token& stop);
    std::optional<pubsub::replay_id> stored_position(const std::stop_token& stop);
    statement prepare_insert(const std::string& table, const std::stop_token& stop);
    sqlite3_stmt* insert_for(const cdc::event& event);
    bool begin();
    void say_that_it_waits();
    void prove_same_file() const;

    std::filesystem::path path_;
    std::string table_;
    bool table_by_entity_; // it has {entity} in it
    row::layout layout_;
    position_owner owner_;
    std::unique_ptr<claim> claim_;
    sqlite3* database_ = nullptr;
    std::map<std::string, statement, std::less<>>
        inserts_; // by entity where the table's name depends on it, else one under ""
    statement store_position_;
    bool in_transaction_ = false;
    std::optional<time_point> try_again_, locked_since_, said_at_;
    std::int64_t rows_ = 0;
    std::uint64_t device_ = 0, inode_ = 0; // what the database is
};

} // namespace sfcdc::runner
