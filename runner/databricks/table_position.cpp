#include "table_position.hpp"

#include "../names.hpp"
#include "../operations/failure.hpp"
#include "statement.hpp"
#include "tables.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/sql.hpp>
#include <sfcdc/wire/base64.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace sfcdc::runner::databricks {
namespace {

using row::column_source;

// Rows of tables without commit numbers: so many, the newest by their time, are decoded, and the newest of them by its commit counts.
constexpr int rows_of_a_time = 100;

// What stands in the comment of a table that sfcdc has made.
constexpr std::string_view made_here = "sfcdc";

// Milliseconds since 1970. Rows that are older were there before any pipeline of this process had written.
const std::int64_t process_start =
    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();

// An event in the order of the topic.
struct place {
    std::int64_t commit_number = 0, sequence_number = 0;
    pubsub::replay_id replay_id{};
    bool operator<(const place& other) const {
        return std::tie(commit_number, sequence_number) < std::tie(other.commit_number, other.sequence_number);
    }
};

std::optional<std::int64_t> number_of(const std::optional<std::string>& text) {
    std::int64_t n = 0;
    if (!text) return std::nullopt;
    const auto [end, bad] = std::from_chars(text->data(), text->data() + text->size(), n);
    return bad == std::errc() && end == text->data() + text->size() ? std::optional(n) : std::nullopt;
}

// "/data/AccountChangeEvent" has events of Account alone, "/data/Invoice__ChangeEvent" of Invoice__c; empty for other topics.
std::string entity_of(const std::string& topic) {
    constexpr std::string_view folder = "/data/";
    return topic.starts_with(folder) ? entity_of_change_event(topic.substr(folder.size())) : std::string();
}

class search {
  public:
    search(workspace& at, const pipeline_config& pipeline, const position_owner& owner, const std::stop_token& stop)
        : at_(at), pipeline_(pipeline), owner_(owner), stop_(stop) {
        for (const row::column& c : pipeline.layout.columns()) names_.emplace(c.source, row::sql_identifier(c.name));
    }

    outcome<table_position> run() {
        const bool ordered = has(column_source::commit_number) && has(column_source::sequence_number);
        const bool in_payloads =
            has(column_source::payload) && has(column_source::commit_ms) && has(column_source::schema_id);
        const bool change_events = owner_.topic.starts_with("/data/"); // others have no commit numbers
        if (!change_events || !has(column_source::replay_id_hex) || (!ordered && !in_payloads))
            return {{.said = "there is no stored position, and the columns of its rows cannot show one"}, {}};
        auto [tables, refused] = tables_of_pipeline();
        if (refused) return {{}, std::move(refused)};
        std::optional<place> least;
        std::size_t empty = 0;
        for (const std::string& table : tables) {
            if (pipeline_.typed && !is_ours(table)) continue;
            auto [newest, no] = ordered ? newest_by_columns(table) : newest_by_payloads(table);
            if (no && no->what == refusal_class::not_found) {
                ++empty; // whose first rows may have been on their way
                continue;
            }
            if (no && listed_ && no->what == refusal_class::invalid)
                continue; // a table of others, without our columns
            if (no) no->message = table + ": " + no->message;
            if (no) return {{}, std::move(no)};
            if (!newest)
                ++empty;
            else if (!least || *newest < *least)
                least = std::move(newest);
        }
        if (!least && !too_few_) return {};
        table_position out{.earliest_if_unknown = tables.size() > 1, .said = {}};
        if (empty > 0) { // rows of it may have been on their way when others were durable already
            out.earliest_if_unknown = true;
            out.said = "there is no stored position, and " + std::to_string(empty)
                       + " of its tables have too few rows to tell one: starting from earliest; rows that are there "
                         "come twice";
        } else {
            out.said = "there is no stored position; going on behind the rows of "
                       + (tables.size() == 1 ? tables.front() : std::to_string(tables.size()) + " tables")
                       + ", after " + least->replay_id.hex() + "; the newest rows may come twice";
            out.position = std::move(least->replay_id);
        }
        return {std::move(out), {}};
    }

  private:
    using newest_place = outcome<std::optional<place>>;

    bool has(column_source source) const { return names_.contains(source); }
    const std::string& name(column_source source) const { return names_.at(source); }

    [[noreturn]] void cannot_tell(const std::string& table, const std::string& why) const {
        throw failure(exit_code::needs_decision,
                      pipeline_.label + ": there is no stored position, and the order of the rows in " + table
                          + " cannot be told (" + why
                          + "). Put the stored position back, or run once with --from earliest (all that Salesforce "
                            "still has: rows may come twice) or --from latest (only what is new).");
    }

    // Typed rows do not say of which org and topic they are; the table does, if this pipeline has made it.
    bool is_ours(const std::string& table) {
        const auto [there, refused] = describe_table(at_, table, stop_);
        if (refused) return true; // the query will tell why not
        const auto said = there.properties.find(source_property);
        if (said == there.properties.end()) {
            const bool typed = std::any_of(there.columns.begin(), there.columns.end(),
                                           [](const column_description& c) { return c.name == "_sf_replay_id"; });
            if (!typed) return false;
            cannot_tell(table, std::string("it has no property ") + source_property + " with org and topic");
        }
        if (said->second != owner_.org_id + " " + owner_.topic) cannot_tell(table, "its rows are of " + said->second);
        return true;
    }

    outcome<std::vector<std::string>> tables_of_pipeline() {
        std::vector<std::string> out;
        if (!has_entity(pipeline_.table)) return {{pipeline_.table}, {}};
        if (const std::string entity = entity_of(owner_.topic); !entity.empty())
            return {{table_of(pipeline_.table, entity)}, {}};
        if (!pipeline_.filter.entities.empty()) {
            for (const std::string& entity : pipeline_.filter.entities)
                out.push_back(table_of(pipeline_.table, entity));
            return {std::move(out), {}};
        }
        const std::string one = table_of(pipeline_.table, "X");
        const std::size_t first = one.find('.'), second = one.rfind('.');
        if (has_entity(pipeline_.table.substr(0, pipeline_.table.rfind('.'))))
            cannot_tell(pipeline_.table, "its schemas cannot be listed");
        auto [all, refused] =
            list_tables(at_, one.substr(0, first), one.substr(first + 1, second - first - 1), stop_);
        if (refused && refused->what == refusal_class::not_found) return {};
        if (refused) return {{}, std::move(refused)};
        const std::size_t at = pipeline_.table.find("{entity}");
        const std::string before = in_small_letters(pipeline_.table.substr(0, at)),
                          behind = in_small_letters(pipeline_.table.substr(at + 8));
        listed_ = true;
        for (const std::string& table : all) {
            const std::string small = in_small_letters(table);
            if (small.size() > before.size() + behind.size() && small.starts_with(before) && small.ends_with(behind))
                out.push_back(table);
        }
        return {std::move(out), {}};
    }

    // The rows of this topic and org, as far as the columns say it, and without those of one event.
    statement narrowed(std::string text, const std::string& without = {}) const {
        statement s{std::move(text)};
        const char* word = " WHERE ";
        const auto only = [&](column_source source, const char* parameter, const std::string& value) {
            if (!has(source)) return;
            s.text += std::exchange(word, " AND ") + name(source) + " = :" + parameter;
            s.parameters.push_back({parameter, value});
        };
        only(column_source::org_id, "org_id", owner_.org_id);
        only(column_source::topic_name, "topic", owner_.topic);
        if (has(column_source::snapshot_id))
            s.text += std::exchange(word, " AND ") + name(column_source::snapshot_id) + " IS NULL";
        if (const std::string entity = entity_of(owner_.topic); !entity.empty())
            only(column_source::entity_name, "entity", entity);
        if (without.empty()) return s;
        s.text += std::exchange(word, " AND ") + name(column_source::replay_id_hex) + " <> :without";
        s.parameters.push_back({"without", without});
        return s;
    }

    newest_place newest_by_columns(const std::string& table) {
        std::string order;
        for (const column_source source : {column_source::epoch, column_source::commit_number,
                                           column_source::sequence_number, column_source::record_ordinal})
            if (has(source)) order += (order.empty() ? "struct(" : ", ") + name(source);
        order += ")";
        std::string items;
        for (const column_source source :
             {column_source::replay_id_hex, column_source::commit_number, column_source::sequence_number})
            items += (items.empty() ? "max_by(" : ", max_by(") + name(source) + ", " + order + ")";
        const std::string select = "SELECT " + items + " FROM " + row::sql_table_name(table);
        auto [newest, refused] = one_place(table, narrowed(select));
        // Not all rows of the newest event need be there.
        if (refused || !newest || pipeline_.layout.rows() == row::granularity::event)
            return {std::move(newest), std::move(refused)};
        auto before = one_place(table, narrowed(select, newest->replay_id.hex()));
        too_few_ = too_few_ || (!before.refused && !before.value);
        return before;
    }
    newest_place one_place(const std::string& table, const statement& s) {
        auto [answer, refused] = execute(at_, s, stop_);
        if (refused) return {{}, std::move(refused)};
        if (answer.rows.size() != 1 || answer.rows[0].size() != 3) cannot_tell(table, "the answer has another form");
        const auto& cells = answer.rows[0];
        if (!cells[0]) return {};
        const auto commit = number_of(cells[1]), sequence = number_of(cells[2]);
        auto [id, bad] = pubsub::replay_id::from_hex(*cells[0]);
        if (!commit || !sequence) cannot_tell(table, "rows lack a commit number");
        if (bad || id.empty()) cannot_tell(table, *cells[0] + " is no replay id");
        return {place{*commit, *sequence, std::move(id)}, {}};
    }

    // The time in these rows may be that of the writer's clock, so that the newest by it need not be the newest; and rows of one
    // transaction share their commit time. Replay ids are not promised to be in order, and only choose among rows of one time.
    statement newest_payloads(const std::string& table, bool with_schemas) const {
        statement s = narrowed("SELECT " + name(column_source::replay_id_hex) + ", base64("
                               + name(column_source::payload) + "), " + name(column_source::schema_id)
                               + (with_schemas ? ", " + name(column_source::schema_json) : "") + " FROM "
                               + row::sql_table_name(table));
        s.text += " ORDER BY " + name(column_source::commit_ms) + " DESC, " + name(column_source::replay_id_hex)
                  + " DESC LIMIT " + std::to_string(rows_of_a_time);
        return s;
    }
    static bool may_be_too_large(refusal_class what) {
        using enum refusal_class;
        return what == other || what == invalid || what == cancelled || what == throttled;
    }
    newest_place newest_by_payloads(const std::string& table) {
        // The Python library writes the schema into each row, so that one statement is enough. A result with a hundred very large
        // schemas can be more than the service gives, which says so in one way or another.
        const bool with_schemas = has(column_source::schema_json);
        auto found = execute(at_, newest_payloads(table, with_schemas), stop_);
        if (with_schemas && found.refused && may_be_too_large(found.refused->what))
            found = execute(at_, newest_payloads(table, false), stop_);
        if (found.refused) return {{}, std::move(found.refused)};
        const statement_result& answer = found.value;
        if (answer.rows.empty()) return none_of_ours(table);
        if (entity_of(owner_.topic).empty() && owner_.topic != "/data/ChangeEvents"
            && !has(column_source::topic_name))
            cannot_tell(table, "its rows do not say of which topic they are");
        std::map<std::string, std::string> schemas; // by id
        for (const auto& cells : answer.rows)
            if (cells.size() == 4 && cells[2] && cells[3] && !cells[3]->empty())
                schemas.emplace(*cells[2], *cells[3]);
        std::set<std::string> entities;
        std::map<std::string, cdc::plan> plans; // by schema id
        std::optional<place> newest;
        cdc::decoder decoder;
        for (const auto& cells : answer.rows) {
            if (cells.size() < 3 || !cells[0] || !cells[1] || !cells[2])
                cannot_tell(table, "a row lacks its payload or schema id");
            const auto [plan, fresh] = plans.try_emplace(*cells[2]);
            if (fresh)
                if (auto bad = read_plan(table, *cells[2], schemas[*cells[2]], plan->second))
                    return {{}, std::move(bad)};
            const auto [payload, bad_text] = wire::from_base64(*cells[1]);
            const auto [event, bad] = decoder.decode(plan->second, payload);
            auto [id, bad_id] = pubsub::replay_id::from_hex(*cells[0]);
            if (bad_text || bad || !event.has_header()) cannot_tell(table, "a row's payload cannot be decoded");
            if (bad_id || id.empty()) cannot_tell(table, *cells[0] + " is no replay id");
            entities.emplace(event.header().entity_name());
            place here{event.header().commit_number(), event.header().sequence_number(), std::move(id)};
            if (!newest || *newest < here) newest = std::move(here);
        }
        if (entity_of(owner_.topic).empty() && entities.size() == 1)
            cannot_tell(table, "all of its newest rows are of " + *entities.begin()
                                   + ", as a topic of that object alone would write them");
        return {std::move(newest), {}};
    }
    // sfcdc writes the schema into some rows only: then it is looked for.
    std::optional<refusal> read_plan(const std::string& table, const std::string& schema_id, std::string& schema,
                                     cdc::plan& plan) {
        if (!has(column_source::schema_json))
            cannot_tell(table, "there is no column with the schemas of its payloads");
        if (schema.empty()) {
            auto [answer, refused] =
                execute(at_,
                        {"SELECT max(" + name(column_source::schema_json) + ") FROM " + row::sql_table_name(table)
                             + " WHERE " + name(column_source::schema_id) + " = :schema_id",
                         {{"schema_id", schema_id}}},
                        stop_);
            if (refused) return std::move(refused);
            if (answer.rows.size() != 1 || answer.rows[0].size() != 1 || answer.rows[0][0].value_or("").empty())
                cannot_tell(table, "no row has the schema " + schema_id);
            schema = std::move(*answer.rows[0][0]);
        }
        auto [made, bad] = cdc::compile(schema);
        if (bad) cannot_tell(table, "the schema " + schema_id + " cannot be read: " + std::string(bad.message()));
        plan = std::move(made);
        return std::nullopt;
    }
    // A table without rows of this org and object. One that sfcdc has made may be shared by pipelines, and so may one whose rows were
    // written since this process began. Any other is taken over from somebody, who has filled it with something else.
    newest_place none_of_ours(const std::string& table) {
        if (!has(column_source::org_id) || !has(column_source::entity_name) || !has(column_source::received_ms))
            return {};
        const std::string& written = name(column_source::received_ms);
        auto [answer, refused] =
            execute(at_,
                    {"SELECT " + name(column_source::org_id) + ", " + name(column_source::entity_name) + " FROM "
                         + row::sql_table_name(table) + " WHERE " + written + " < :start ORDER BY " + written
                         + " DESC LIMIT 1",
                     {{"start", std::to_string(process_start), "BIGINT"}}},
                    stop_);
        if (refused) return {{}, std::move(refused)};
        if (answer.rows.empty()) return {};
        const auto [there, not_described] = describe_table(at_, table, stop_);
        if (!not_described && there.comment.find(made_here) != std::string::npos) return {};
        const auto& cells = answer.rows[0];
        const std::string entity = entity_of(owner_.topic);
        cannot_tell(table, "it has rows, the newest of them of " + cells.at(1).value_or("no object") + " in the org "
                               + cells.at(0).value_or("without an id") + ", and none of "
                               + (entity.empty() ? "" : entity + " in ") + "the org " + owner_.org_id);
    }

    workspace& at_;
    const pipeline_config& pipeline_;
    const position_owner& owner_;
    const std::stop_token& stop_;
    std::map<column_source, std::string> names_;
    bool listed_ = false;  // its tables were found by their names
    bool too_few_ = false; // a table has rows of one event alone
};

} // namespace

outcome<table_position> position_of_tables(workspace& at, const pipeline_config& pipeline,
                                           const position_owner& owner, const std::stop_token& stop) {
    return search(at, pipeline, owner, stop).run();
}

} // namespace sfcdc::runner::databricks
