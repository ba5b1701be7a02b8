#include "config.hpp"

#include "../disk/durable_file.hpp"
#include "../disk/lock.hpp"
#include "../names.hpp"
#include "options.hpp"
#include "parts.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace sfcdc::runner {
namespace {

// "256 MiB", "1 GiB".
std::size_t memory_limit(const section& top, std::size_t otherwise) {
    if (!top.has("memory_limit")) return otherwise;
    const std::string said = top.text("memory_limit", true);
    std::uint64_t n = 0;
    const auto [end, bad] = std::from_chars(said.data(), said.data() + said.size(), n);
    const std::string_view unit(end, static_cast<std::size_t>(said.data() + said.size() - end));
    const unsigned shift = unit == " MiB" ? 20 : unit == " GiB" ? 30 : 0;
    if (bad == std::errc() && shift != 0 && n != 0 && n <= std::uint64_t{1'048'576} >> (shift - 20)
        && (n << shift) >= (16u << 20))
        return n << shift;
    top.wrong("memory_limit", "from \"16 MiB\" to \"1024 GiB\" was expected");
    return otherwise;
}

// [NAME] has keys, and may have tables in it: [NAME.ANOTHER] is another one of its kind.
template<class Config>
void read_services(document& doc, const toml::table& root, const std::string& kind,
                   std::map<std::string, Config>& all, void (*read)(const section&, Config&)) {
    const toml::node* const n = root.get(kind);
    if (n == nullptr) return;
    const toml::table* const t = n->as_table();
    if (t == nullptr) return doc.mistake(n->source(), kind + ": a section [" + kind + "] was expected");
    const std::vector<std::string_view> keys = keys_of(kind);
    std::vector<std::string_view> names;
    bool own_keys = t->empty();
    for (const auto& [key, node] : *t) {
        const toml::table* const named = node.as_table();
        if (named == nullptr || std::ranges::find(keys, key.str()) != keys.end()) {
            own_keys = true;
            continue;
        }
        const std::string name(key.str());
        Config& c = all[name];
        c.section = "[" + kind + "." + name + "]";
        if (!is_word(name))
            doc.mistake(key.source(), c.section + ": a name of ASCII letters, digits and underscores was expected");
        read(section(doc, *named, kind, kind + "." + name), c);
        names.push_back(key.str());
    }
    if (own_keys) read(section(doc, *t, kind, kind, names), all[""]);
}

// Pipelines may share a table, and a database, but neither a position nor any other file.
class shared_use {
  public:
    explicit shared_use(document& doc) : doc_(doc) {}

    void check(const section& s, const pipeline_config& c) {
        files(s, c);
        table(s, c);
    }

  private:
    // A file has one use: a position that is appended to, or two positions in one file, would undo each other. One database may hold the
    // rows of many topics.
    void files(const section& s, const pipeline_config& c) {
        const auto use = [&](const std::filesystem::path& path, std::string_view key, const std::string& as,
                             const std::string& database = {}) {
            const std::string what = path.empty() ? std::string() : identity(path);
            if (what.empty()) return;
            const std::string here = "[pipeline] " + as + " of line " + std::to_string(s.line_of(key));
            if (const std::string already = doc_.use(what, database.empty() ? here : database); !already.empty())
                doc_.mistake(s.where(key), "[pipeline] " + as + ": " + path.string() + " is already " + already
                                               + "; a file has one use");
        };
        if (c.sink == sink_kind::sqlite) {
            const std::string database = "a file of the database " + whole_path(c.path).string();
            use(c.path, "path", "path", database);
            for (const char* const beside : {"-wal", "-shm", "-journal", ".lock"})
                use(c.path.string() + beside, "path", "path" + std::string(beside), database);
            const std::string position = identity(c.path) + " " + c.topic + " " + c.salesforce;
            if (!doc_.use(position, "line " + std::to_string(s.table().source().begin.line)).empty())
                s.wrong_section("two pipelines keep the position of " + c.topic + " in " + c.path.string());
        } else {
            if (!c.checkpoint.empty()) {
                use(c.checkpoint, "checkpoint", "checkpoint");
                use(c.checkpoint.string() + ".new", "checkpoint", "checkpoint's draft (.new)");
                use(state_lock::file_of(c.checkpoint), "checkpoint", "checkpoint's lock (.lock)");
            }
            if (c.sink == sink_kind::ndjson) use(c.path, "path", "path");
        }
        use(c.dead_letters, "dead_letters", "dead_letters");
        if (c.typed && c.evolve == evolve_mode::plan) use(c.plan_file, "plan_file", "plan_file");
    }

    static std::string columns_of(const pipeline_config& p) {
        std::string out;
        for (const row::column& column : p.layout.columns())
            out += column.name + "=" + std::to_string(static_cast<int>(column.source)) + " ";
        return out + (p.layout.rows() == row::granularity::record ? "record" : "event");
    }

    // The rows of one table have one layout.
    void table(const section& s, const pipeline_config& c) {
        if (c.sink == sink_kind::ndjson || c.table.empty()) return;
        const std::string place = c.sink == sink_kind::zerobus ? "databricks." + c.databricks : identity(c.path);
        const auto [at, first] =
            tables_.emplace(place + " " + in_small_letters(c.table), std::pair(&c, s.table().source().begin.line));
        if (first) return;
        const auto& [other, line] = at->second;
        const std::string that = "the pipeline of line " + std::to_string(line) + " writes ";
        if (c.typed && other->salesforce != c.salesforce)
            s.wrong("table", that + "records of another org into " + c.table
                                 + ", and a typed table does not say of which org a row is");
        else if (c.typed && !has_entity(c.table) && other->topic != c.topic)
            s.wrong("table",
                    that + "records of another object into " + c.table + "; a typed table has the columns of one");
        else if (columns_of(*other) != columns_of(c))
            s.wrong("table", that + "rows of another layout into " + c.table + "; give one of the two another table");
    }

    document& doc_;
    // Who writes first into a table of a workspace or a database, and the line of it.
    std::map<std::string, std::pair<const pipeline_config*, toml::source_index>> tables_;
};

void read_pipelines(document& doc, const toml::node& list, config& c) {
    const toml::array* const pipelines = list.as_array();
    if (pipelines == nullptr || pipelines->empty()
        || !std::ranges::all_of(*pipelines, [](const toml::node& n) { return n.is_table(); }))
        return doc.mistake(list.source(), "pipelines are written as [[pipeline]], one block for each topic");
    std::set<std::string> missing;
    std::vector<section> sections;
    for (const toml::node& n : *pipelines) {
        sections.emplace_back(doc, *n.as_table(), "pipeline", "pipeline");
        c.pipelines.push_back(read_pipeline(sections.back(), c, missing));
    }
    shared_use shared(doc);
    for (std::size_t i = 0; i < sections.size(); ++i) shared.check(sections[i], c.pipelines[i]);
}

void name_pipelines(config& c) {
    std::map<std::string, int> of_topic;
    for (const pipeline_config& p : c.pipelines) ++of_topic[p.topic];
    for (pipeline_config& p : c.pipelines) {
        p.written += c.salesforce.at(p.salesforce).written;
        if (p.sink == sink_kind::zerobus) p.written += c.databricks.at(p.databricks).written;
        p.label = p.topic;
        if (of_topic[p.topic] == 1) continue;
        if (!p.salesforce.empty()) p.label += " of " + p.salesforce;
        p.label += " into " + (p.sink == sink_kind::ndjson ? "" : p.table + " of ")
                   + (p.sink == sink_kind::zerobus ? c.databricks.at(p.databricks).section : p.path.string());
    }
}

config read(document& doc, std::string_view text, bool needs_pipelines) {
    const toml::table root = doc.parse(text);
    config c;
    // [[stream]] is what [[pipeline]] was called before.
    const bool old_word = root.get("pipeline") == nullptr && root.get("stream") != nullptr;
    const std::string_view pipelines = old_word ? "stream" : "pipeline";
    if (old_word) c.corrections.emplace_back("[[stream]] is called [[pipeline]]");
    const section top(doc, root, "", "", {"salesforce", "databricks", "status", pipelines});
    c.memory_limit = memory_limit(top, c.memory_limit);
    c.drain_time = std::chrono::seconds(top.number("drain_time", 1, 3'600, c.drain_time.count()));
    c.log_form = top.choice<log::form>("log_format", false, {{"text", log::form::text}, {"json", log::form::json}},
                                       c.log_form);
    c.log_level = top.choice<std::string>(
        "log_level", false,
        {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}},
        c.log_level);
    if (const toml::node* const n = root.get("status")) {
        if (const toml::table* const t = n->as_table())
            read_status(section(doc, *t, "status", "status"), c.status);
        else
            doc.mistake(n->source(), "status: a section [status] was expected");
    }
    const std::size_t mistakes = doc.mistakes();
    read_services(doc, root, "salesforce", c.salesforce, read_salesforce);
    read_services(doc, root, "databricks", c.databricks, read_databricks);
    if (!doc.reads_secrets()) doc.forget_mistakes_after(mistakes);
    if (const toml::node* const list = root.get(pipelines))
        read_pipelines(doc, *list, c);
    else if (needs_pipelines && doc.mistakes() == 0)
        doc.mistake({}, "a [[pipeline]] block is missing: it names a topic and where its rows go");
    doc.end();
    name_pipelines(c);
    return c;
}

} // namespace

config load_config(const std::filesystem::path& file, secrets s) {
    document doc(file, s);
    const std::string text = doc.read_file();
    return read(doc, text, true);
}
config load_services(const std::filesystem::path& file) {
    document doc(file);
    const std::string text = doc.read_file();
    return read(doc, text, false);
}
config parse_config(std::string_view text, const std::filesystem::path& name) {
    document doc(name);
    return read(doc, text, true);
}

} // namespace sfcdc::runner
