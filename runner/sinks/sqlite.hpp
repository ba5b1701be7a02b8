// Rows as columns of a SQLite table, and the position in the same transaction: each event is there exactly once.
#pragma once

#include "sink.hpp"

#include <atomic>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace sfcdc::runner {

class sqlite_sink final : public sink {
  public:
    explicit sqlite_sink(const stream_config& stream);
    ~sqlite_sink() override;

    std::optional<pubsub::replay_id> open(const position_owner& owner) override;
    std::uint32_t add(const cdc::event& event, const row::envelope& around) override;
    void commit(const pubsub::replay_id& position, const std::stop_token& stop) override;
    bool drain(std::chrono::milliseconds) override { return true; }
    std::uint64_t rows_durable() const override { return rows_durable_; }

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
    std::uint64_t batch_rows_ = 0;
    std::atomic<std::uint64_t> rows_durable_ = 0;
};

} // namespace sfcdc::runner
