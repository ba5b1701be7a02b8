#include "statement.hpp"

#include "../io/pause.hpp"
#include "../operations/log.hpp"
#include "answers.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace sfcdc::runner::databricks {
namespace {

using result = outcome<statement_result>;

constexpr const char* statements_path = "/api/2.0/sql/statements";
constexpr std::int64_t most_chunks = 1'000;
// The service itself has 25 MiB for a result of this disposition.
constexpr std::size_t most_bytes = 32u << 20;

refusal refuse(refusal_class what, const std::string& message) { return {what, {}, {}, log::one_line(message)}; }

refusal not_understood(const std::string& why) {
    return refuse(refusal_class::other, "the answer to a statement cannot be understood: " + why);
}

// It becomes part of a URL.
bool is_statement_id(const std::string& id) {
    const auto in_an_id = [](char c) {
        const bool digit = c >= '0' && c <= '9';
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return digit || letter || c == '-' || c == '_';
    };
    return !id.empty() && id.size() <= 100 && std::all_of(id.begin(), id.end(), in_an_id);
}

nlohmann::json request_of(const statement& s, const std::string& warehouse_id, const statement_options& options) {
    nlohmann::json parameters = nlohmann::json::array();
    for (const parameter& p : s.parameters) {
        const nlohmann::json value = p.value ? nlohmann::json(*p.value) : nlohmann::json();
        parameters.push_back({{"name", p.name}, {"value", value}, {"type", p.type}});
    }
    return {{"statement", s.text},
            {"warehouse_id", warehouse_id},
            {"parameters", std::move(parameters)},
            {"wait_timeout", "5s"}, // the shortest one with which quick statements need no second request
            {"on_wait_timeout", "CONTINUE"},
            {"disposition", "INLINE"},
            {"format", "JSON_ARRAY"},
            {"row_limit", options.most_rows},
            {"query_tags", {{{"key", "application"}, {"value", "sfcdc"}}}}};
}

// One statement, from its first request to its result.
class running_statement {
  public:
    running_statement(workspace& at, const std::stop_token& stop, const statement_options& options)
        : options_(options), stop_(stop), warehouse_id_(at.config().warehouse_id), rest_(at, options.rest, stop) {}

    result run(const statement& s) {
        if (warehouse_id_.empty())
            return {{},
                    refuse(refusal_class::invalid, rest_.section()
                                                       + " warehouse_id is missing: it names the SQL warehouse that "
                                                         "runs statements")};
        auto [answer, refused] = rest_.post(statements_path, request_of(s, warehouse_id_, options_));
        if (refused) {
            // Tables are what a failed statement names; what is not found here is the warehouse.
            if (refused->what == refusal_class::not_found) refused->what = refusal_class::invalid;
            return {{}, std::move(refused)};
        }
        try {
            result r = wait_for_end(std::move(answer));
            cancel();
            return r;
        } catch (...) {
            cancel();
            throw;
        }
    }

  private:
    result wait_for_end(nlohmann::json answer) {
        backoff polls(std::random_device{}(), options_.polls);
        for (;;) {
            std::string bad;
            const members m(answer, "", bad);
            const members status = m.object("status");
            const std::string id = m.text("statement_id"), state = status.text("state");
            if (!bad.empty()) return {{}, not_understood(bad)};
            if (id_.empty()) {
                if (!is_statement_id(id)) return {{}, not_understood("statement_id has no form of an id")};
                id_ = id;
                under_way_ = true;
            }
            if (state == "SUCCEEDED") {
                under_way_ = false;
                return read_result(m, bad);
            }
            if (state == "FAILED" || state == "CANCELED" || state == "CLOSED") {
                under_way_ = false;
                return {{}, why_not(status, state)};
            }
            if (state != "PENDING" && state != "RUNNING")
                return {{}, not_understood("its state is " + (state.empty() ? "missing" : state))};
            if (state == "PENDING" && !std::exchange(said_pending_, true))
                spdlog::warn("databricks: waiting for the SQL warehouse {} of {} to start", warehouse_id_,
                             rest_.section());
            const auto wait = polls.next();
            if (std::chrono::steady_clock::now() + wait >= rest_.deadline())
                return {{},
                        refuse(refusal_class::unavailable, state == "PENDING"
                                                               ? "the SQL warehouse " + warehouse_id_ + " of "
                                                                     + rest_.section() + " has not started in time"
                                                               : "the statement has not ended in time")};
            pause(stop_, wait);
            auto [next, refused] = rest_.get(path());
            if (refused) {
                if (refused->what == refusal_class::not_found)
                    refused->what = refusal_class::other; // the service has forgotten the statement
                return {{}, std::move(refused)};
            }
            answer = std::move(next);
        }
    }

    static refusal why_not(const members& status, const std::string& state) {
        const members error = status.object("error");
        const std::string reason = error.text("message");
        if (state == "CANCELED")
            return refuse(refusal_class::cancelled,
                          "the statement was cancelled" + (reason.empty() ? "" : "; " + reason));
        if (state == "CLOSED") return refuse(refusal_class::other, "the result of the statement is gone");
        return refusal_of_statement(error.text("error_code"), status.text("sql_state"),
                                    reason.empty() ? "the statement failed, and no reason was given" : reason);
    }

    result read_result(const members& answer, std::string& bad) {
        statement_result out;
        const members manifest = answer.object("manifest");
        manifest.object("schema").each("columns", [&](const members& c) { out.columns.push_back(c.text("name")); });
        if (manifest.flag("truncated", false)) return {{}, too_many_rows()};
        const std::optional<std::int64_t> rows = manifest.number("total_row_count");
        std::optional<std::int64_t> next = take_chunk(answer.object("result"), out, bad);
        for (std::int64_t chunk = 0; bad.empty() && next && out.rows.size() <= options_.most_rows;) {
            // The number is a peer's: it must go on, so that this ends.
            if (*next <= chunk || *next > most_chunks) return {{}, not_understood("its chunks are out of order")};
            chunk = *next;
            if (std::chrono::steady_clock::now() >= rest_.deadline())
                return {{}, refuse(refusal_class::unavailable, "the result of the statement has not come in time")};
            auto [answer_of_chunk, refused] = rest_.get(path() + "/result/chunks/" + std::to_string(chunk));
            if (refused) {
                if (refused->what == refusal_class::not_found)
                    refused->what = refusal_class::other; // the service has forgotten the result
                return {{}, std::move(refused)};
            }
            next = take_chunk(members(answer_of_chunk, "", bad), out, bad);
        }
        if (!bad.empty()) return {{}, not_understood(bad)};
        if (out.rows.size() > options_.most_rows) return {{}, too_many_rows()};
        if (rows && *rows != static_cast<std::int64_t>(out.rows.size()))
            return {{},
                    not_understood(std::to_string(*rows) + " rows were announced, and "
                                   + std::to_string(out.rows.size()) + " came")};
        return {std::move(out), {}};
    }

    // Returns the index of the chunk behind this one.
    std::optional<std::int64_t> take_chunk(const members& chunk, statement_result& out, std::string& bad) {
        for (const nlohmann::json& cells : chunk.list("data_array")) {
            if (!cells.is_array() || cells.size() != out.columns.size()) {
                bad = "a row is no array with a value for each of the " + std::to_string(out.columns.size())
                      + " columns";
                return std::nullopt;
            }
            std::vector<std::optional<std::string>>& row = out.rows.emplace_back();
            for (const nlohmann::json& cell : cells) {
                if (!cell.is_null() && !cell.is_string()) {
                    bad = "a value is neither a string nor null";
                    return std::nullopt;
                }
                if (cell.is_string()) bytes_ += cell.get_ref<const std::string&>().size();
                row.push_back(cell.is_null() ? std::nullopt : std::optional(cell.get<std::string>()));
            }
        }
        if (bytes_ > most_bytes) bad = "it has more than " + std::to_string(most_bytes) + " bytes";
        return chunk.number("next_chunk_index");
    }

    refusal too_many_rows() const {
        return refuse(refusal_class::other,
                      "the statement gives more than " + std::to_string(options_.most_rows) + " rows");
    }

    std::string path() const { return std::string(statements_path) + "/" + id_; }
    void cancel() noexcept {
        if (std::exchange(under_way_, false)) rest_.post_last(path() + "/cancel");
    }

    const statement_options& options_;
    const std::stop_token& stop_;
    const std::string& warehouse_id_;
    rest_session rest_;
    std::string id_;
    std::size_t bytes_ = 0; // of the values that came
    bool said_pending_ = false;
    bool under_way_ = false; // as far as is known: it would go on if it were left alone
};

} // namespace

outcome<statement_result> execute(workspace& at, const statement& s, const std::stop_token& stop,
                                  const statement_options& options) {
    return running_statement(at, stop, options).run(s);
}

} // namespace sfcdc::runner::databricks
