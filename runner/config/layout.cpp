#include "../names.hpp"
#include "parts.hpp"

#include <sfcdc/row/typed_layout.hpp>

#include <string>
#include <vector>

namespace sfcdc::runner {
namespace {

// The columns of a typed table that are in front of its fields.
row::layout typed_layout() { return row::layout::make(row::bookkeeping_columns(), row::granularity::record).value; }

} // namespace

row::layout read_layout(const section& s, bool& typed) {
    using make = row::layout (*)();
    const make chosen = s.choice<make>("layout", false,
                                       {{"salesforce_zerobus", row::layout::salesforce_zerobus},
                                        {"lakeflow", row::layout::lakeflow},
                                        {"sfcdc", row::layout::sfcdc},
                                        {"typed", typed_layout}},
                                       row::layout::salesforce_zerobus);
    typed = chosen == typed_layout;
    row::layout l = chosen();
    if (typed) return l; // it is not for the configuration to change
    const auto apply = [&](std::string_view key, const auto& change, const std::vector<std::string>& names) {
        const std::vector<std::string_view> views(names.begin(), names.end());
        auto [changed, bad] = change(views);
        if (bad)
            s.wrong(key, "\"" + names[bad.offset] + "\": " + std::string(bad.message()));
        else
            l = std::move(changed);
    };
    if (const auto names = s.texts("columns"); !names.empty())
        apply("columns", [&](const auto& v) { return l.only(v); }, names);
    apply("exclude", [&](const auto& v) { return l.without(v); }, s.texts("exclude"));
    if (s.has("rename")) {
        const toml::table* const pairs = s.table().get("rename")->as_table();
        if (pairs == nullptr) return s.wrong("rename", "a table was expected, as in { record_data = \"data\" }"), l;
        for (const auto& [from, to] : *pairs) {
            if (!to.is_string()) {
                s.wrong("rename", to, "a string was expected");
                continue;
            }
            const std::string name = s.in().expand(to.as_string()->get(), to.source(), "[pipeline] rename");
            apply("rename", [&](const auto&) { return l.renamed(from.str(), name); }, {std::string(from.str())});
        }
    }
    if (l.columns().empty()) s.wrong_section("no column is left");
    std::set<std::string> taken; // neither SQLite nor Delta tells names apart by their case
    for (const row::column& c : l.columns())
        if (!taken.insert(in_small_letters(std::string(c.name))).second)
            s.wrong("rename", "two columns are named \"" + std::string(c.name) + "\", but for the case");
    return l;
}

void read_tables(const section& s, pipeline_config& c, const config& all) {
    const bool zerobus = c.sink == sink_kind::zerobus;
    const auto workspace = all.databricks.find(c.databricks);
    const bool has_warehouse = workspace != all.databricks.end() && !workspace->second.warehouse_id.empty();
    c.create = s.flag("create", zerobus && has_warehouse);
    c.evolve = s.choice<evolve_mode>(
        "evolve", false, {{"auto", evolve_mode::auto_}, {"plan", evolve_mode::plan}, {"freeze", evolve_mode::freeze}},
        has_warehouse ? evolve_mode::auto_ : evolve_mode::plan);
    c.evolve_interval = std::chrono::seconds(s.number("evolve_interval", 0, 86'400, c.evolve_interval.count()));
    c.plan_file =
        s.text("plan_file", false, (c.checkpoint.empty() ? c.dead_letters : c.checkpoint).string() + ".plan.sql");
    useless(s, "create", !zerobus, "sfcdc makes tables of the zerobus sink; a database has its table in any case");
    for (const char* const key : {"evolve", "evolve_interval", "plan_file"})
        useless(s, key, !c.typed, "only tables of layout = \"typed\" follow a schema");
    if (zerobus && !has_warehouse) {
        const std::string of = workspace == all.databricks.end() ? "[databricks]" : workspace->second.section;
        if (c.create) s.wrong("create", "a table is made by a SQL warehouse; " + of + " warehouse_id is missing");
        if (c.typed && c.evolve == evolve_mode::auto_)
            s.wrong("evolve", "a table gets columns by a SQL warehouse; " + of + " warehouse_id is missing");
    }
    if (!c.typed) return;
    if (!zerobus) s.wrong("layout", "typed tables are of the zerobus sink");
    for (const char* const key : {"columns", "exclude", "rename"})
        useless(s, key, true, "the columns of a typed table are those of the event's schema");
    useless(s, "schema_json_every", true, "a typed table has no column for it");
    const bool several = c.topic == "/data/ChangeEvents" || c.topic.ends_with("__chn");
    if (several && !has_entity(c.table))
        s.wrong("table", "a typed table has the fields of one object, and this topic has events of several; put "
                         "{entity} into the name, as in \"main.crm.{entity}_changes\"");
}

} // namespace sfcdc::runner
