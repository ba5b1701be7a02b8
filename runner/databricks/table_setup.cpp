#include "table_setup.hpp"

#include "../io/pause.hpp"
#include "statement.hpp"
#include "table_fit.hpp"

#include <sfcdc/backoff.hpp>
#include <sfcdc/row/sql.hpp>

#include <spdlog/spdlog.h>

#include <chrono>
#include <random>
#include <utility>

namespace sfcdc::runner::databricks {
namespace {

// Two who widen one table at the same time lose against each other once; more is another fault.
constexpr int most_attempts = 5;
// A change of a table shows in Unity Catalog within seconds; nobody has published a limit.
constexpr std::chrono::seconds visible_within{300};
// What somebody else has said that he did is looked for so long, before it is tried from here.
constexpr std::chrono::seconds others_within{10};

class setup {
  public:
    setup(workspace& at, const std::string& name, const row::layout& wanted, const table_orders& orders,
          const std::stop_token& stop, const rest_options& options)
        : at_(at), name_(name), wanted_(wanted), orders_(orders), stop_(stop), options_(options) {}

    outcome<table_state> run() {
        table_state state;
        for (int attempt = 0;; ++attempt) {
            auto [table, refused] = describe_table(at_, name_, stop_, options_);
            if (refused && refused->what == refusal_class::not_found && orders_.create && !state.created) {
                spdlog::info("databricks: making the table {} with {} columns", name_, wanted_.columns().size());
                auto bad = execute_text(row::create_table_sql(wanted_, name_, orders_.source));
                const bool lost = bad && bad->what == refusal_class::conflict; // somebody else has made it
                if (bad && !lost) return {{}, std::move(bad)};
                state.created = true;
                bad = wait_until_shown(lost ? row::layout() : wanted_, table, lost ? others_within : visible_within);
                if (bad && lost && attempt + 1 < most_attempts) { // nobody has made it
                    state.created = false;
                    continue;
                }
                if (bad) return {{}, std::move(bad)};
            } else if (refused) {
                return {{}, std::move(refused)};
            }
            state.table = std::move(table);
            const row::layout missing = fit(wanted_, state.table).missing;
            if (missing.columns().empty() || !orders_.widen) return {std::move(state), {}};
            state.not_widened = widen(missing, state.table);
            const bool again = state.not_widened && state.not_widened->what == refusal_class::conflict;
            state.widened = !state.not_widened;
            if (!again || attempt + 1 == most_attempts) return {std::move(state), {}};
            pause(stop_, waits_.next());
        }
    }

  private:
    std::optional<refusal> execute_text(std::string text) {
        statement_options options;
        options.rest = options_;
        return execute(at_, {std::move(text)}, stop_, options).refused;
    }
    std::optional<refusal> widen(const row::layout& missing, table_description& table) {
        const std::string text = add_columns_statement(name_, missing);
        spdlog::info("databricks: {}", text);
        auto refused = execute_text(text);
        if (!refused) return wait_until_shown(missing, table, visible_within);
        // Somebody else has added columns; perhaps these, and they are not shown yet.
        if (refused->what == refusal_class::conflict && !wait_until_shown(missing, table, others_within))
            return std::nullopt;
        return refused;
    }
    // Until the description has these columns, and the table at all.
    std::optional<refusal> wait_until_shown(const row::layout& columns, table_description& table,
                                            std::chrono::seconds within) {
        const auto until = std::chrono::steady_clock::now() + within;
        backoff waits(std::random_device{}(), {std::chrono::milliseconds(100), std::chrono::seconds(10)});
        for (;;) {
            auto [described, refused] = describe_table(at_, name_, stop_, options_);
            if (refused && refused->what != refusal_class::not_found) return std::move(refused);
            if (!refused) {
                table = std::move(described);
                if (fit(columns, table).missing.columns().empty()) return std::nullopt;
            }
            if (std::chrono::steady_clock::now() >= until)
                return refusal{refusal_class::unavailable, {}, {}, "Unity Catalog does not show the change yet"};
            pause(stop_, waits.next());
        }
    }

    workspace& at_;
    const std::string& name_;
    const row::layout& wanted_;
    const table_orders& orders_;
    const std::stop_token& stop_;
    const rest_options& options_;
    backoff waits_{std::random_device{}(),
                   {std::chrono::milliseconds(200), std::chrono::seconds(5)}}; // of the attempts
};

} // namespace

outcome<table_state> set_up_table(workspace& at, const std::string& name, const row::layout& wanted,
                                  const table_orders& orders, const std::stop_token& stop,
                                  const rest_options& options) {
    return setup(at, name, wanted, orders, stop, options).run();
}

} // namespace sfcdc::runner::databricks
