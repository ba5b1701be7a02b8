// Rows as columns of a SQLite table, and the position in the same transaction: each event is there exactly once.
#pragma once

#include "sink.hpp"

#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace sfcdc::runner {

class sqlite_sink final : public sink {
  public:
    explicit sqlite_sink(const stream_config& stream);
    ~sqlite_sink() override;

    std::optional<pubsub::replay_id> open(const position_owner& owner) override;
    added add(const cdc::event& event, const row::envelope& around) override;
    dealt_with settle(time_point now) override;
    void store(const pubsub::replay_id& position) override;

  private:
    struct close_statement {
        void operator()(sqlite3_stmt* s) const noexcept;
    };
    using statement = std::unique_ptr<sqlite3_stmt, close_statement>;

    [[noreturn]] void fail(const char* doing) const;
    void execute(const std::string& sql, const char* doing);
    statement prepare(const std::string& sql, const char* doing);
    void begin();

    std::filesystem::path path_;
    std::string table_;
    row::layout layout_;
    position_owner owner_;
    sqlite3* database_ = nullptr;
    statement insert_, store_position_;
    bool in_transaction_ = false;
    std::int64_t rows_ = 0;
};

} // namespace sfcdc::runner
