#include "tables.hpp"

#include "../io/http.hpp"
#include "../operations/log.hpp"
#include "answers.hpp"

#include <algorithm>
#include <utility>

namespace sfcdc::runner::databricks {
namespace {

// type_json holds the column as Spark writes a StructField; its metadata are those of the Delta table. A text of another form, which
// older or foreign tables may have, says nothing.
void read_metadata(const std::string& type_json, column_description& column) {
    const auto field = read_object(type_json);
    if (!field) return;
    std::string ignored;
    const members metadata = members(*field, "", ignored).object("metadata");
    column.generation_expression = metadata.text("delta.generationExpression");
    column.identity = metadata.has("delta.identity.start");
}

// `place` is where it stands in the answer, which is its position where none is said.
column_description read_column(const members& m, std::int64_t place) {
    column_description c;
    c.name = m.text("name");
    if (c.name.empty()) m.complain("name", "a name");
    c.type_text = m.text("type_text");
    c.type_name = m.text("type_name");
    c.nullable = m.flag("nullable", true);
    c.position = m.number("position").value_or(place);
    c.comment = m.text("comment");
    c.partition = m.has("partition_index");
    c.masked = m.has("mask");
    read_metadata(m.text("type_json"), c);
    return c;
}

table_description read_table(const members& m) {
    table_description t;
    t.full_name = m.text("full_name");
    if (t.full_name.empty()) m.complain("full_name", "a name");
    t.table_id = m.text("table_id");
    t.table_type = m.text("table_type");
    t.data_source_format = m.text("data_source_format");
    t.owner = m.text("owner");
    t.comment = m.text("comment");
    t.pipeline_id = m.text("pipeline_id");
    t.row_filter = m.has("row_filter");
    const members properties = m.object("properties");
    for (const auto& [name, value] : properties.json().items())
        if (!value.is_null()) t.properties.emplace(name, properties.text(name.c_str()));
    m.each("columns", [&](const members& c) {
        t.columns.push_back(read_column(c, static_cast<std::int64_t>(t.columns.size())));
    });
    std::sort(t.columns.begin(), t.columns.end(),
              [](const auto& a, const auto& b) { return a.position < b.position; });
    return t;
}

} // namespace

outcome<table_description> describe_table(workspace& at, const std::string& full_name, const std::stop_token& stop,
                                          const rest_options& options) {
    auto [answer, refused] =
        rest_session(at, options, stop).get("/api/2.1/unity-catalog/tables/" + http::percent_encoded(full_name));
    if (refused) return {{}, std::move(refused)};
    std::string bad;
    table_description table = read_table(members(answer, "", bad));
    if (!bad.empty())
        return {{},
                refusal{refusal_class::other,
                        {},
                        {},
                        log::one_line("the description of " + full_name + " cannot be understood: " + bad)}};
    return {std::move(table), {}};
}

outcome<std::vector<std::string>> list_tables(workspace& at, const std::string& catalog, const std::string& schema,
                                              const std::stop_token& stop, const rest_options& options) {
    constexpr std::size_t most_tables = 10'000, most_pages = 1'000;
    const auto refuse = [&](const std::string& why) {
        return refusal{refusal_class::other, {}, {}, log::one_line("the tables of " + catalog + "." + schema + why)};
    };
    std::vector<std::string> all;
    std::string page;
    rest_session session(at, options, stop);
    for (std::size_t pages = 0; pages < most_pages; ++pages) {
        auto [answer, refused] =
            session.get("/api/2.1/unity-catalog/tables?catalog_name=" + http::percent_encoded(catalog)
                        + "&schema_name=" + http::percent_encoded(schema) + "&omit_columns=true&omit_properties=true"
                        + (page.empty() ? "" : "&page_token=" + http::percent_encoded(page)));
        if (refused) return {{}, std::move(refused)};
        std::string bad;
        const members m(answer, "", bad);
        m.each("tables", [&](const members& t) { all.push_back(t.text("full_name")); });
        page = m.text("next_page_token");
        if (!bad.empty()) return {{}, refuse(" cannot be understood: " + bad)};
        if (page.empty()) return {std::move(all), {}};
        if (all.size() > most_tables) break;
    }
    return {{}, refuse(" are too many to be listed")};
}

} // namespace sfcdc::runner::databricks
