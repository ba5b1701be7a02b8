#include "config.hpp"

#include "failure.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

namespace sfcdc::runner {
namespace {

// How many insertions, deletions and replacements lead from one word to the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

class reader {
  public:
    explicit reader(std::filesystem::path file) : file_(std::move(file)) {}

    config read() {
        toml::table root;
        try {
            root = toml::parse_file(file_.string());
        } catch (const toml::parse_error& e) {
            if (!std::filesystem::exists(file_))
                throw failure(exit_code::bad_config, file_.string() + ": there is no such file");
            wrong(e.source(), std::string(e.description()));
            throw failure(exit_code::bad_config, errors_);
        }
        config c;
        only(root, "", {"salesforce", "databricks", "stream"});
        section(root, "salesforce", true, [&](const toml::table& t) { salesforce(t, c.salesforce); });
        bool wants_zerobus = false;
        if (const toml::node* list = root.get("stream")) {
            const toml::array* const streams = list->as_array();
            const bool tables =
                streams != nullptr && !streams->empty()
                && std::all_of(streams->begin(), streams->end(), [](const toml::node& n) { return n.is_table(); });
            if (!tables) {
                wrong(list->source(), "streams are written as [[stream]], one block for each topic");
            } else {
                for (const toml::node& n : *streams)
                    wants_zerobus |= stream(*n.as_table(), c).sink == sink_kind::zerobus;
                distinct_files(*streams, c);
            }
        } else {
            wrong({}, "a [[stream]] block is missing: it names a topic and where its rows go");
        }
        section(root, "databricks", wants_zerobus, [&](const toml::table& t) { databricks(t, c.databricks); });
        if (!errors_.empty()) throw failure(exit_code::bad_config, errors_);
        return c;
    }

  private:
    void wrong(const toml::source_region& where, const std::string& what) {
        if (!errors_.empty()) errors_ += '\n';
        errors_ += file_.string();
        if (where.begin.line != 0) errors_ += ":" + std::to_string(where.begin.line);
        errors_ += ": " + what;
    }
    static std::string label(std::string_view name, std::string_view key) {
        return name.empty() ? std::string(key) : "[" + std::string(name) + "] " + std::string(key);
    }

    void only(const toml::table& t, std::string_view name, const std::vector<std::string_view>& known) {
        for (const auto& [key, node] : t) {
            const std::string_view k = key.str();
            if (std::find(known.begin(), known.end(), k) != known.end()) continue;
            const auto nearest =
                std::min_element(known.begin(), known.end(), [&](std::string_view a, std::string_view b) {
                    return distance(a, k) < distance(b, k);
                });
            std::string hint;
            if (distance(*nearest, k) <= std::max<std::size_t>(2, k.size() / 3)) {
                hint = "; did you mean \"" + std::string(*nearest) + "\"?";
            } else {
                hint = "; known are";
                for (const std::string_view w : known) hint += (w == known.front() ? " " : ", ") + std::string(w);
            }
            wrong(key.source(), label(name, k) + ": unknown key" + hint);
        }
    }

    template<class F> void section(const toml::table& root, std::string_view name, bool required, F&& read) {
        const toml::node* const n = root.get(name);
        if (n == nullptr) {
            if (required) wrong({}, "the section [" + std::string(name) + "] is missing");
        } else if (!n->is_table()) {
            wrong(n->source(), label("", name) + ": a section [" + std::string(name) + "] was expected");
        } else {
            read(*n->as_table());
        }
    }

    // Replaces ${NAME} by the environment variable and ${file:PATH} by the file's content.
    std::string expand(std::string_view text, const toml::source_region& where, const std::string& label) {
        std::string out;
        for (;;) {
            const std::size_t open = text.find("${");
            out += text.substr(0, open);
            if (open == std::string_view::npos) return out;
            const std::size_t close = text.find('}', open);
            if (close == std::string_view::npos) return wrong(where, label + ": \"${\" without \"}\""), out;
            const std::string name(text.substr(open + 2, close - open - 2));
            if (name.starts_with("file:")) {
                std::ifstream in(name.substr(5));
                if (!in) wrong(where, label + ": cannot read the file " + name.substr(5));
                std::string content{std::istreambuf_iterator<char>(in), {}};
                while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
                out += content;
            } else if (const char* const value = std::getenv(name.c_str())) {
                out += value;
            } else {
                wrong(where, label + ": the environment variable " + name + " is not set");
            }
            text.remove_prefix(close + 1);
        }
    }

    std::string text(const toml::table& t, std::string_view name, std::string_view key, bool required,
                     std::string otherwise = {}) {
        const toml::node* const n = t.get(key);
        if (n == nullptr) {
            if (required) wrong(t.source(), label(name, key) + ": missing");
            return otherwise;
        }
        const auto* const value = n->as_string();
        if (value == nullptr) return wrong(n->source(), label(name, key) + ": a string was expected"), otherwise;
        const std::size_t before = errors_.size();
        std::string expanded = expand(value->get(), n->source(), label(name, key));
        if (required && expanded.empty() && errors_.size() == before)
            wrong(n->source(), label(name, key) + ": must not be empty");
        return expanded;
    }

    std::int64_t number(const toml::table& t, std::string_view name, std::string_view key, std::int64_t least,
                        std::int64_t most, std::int64_t otherwise) {
        const toml::node* const n = t.get(key);
        if (n == nullptr) return otherwise;
        const auto* const value = n->as_integer();
        if (value == nullptr || value->get() < least || value->get() > most) {
            wrong(n->source(), label(name, key) + ": a whole number from " + std::to_string(least) + " to "
                                   + std::to_string(most) + " was expected");
            return otherwise;
        }
        return value->get();
    }

    template<class E>
    E choice(const toml::table& t, std::string_view name, std::string_view key, bool required,
             const std::vector<std::pair<std::string_view, E>>& choices, E otherwise) {
        const std::string word = text(t, name, key, required);
        if (t.get(key) == nullptr) return otherwise;
        std::string list;
        for (const auto& [w, e] : choices) {
            if (w == word) return e;
            list += (list.empty() ? "\"" : ", \"") + std::string(w) + "\"";
        }
        wrong(t.get(key)->source(), label(name, key) + ": one of " + list + " was expected, not \"" + word + "\"");
        return otherwise;
    }

    // http:// to this machine: nobody else hears the credentials.
    static bool stays_here(std::string_view url) {
        constexpr std::string_view scheme = "http://";
        if (!url.starts_with(scheme) || url.find('@') != std::string_view::npos) return false;
        url.remove_prefix(scheme.size());
        for (const std::string_view host : {"127.0.0.1", "localhost", "[::1]"})
            if (url.starts_with(host) && (url.size() == host.size() || url[host.size()] == ':')) return true;
        return false;
    }
    void url(const toml::table& t, std::string_view name, std::string_view key, std::string& value) {
        while (!value.empty() && value.back() == '/') value.pop_back();
        if (value.empty() || value.starts_with("https://") || stays_here(value)) return;
        wrong(t.get(key)->source(), label(name, key) + ": a URL with https:// was expected");
    }
    void endpoint(const toml::table& t, std::string_view name, std::string_view key, std::string& value) {
        while (!value.empty() && value.back() == '/') value.pop_back();
        if (!value.starts_with("http://") || stays_here(value)) return;
        wrong(t.get(key)->source(), label(name, key) + ": without TLS (http://) only to this machine");
    }

    void salesforce(const toml::table& t, salesforce_config& c) {
        constexpr std::string_view name = "salesforce";
        only(t, name, {"login_url", "client_id", "client_secret", "pubsub_endpoint", "ca_file"});
        c.login_url = text(t, name, "login_url", true);
        url(t, name, "login_url", c.login_url);
        c.client_id = text(t, name, "client_id", true);
        c.client_secret = text(t, name, "client_secret", true);
        c.pubsub_endpoint = text(t, name, "pubsub_endpoint", false, c.pubsub_endpoint);
        endpoint(t, name, "pubsub_endpoint", c.pubsub_endpoint);
        c.ca_file = text(t, name, "ca_file", false);
        for (const std::string_view host : {"login.salesforce.com", "test.salesforce.com"})
            if (c.login_url.find(host) != std::string::npos)
                wrong(t.get("login_url")->source(),
                      "[salesforce] login_url: client credentials work on the org's My Domain host only "
                      "(https://NAME.my.salesforce.com), not on "
                          + std::string(host));
    }

    void databricks(const toml::table& t, databricks_config& c) {
        constexpr std::string_view name = "databricks";
        only(t, name, {"workspace_url", "zerobus_endpoint", "client_id", "client_secret", "ca_file"});
        c.workspace_url = text(t, name, "workspace_url", true);
        url(t, name, "workspace_url", c.workspace_url);
        c.zerobus_endpoint = text(t, name, "zerobus_endpoint", true);
        endpoint(t, name, "zerobus_endpoint", c.zerobus_endpoint);
        c.client_id = text(t, name, "client_id", true);
        c.client_secret = text(t, name, "client_secret", true);
        c.ca_file = text(t, name, "ca_file", false);
    }

    std::vector<std::string> texts(const toml::table& t, std::string_view name, std::string_view key) {
        std::vector<std::string> out;
        const toml::node* const n = t.get(key);
        if (n == nullptr) return out;
        const toml::array* const list = n->as_array();
        const bool strings = list != nullptr && std::all_of(list->begin(), list->end(), [](const toml::node& e) {
                                 return e.is_string();
                             });
        if (!strings) return wrong(n->source(), label(name, key) + ": a list of strings was expected"), out;
        for (const toml::node& e : *list) out.push_back(expand(e.as_string()->get(), e.source(), label(name, key)));
        return out;
    }

    row::layout layout(const toml::table& t) {
        constexpr std::string_view name = "stream";
        using make = row::layout (*)();
        row::layout l = choice<make>(t, name, "layout", false,
                                     {{"salesforce_zerobus", row::layout::salesforce_zerobus},
                                      {"lakeflow", row::layout::lakeflow},
                                      {"sfcdc", row::layout::sfcdc}},
                                     row::layout::salesforce_zerobus)();
        const auto apply = [&](std::string_view key, const auto& change, const std::vector<std::string>& names) {
            const std::vector<std::string_view> views(names.begin(), names.end());
            auto [changed, bad] = change(views);
            if (bad)
                wrong(t.get(key)->source(), label(name, key) + ": \"" + names[bad.offset] + "\": " + bad.message());
            else
                l = std::move(changed);
        };
        if (const auto names = texts(t, name, "columns"); !names.empty())
            apply("columns", [&](const auto& v) { return l.only(v); }, names);
        apply("exclude", [&](const auto& v) { return l.without(v); }, texts(t, name, "exclude"));
        if (const toml::node* n = t.get("rename")) {
            const toml::table* const pairs = n->as_table();
            if (pairs == nullptr)
                return wrong(n->source(), "[stream] rename: a table was expected, as in { record_data = \"data\" }"),
                       l;
            for (const auto& [from, to] : *pairs) {
                if (!to.is_string())
                    wrong(to.source(), "[stream] rename: a string was expected");
                else
                    apply("rename",
                          [&](const auto&) {
                              return l.renamed(from.str(),
                                               expand(to.as_string()->get(), to.source(), "[stream] rename"));
                          },
                          {std::string(from.str())});
            }
        }
        if (l.columns().empty()) wrong(t.source(), "[stream]: no column is left");
        return l;
    }

    const stream_config& stream(const toml::table& t, config& all) {
        constexpr std::string_view name = "stream";
        only(t, name,
             {"topic", "start", "sink", "layout", "columns", "exclude", "rename", "table", "path", "checkpoint",
              "dead_letters", "on_undecodable", "schema_json_every", "silence_limit"});
        stream_config c;
        c.topic = text(t, name, "topic", true);
        if (!c.topic.empty() && !c.topic.starts_with("/data/") && !c.topic.starts_with("/event/"))
            wrong(t.get("topic")->source(),
                  "[stream] topic: starts with /data/ or /event/, as in \"/data/AccountChangeEvent\"");
        c.start = choice<start_position>(t, name, "start", false,
                                         {{"earliest", start_position::earliest}, {"latest", start_position::latest}},
                                         c.start);
        c.sink = choice<sink_kind>(
            t, name, "sink", true,
            {{"zerobus", sink_kind::zerobus}, {"sqlite", sink_kind::sqlite}, {"ndjson", sink_kind::ndjson}}, c.sink);
        c.layout = layout(t);
        c.on_undecodable = choice<undecodable_policy>(
            t, name, "on_undecodable", false,
            {{"dead_letter", undecodable_policy::dead_letter}, {"stop", undecodable_policy::stop}}, c.on_undecodable);
        c.schema_json_every = number(t, name, "schema_json_every", 0, 1'000'000'000, c.schema_json_every);
        c.silence_limit = std::chrono::seconds(number(t, name, "silence_limit", 1, 86'400, c.silence_limit.count()));

        const bool zerobus = c.sink == sink_kind::zerobus, sqlite = c.sink == sink_kind::sqlite;
        c.table = text(t, name, "table", zerobus, "events");
        c.path = text(t, name, "path", !zerobus);
        c.checkpoint = text(t, name, "checkpoint", !sqlite);
        const auto useless = [&](std::string_view key, bool is, const char* why) {
            if (is && t.get(key) != nullptr) wrong(t.get(key)->source(), label(name, key) + ": " + why);
        };
        useless("path", zerobus, "a zerobus stream has no file; its rows go to \"table\"");
        useless("checkpoint", sqlite, "the sqlite sink keeps the position in its database");
        useless("table", c.sink == sink_kind::ndjson, "an ndjson stream has no table");
        if (zerobus && t.get("table") != nullptr && std::count(c.table.begin(), c.table.end(), '.') != 2)
            wrong(t.get("table")->source(),
                  "[stream] table: three parts were expected, as in \"catalog.schema.table\"");
        const std::filesystem::path beside = sqlite ? c.path : c.checkpoint;
        c.dead_letters = text(t, name, "dead_letters", false, beside.string() + ".dead_letters.ndjson");
        return all.streams.emplace_back(std::move(c));
    }

    // Two streams that write the same position would each undo the other's.
    void distinct_files(const toml::array& streams, const config& c) {
        std::set<std::string> taken;
        for (std::size_t i = 0; i < c.streams.size(); ++i) {
            const stream_config& s = c.streams[i];
            const std::string key =
                s.sink == sink_kind::sqlite ? s.path.string() + "#" + s.topic : s.checkpoint.string();
            if (!key.empty() && !taken.insert(key).second)
                wrong(streams[i].source(),
                      "[stream]: two streams keep their position in the same place (" + key + ")");
        }
    }

    std::filesystem::path file_;
    std::string errors_;
};

} // namespace

config load_config(const std::filesystem::path& file) { return reader(file).read(); }

} // namespace sfcdc::runner
