#include "../config/config.hpp"
#include "../config/topic_pattern.hpp"
#include "../databricks/table_fit.hpp"
#include "../databricks/table_setup.hpp"
#include "../names.hpp"
#include "../operations/failure.hpp"
#include "../operations/termination.hpp"
#include "../pipeline/hidden_fields.hpp"
#include "../salesforce/discovery.hpp"
#include "../salesforce/org.hpp"
#include "../salesforce/single_calls.hpp"
#include "command_line.hpp"
#include "schema_file.hpp"

#include <sfcdc/row/current_sql.hpp>
#include <sfcdc/row/sql.hpp>
#include <sfcdc/row/typed_layout.hpp>

#include <algorithm>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>
#include <vector>

namespace sfcdc::runner {
namespace {

// What is to be done with tables: `action` is plan, apply, show, current, dedupe or privacy.
struct tables_options {
    std::string action;
    std::filesystem::path config;                        // empty: offline, from schemas alone
    std::vector<std::string> schemas;                    // files (.avsc)
    std::string table = "main.default.{entity}_changes"; // offline: the table of an object
    std::string target; // of the current state; empty: the table's name with _current in place of _changes
    std::string engine = "databricks"; // databricks, spark, duckdb
};

// A table, and the columns that its rows are to have.
struct wanted_table {
    std::string name, entity;
    row::layout columns;
    const pipeline_config* pipeline = nullptr; // null: offline
};

// What is asked for, and where it comes from: the schemas of files, or those that the org has now.
class tables_command {
  public:
    explicit tables_command(const tables_options& options) : options_(options) {
        for (const std::string& file : options.schemas) {
            cdc::plan plan = read_schema(file);
            std::string entity = entity_of(plan);
            plans_[entity].push_back(&read_.emplace_back(std::move(plan)));
        }
        if (!is_zerobus_table(table_of(options.table, "Account")))
            throw failure(exit_code::bad_config,
                          "--table: three parts were expected, each of ASCII letters, digits and "
                          "underscores, as in \"main.crm.{entity}_changes\".");
        if (const std::string into = table_of(options.target, "Account"); !into.empty() && !is_zerobus_table(into))
            throw failure(exit_code::bad_config,
                          "--into: three parts were expected, each of ASCII letters, digits and "
                          "underscores, as in \"main.crm.{entity}_current\".");
        if (!options.config.empty()) config_ = load_config(options.config);
        if (!config_ && plans_.empty())
            throw failure(exit_code::bad_config, "--config or --schema is missing: whose tables are meant?");
        if (!config_ && (options.action == "apply" || options.action == "privacy"))
            throw failure(exit_code::bad_config,
                          "--config is missing: " + options.action + " is about its pipelines.");
    }

    int run() {
        if (options_.action == "privacy") return privacy();
        const std::vector<wanted_table> all = wanted();
        if (!options_.target.empty() && all.size() > 1 && !has_entity(options_.target))
            throw failure(exit_code::bad_config, "--into: there are several tables; put {entity} into the name.");
        for (const wanted_table& t : all) one(t);
        return static_cast<int>(failed_ ? exit_code::refused : exit_code::ok);
    }

  private:
    using schemas = std::vector<const cdc::plan*>; // of one object

    // ---- which tables

    // Returns the pipelines of the configuration. A pattern is one pipeline for each topic that it stands for: by the schemas of the files
    // where there are some, else as the org says.
    const std::deque<pipeline_config>& pipelines() {
        if (!pipelines_.empty()) return pipelines_;
        for (const pipeline_config& p : config_->pipelines) {
            if (!is_pattern(p.topic)) {
                pipelines_.push_back(p);
                continue;
            }
            for (const std::string& topic : topics_of(p)) {
                if (has_pipeline_of_its_own(*config_, config_->salesforce.at(p.salesforce).written, topic)) continue;
                found_topics_.insert(topic);
                pipelines_.push_back(of_topic(p, topic));
            }
        }
        if (pipelines_.empty())
            throw failure(exit_code::refused,
                          "The org has no topic that the patterns of this configuration stand for.");
        return pipelines_;
    }
    std::vector<std::string> topics_of(const pipeline_config& pattern) {
        std::vector<std::string> out;
        for (const auto& [entity, plans] : plans_)
            if (const std::string topic = topic_of(entity).name; follows(pattern.topic, topic)) out.push_back(topic);
        if (!plans_.empty()) return out;
        const salesforce_config& config = config_->salesforce.at(pattern.salesforce);
        const salesforce::session session = org_of(pattern).session(stop()).credential;
        auto [service, unknown] = salesforce::look_at_rest_service(config, session.instance_url, stop());
        if (unknown) throw salesforce::cannot_list(*unknown, "its API versions", config.section);
        salesforce::rest rest(config, session, service.newest_version, stop());
        auto [topics, refused] = salesforce::topics_of_pattern(rest, pattern.topic);
        if (refused) throw salesforce::cannot_list(*refused, "the topics of " + pattern.topic, config.section);
        salesforce::single_calls calls(config, session);
        std::erase_if(topics, [&](const std::string& topic) { return !calls.why_not_subscribable(topic).empty(); });
        return topics;
    }
    salesforce::org& org_of(const pipeline_config& p) {
        auto& org = orgs_[p.salesforce];
        if (!org) {
            org = std::make_unique<salesforce::org>(config_->salesforce.at(p.salesforce));
            (void)org->session(stop());
        }
        return *org;
    }

    std::vector<wanted_table> wanted() {
        std::vector<wanted_table> out;
        if (!config_)
            for (const auto& [entity, plans] : plans_)
                out.push_back({table_of(options_.table, entity), entity, typed(entity, plans, nullptr)});
        if (config_)
            for (const pipeline_config& p : pipelines())
                if (p.sink == sink_kind::zerobus) add(p, out);
        if (out.empty())
            throw failure(exit_code::bad_config, "There is no table of Databricks in this configuration.");
        return out;
    }
    void add(const pipeline_config& p, std::vector<wanted_table>& out) {
        if (!p.typed && !has_entity(p.table)) return out.push_back({p.table, "", p.layout, &p});
        for (const auto& [entity, plans] : plans_of(p))
            out.push_back({table_of(p.table, entity), entity, p.typed ? typed(entity, plans, &p) : p.layout, &p});
    }
    // The columns of all schemas of an object, without the fields that the pipeline hides.
    row::layout typed(const std::string& entity, const schemas& plans, const pipeline_config* p) {
        row::layout all;
        for (const cdc::plan* const whole : plans) {
            const cdc::plan& plan = p == nullptr ? *whole : hidden(*p, *whole);
            const auto [columns, bad] = row::typed_layout(plan);
            std::string field;
            if (bad.code == errc::column_names_collide) field = ": " + std::string(plan.name({bad.offset}));
            if (bad) throw failure(exit_code::bad_config, entity + ": " + bad.message() + field + ".");
            all = all.columns().empty() ? columns : row::widened(all, columns);
        }
        return all;
    }

    // By the entities of files where there are some; else as the org says.
    std::map<std::string, schemas> plans_of(const pipeline_config& p) {
        std::map<std::string, schemas> out = plans_;
        if (found_topics_.contains(p.topic))
            std::erase_if(out, [&](const auto& of) { return topic_of(of.first).name != p.topic; });
        if (!plans_.empty()) return out;
        std::vector<std::string> topics;
        for (const std::string& entity : p.filter.entities) topics.push_back(topic_of(entity).name);
        if (topics.empty()) topics.push_back(p.topic);
        for (const std::string& topic : topics) {
            const cdc::plan& plan = plan_of_topic(p, topic);
            out[entity_of(plan)] = {&plan};
        }
        return out;
    }
    const cdc::plan& plan_of_topic(const pipeline_config& p, const std::string& topic) {
        salesforce::org& org = org_of(p);
        const std::string id = org.check_topic(topic, stop());
        if (id.empty())
            throw failure(exit_code::bad_config, topic
                                                     + " has events of several objects, whose schemas are not known: "
                                                       "name them in [[pipeline]] entities, or give --schema.");
        try {
            return fetched_.emplace_back(org.schema(id, stop()))->plan;
        } catch (const salesforce::no_schema& none) {
            throw failure(exit_code::refused,
                          "Salesforce does not give the schema of " + topic + ": " + none.reason + ".");
        }
    }
    // Without the fields that the pipeline hides.
    const cdc::plan& hidden(const pipeline_config& p, const cdc::plan& whole) {
        hidden_fields hide(p.privacy, p.topic);
        return hide.any() ? hidden_.emplace_back(hide.in(whole))->plan : whole;
    }

    // ---- what is done with one

    void one(const wanted_table& t) {
        if (options_.action == "current") return current(t);
        if (options_.action == "dedupe") return dedupe(t);
        if (options_.action == "show") columns(t);
        if (!config_) {
            if (options_.action == "plan") std::cout << row::create_table_sql(t.columns, t.name) << ";\n";
            return;
        }
        const bool apply = options_.action == "apply";
        const auto [state, refused] = databricks::set_up_table(workspace_of(*t.pipeline), t.name, t.columns,
                                                               {.create = apply, .widen = apply}, stop());
        if (refused && refused->what == databricks::refusal_class::not_found && !apply) {
            std::cout << "-- " << t.name << ": is missing\n";
            if (options_.action == "plan") std::cout << row::create_table_sql(t.columns, t.name) << ";\n";
            return;
        }
        if (refused) return wrong(t, refused->message);
        if (state.created) std::cout << "-- " << t.name << ": is made\n";
        if (state.widened) std::cout << "-- " << t.name << ": has got its new columns\n";
        if (state.not_widened) wrong(t, state.not_widened->message);
        const databricks::table_fit fit = databricks::fit(t.columns, state.table);
        if (fit.differences.empty() && !state.created && !state.widened)
            std::cout << "-- " << t.name << ": is as it should be\n";
        for (const databricks::difference& d : fit.differences) {
            std::cout << "-- " << t.name << ": " << d.what << '\n';
            if (!d.statement.empty()) std::cout << d.statement << ";\n";
        }
        failed_ = failed_ || (apply && fit.blocked());
    }
    void wrong(const wanted_table& t, const std::string& why) {
        std::cerr << t.name << ": " << why << '\n';
        failed_ = true;
    }
    static void columns(const wanted_table& t) {
        std::cout << "-- " << t.name << '\n';
        for (const row::column& c : t.columns.columns())
            std::cout << c.name << '\t' << row::sql_type(c) << '\t'
                      << (c.source == row::column_source::field ? c.field : std::string(to_string(c.source))) << '\n';
    }

    std::string target_of(const wanted_table& t, const std::string& ending) const {
        if (!options_.target.empty()) return table_of(options_.target, t.entity);
        const bool changes = t.name.ends_with("_changes");
        return (changes ? t.name.substr(0, t.name.size() - 8) : t.name) + ending;
    }
    row::sql_dialect dialect() const {
        return options_.engine == "duckdb" ? row::sql_dialect::duckdb : row::sql_dialect::databricks;
    }
    // Those of the table, which may lack some that are wanted, and keeps those of fields that the object has no more.
    row::layout columns_of_table(const wanted_table& t) {
        if (t.pipeline == nullptr) return t.columns;
        const auto [table, refused] = databricks::describe_table(workspace_of(*t.pipeline), t.name, stop());
        if (refused && refused->what == databricks::refusal_class::not_found) return t.columns; // it is not made yet
        if (refused) throw failure(exit_code::refused, t.name + ": " + refused->message + ".");
        const row::layout there = databricks::fit(t.columns, table).rows;
        std::vector<row::column> others;
        for (const databricks::column_description& c : table.columns) {
            auto column = row::read_sql_type(c.type_text);
            if (!column || c.name.starts_with("_sf_")) continue;
            column->name = column->field = c.name;
            others.push_back(std::move(*column));
        }
        return row::widened(there, row::layout::make(std::move(others), there.rows()).value);
    }
    void current(const wanted_table& table) {
        const wanted_table t{table.name, table.entity, columns_of_table(table), table.pipeline};
        const std::string target = target_of(t, "_current");
        const std::string text = options_.engine == "databricks"
                                     ? row::auto_cdc_sql(t.columns, t.name, target)
                                     : row::create_current_table_sql(t.columns, target, dialect()) + ";\n\n"
                                           + row::merge_sql(t.columns, t.name, t.name, target, dialect()) + ";\n";
        if (!t.columns.has_fields())
            return wrong(t, "its layout has no columns of fields; only typed tables have a current state");
        std::cout << text;
    }
    void dedupe(const wanted_table& t) {
        const std::string text = row::dedupe_view_sql(t.columns, t.name, target_of(t, "_unique"), dialect());
        if (text.empty()) return wrong(t, "its columns do not say which rows are the same");
        std::cout << text << ";\n";
    }

    // ---- privacy

    int privacy() {
        for (const pipeline_config& p : pipelines()) {
            for (const auto& [entity, plans] : plans_of(p)) {
                const cdc::plan* const plan = plans.back();
                hidden_fields hide(p.privacy, p.topic);
                const auto hidden = hide.any() ? hide.in(*plan) : nullptr;
                const std::string table = p.sink == sink_kind::ndjson ? p.path.string() : table_of(p.table, entity);
                for (std::uint32_t f = plan->has_header() ? 1 : 0; f < plan->field_count(); ++f) {
                    const auto say = [&](avro::field field) {
                        const bool absent = hidden && !hidden->plan[field].wanted;
                        const bool token = hidden && !absent && hidden->tokens
                                           && std::ranges::any_of(hidden->tokens->replaced(), [&](avro::field other) {
                                                  return other.number == field.number;
                                              });
                        std::cout << table << '\t' << plan->name(field) << '\t'
                                  << (absent  ? "absent"
                                      : token ? "token"
                                              : "plain")
                                  << '\n';
                    };
                    say({f});
                    for (std::uint32_t c = 0; c < (*plan)[{f}].child_count; ++c) say(plan->child({f}, c));
                }
                for (const std::string& warning : hide.take_warnings())
                    std::cerr << p.label << ": " << warning << '\n';
            }
        }
        return 0;
    }

    databricks::workspace& workspace_of(const pipeline_config& p) {
        auto& at = workspaces_[p.databricks];
        if (!at) at = std::make_unique<databricks::workspace>(config_->databricks.at(p.databricks));
        return *at;
    }
    static std::stop_token stop() { return {}; } // a signal ends the process, and every statement is safe to repeat

    const tables_options& options_;
    std::optional<config> config_;
    std::deque<cdc::plan> read_;           // of files
    std::map<std::string, schemas> plans_; // the same by entity
    std::vector<std::shared_ptr<const salesforce::event_schema>> fetched_;
    std::vector<std::unique_ptr<const hidden_fields::of_schema>> hidden_;
    std::deque<pipeline_config> pipelines_;
    std::set<std::string> found_topics_; // of patterns
    std::map<std::string, std::unique_ptr<salesforce::org>> orgs_;
    std::map<std::string, std::unique_ptr<databricks::workspace>> workspaces_;
    bool failed_ = false;
};

} // namespace

void add_tables(command_line& to) {
    CLI::App* const command = to.app.add_subcommand(
        "tables", "The tables of a configuration, or of schemas alone: what they are and should be");
    command->require_subcommand(1);
    const auto options = std::make_shared<tables_options>();
    const auto add = [&](CLI::App* under, const char* name, const char* help) {
        CLI::App* const action = under->add_subcommand(name, help);
        action->add_option("--config", options->config, "The configuration (TOML); without it nothing is connected");
        action->add_option("--schema", options->schemas, "An Avro schema of events (.avsc); may be given again");
        action->add_option("--table", options->table, "Without --config: the table of an object")
            ->capture_default_str();
        action->callback([&to, options, name] {
            options->action = name;
            to.chosen = [options] { return tables_command(*options).run(); };
        });
        return action;
    };
    add(command, "plan", "Print the SQL that would make and widen the tables");
    add(command, "apply", "Make and widen the tables");
    add(command, "show", "Print the columns of the rows, and in what the tables differ");
    add(command, "privacy", "Print which field of which table is plain, a token or absent");
    CLI::App* const sql = command->add_subcommand("sql", "Print SQL on typed tables");
    sql->require_subcommand(1);
    for (const auto& [name, help] : {std::pair{"current", "The current state of the records, deleted ones gone"},
                                     {"dedupe", "A view without the rows that came twice"}}) {
        CLI::App* const action = add(sql, name, help);
        action->add_option("--into", options->target, "The table or view that is made");
        action->add_option("--engine", options->engine, "Whose SQL")
            ->check(CLI::IsMember({"databricks", "spark", "duckdb"}))
            ->capture_default_str();
    }
}

} // namespace sfcdc::runner
