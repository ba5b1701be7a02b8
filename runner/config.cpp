#include "config.hpp"

#include "disk/durable_file.hpp"
#include "disk/lock.hpp"
#include "io/url.hpp"
#include "names.hpp"
#include "operations/failure.hpp"
#include "operations/log.hpp"
#include "salesforce/grants/grant.hpp"

#include <sfcdc/row/typed_layout.hpp>

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <set>
#include <string_view>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

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

// Real ones have a few KB: a device, or a file named by mistake, is no configuration.
constexpr std::size_t longest_config = 1u << 20;
constexpr std::size_t longest_token_key = 64u << 10;
constexpr std::size_t longest_certificates = 16u << 20; // a system's roots have 200 KB
// A dotted key is a table in a table; the library makes and destroys them by recursion.
constexpr std::size_t most_dots_in_a_line = 1'000;

// What a file is, however it is spelt: two paths with one identity are one file. Empty for what may have many writers.
std::string identity(const std::filesystem::path& path) {
    struct stat found{};
    const bool there = path == "-" ? ::fstat(STDOUT_FILENO, &found) == 0 : ::stat(path.c_str(), &found) == 0;
    if (there && S_ISCHR(found.st_mode)) return path == "-" ? "standard output" : "";
    if (there) return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
    return whole_path(path).string();
}

class reader {
  public:
    explicit reader(std::filesystem::path file) : file_(std::move(file)) {}

    config read_file() {
        const auto [text, bad] = read_text_file(file_, longest_config, false);
        if (!bad.empty())
            throw failure(exit_code::bad_config, file_.string() + ": the configuration cannot be read: " + bad);
        in_use_.emplace(identity(file_), "the configuration itself");
        return read(text);
    }

    config read(std::string_view text) {
        toml::table root;
        try {
            bounded_nesting(text);
            root = toml::parse(text, file_.string());
        } catch (const toml::parse_error& e) {
            wrong(e.source(), std::string(e.description()));
            throw failure(exit_code::bad_config, errors_);
        }
        config c;
        // [[stream]] is what [[pipeline]] was called before.
        const bool old_word = root.get("pipeline") == nullptr && root.get("stream") != nullptr;
        const std::string_view word_for_pipeline = old_word ? "stream" : "pipeline";
        if (old_word) c.corrections.emplace_back("[[stream]] is called [[pipeline]]");
        only(root, "", {"memory_limit", "salesforce", "databricks", word_for_pipeline});
        memory_limit(root, c.memory_limit);
        sections(root, "salesforce", salesforce_keys(), c.salesforce,
                 [this](const toml::table& t, salesforce_config& s) { salesforce(t, s); });
        sections(root, "databricks",
                 {"workspace_url", "zerobus_endpoint", "warehouse_id", "client_id", "client_secret", "ca_file"},
                 c.databricks, [this](const toml::table& t, databricks_config& d) { databricks(t, d); });
        if (const toml::node* list = root.get(word_for_pipeline)) {
            const toml::array* const pipelines = list->as_array();
            const bool tables = pipelines != nullptr && !pipelines->empty()
                                && std::all_of(pipelines->begin(), pipelines->end(),
                                               [](const toml::node& n) { return n.is_table(); });
            if (!tables) {
                wrong(list->source(), "pipelines are written as [[pipeline]], one block for each topic");
            } else {
                for (const toml::node& n : *pipelines) pipeline(*n.as_table(), c);
                for (std::size_t i = 0; i < pipelines->size(); ++i) {
                    const toml::table& t = *(*pipelines)[i].as_table();
                    files_of(t, c.pipelines[i]);
                    one_layout_for_each_table(t, c.pipelines[i]);
                }
            }
        } else if (errors_.empty()) {
            wrong({}, "a [[pipeline]] block is missing: it names a topic and where its rows go");
        }
        if (!errors_.empty()) throw failure(exit_code::bad_config, errors_);
        name_pipelines(c);
        return c;
    }

  private:
    void wrong(const toml::source_region& where, const std::string& what) {
        if (!errors_.empty()) errors_ += '\n';
        errors_ += file_.string();
        if (where.begin.line != 0) errors_ += ":" + std::to_string(where.begin.line);
        errors_ += ": " + log::one_line(what);
    }
    // Of the key, or of its section where a default stands in for it.
    static const toml::source_region& where(const toml::table& t, std::string_view key) {
        const toml::node* const n = t.get(key);
        return n != nullptr ? n->source() : t.source();
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

    // [NAME] has keys, and may have tables in it: [NAME.ANOTHER] is another one of its kind.
    template<class Config, class Read>
    void sections(const toml::table& root, const std::string& name, const std::vector<std::string_view>& keys,
                  std::map<std::string, Config>& all, Read&& read) {
        const toml::node* const n = root.get(name);
        if (n == nullptr) return;
        const toml::table* const t = n->as_table();
        if (t == nullptr) return wrong(n->source(), name + ": a section [" + name + "] was expected");
        bool own_keys = t->empty();
        for (const auto& [key, node] : *t) {
            const toml::table* const named = node.as_table();
            if (named == nullptr || std::find(keys.begin(), keys.end(), key.str()) != keys.end()) {
                own_keys = true;
                continue;
            }
            Config& c = all[std::string(key.str())];
            c.section = "[" + name + "." + std::string(key.str()) + "]";
            if (!is_word(key.str()))
                wrong(key.source(), c.section + ": a name of ASCII letters, digits and underscores was expected");
            only(*named, name + "." + std::string(key.str()), keys);
            read(*named, c);
        }
        if (!own_keys) return;
        std::vector<std::string_view> known = keys;
        for (const auto& [named, c] : all) known.push_back(named);
        only(*t, name, known);
        read(*t, all[""]);
    }

    std::string expand(std::string_view text, const toml::source_region& where, const std::string& label) {
        auto [expanded, bad, files] = runner::expand(text);
        if (!bad.empty()) wrong(where, label + ": " + bad);
        for (const std::filesystem::path& f : files) in_use_.emplace(identity(f), "the file of " + label);
        return expanded;
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

    // Checked now, and expanded again at each use.
    secret secret_text(const toml::table& t, std::string_view name, std::string_view key, bool hidden,
                       bool required = true) {
        const std::string now = text(t, name, key, required);
        if (hidden) log::hide(now, true);
        const toml::node* const n = t.get(key);
        return secret(n != nullptr && n->is_string() ? n->as_string()->get() : std::string());
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

    bool flag(const toml::table& t, std::string_view name, std::string_view key, bool otherwise) {
        const toml::node* const n = t.get(key);
        if (n == nullptr) return otherwise;
        const auto* const value = n->as_boolean();
        if (value == nullptr) return wrong(n->source(), label(name, key) + ": true or false was expected"), otherwise;
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
        wrong(where(t, key), label(name, key) + ": one of " + list + " was expected, not \"" + word + "\"");
        return otherwise;
    }

    // A host may stand in a message, what is in front of an "@" may not: it is a password.
    void url(const toml::table& t, std::string_view name, std::string_view key, std::string& value) {
        while (!value.empty() && value.back() == '/') value.pop_back();
        if (value.empty()) return;
        const auto complain = [&](const char* what) { wrong(where(t, key), label(name, key) + ": " + what); };
        const auto a = url_parts::of(value);
        if (value.find("://") == value.npos || !a) return complain("a URL with https:// was expected");
        if (a->has_user)
            return complain("a URL has no user and no password here; they would be sent and logged with it");
        if (a->has_query) return complain("the URL ends with its host or path; leave out what begins with ? or #");
        if (a->scheme != "https" && !(a->scheme == "http" && a->loopback()))
            complain("a URL with https:// was expected; http:// leads to this machine only");
    }
    void endpoint(const toml::table& t, std::string_view name, std::string_view key, std::string& value) {
        while (!value.empty() && value.back() == '/') value.pop_back();
        if (value.empty()) return;
        const auto complain = [&](const char* what) { wrong(where(t, key), label(name, key) + ": " + what); };
        const auto a = url_parts::of(value.find("://") == value.npos ? "https://" + value : value);
        if (!a || (a->scheme != "https" && a->scheme != "http"))
            return complain("host and port were expected, as in \"api.pubsub.salesforce.com:443\"");
        if (a->has_user) return complain("an endpoint has no user and no password");
        if (a->has_path || a->has_query) return complain("host and port were expected, without a path");
        if (a->scheme == "http" && !a->loopback()) complain("without TLS (http://) only to this machine");
    }
    // Certificates are read when a connection is made; here only that they can be.
    void ca_file(const toml::table& t, std::string_view name, std::string& value) {
        value = text(t, name, "ca_file", false);
        if (value.empty()) return;
        const auto [certificates, bad] = read_text_file(value, longest_certificates, true);
        const auto complain = [&](const std::string& what) {
            wrong(where(t, "ca_file"), label(name, "ca_file") + ": " + value + ": " + what);
        };
        if (!bad.empty()) return complain("cannot be read: " + bad);
        if (certificates.find("-----BEGIN ") == certificates.npos) return complain("has no certificate in PEM form");
        in_use_.emplace(identity(value), "the certificates of [" + std::string(name) + "]");
    }

    // "256 MiB", "1 GiB".
    void memory_limit(const toml::table& root, std::size_t& bytes) {
        if (root.get("memory_limit") == nullptr) return;
        const std::string said = text(root, "", "memory_limit", true);
        std::uint64_t n = 0;
        const auto [end, bad] = std::from_chars(said.data(), said.data() + said.size(), n);
        const std::string_view unit(end, static_cast<std::size_t>(said.data() + said.size() - end));
        const unsigned shift = unit == " MiB" ? 20 : unit == " GiB" ? 30 : 0;
        if (bad != std::errc() || shift == 0 || n == 0 || n > std::uint64_t{1'048'576} >> (shift - 20)
            || (n << shift) < (16u << 20))
            return wrong(where(root, "memory_limit"), "memory_limit: from \"16 MiB\" to \"1024 GiB\" was expected");
        bytes = n << shift;
    }

    static std::string_view inner(const std::string& section) {
        return std::string_view(section).substr(1, section.size() - 2);
    }

    void salesforce(const toml::table& t, salesforce_config& c) {
        const std::string_view name = inner(c.section);
        login(t, c);
        c.pubsub_endpoint = text(t, name, "pubsub_endpoint", false, c.pubsub_endpoint);
        endpoint(t, name, "pubsub_endpoint", c.pubsub_endpoint);
        ca_file(t, name, c.ca_file);
    }

    static std::vector<std::string_view> salesforce_keys() {
        std::vector<std::string_view> keys = {"grant", "login_url", "pubsub_endpoint", "ca_file"};
        const auto add = [&](std::string_view key) {
            if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
        };
        for (const salesforce::grant& g : salesforce::all_grants()) {
            add(g.host_key);
            for (const salesforce::grant_key& key : g.keys) add(key.name);
        }
        return keys;
    }

    // The grant that the section names, or the one that its keys show: each grant has a key that no other one has. Client credentials
    // where there is none of them.
    const salesforce::grant& grant_of(const toml::table& t, std::string_view name) {
        std::vector<std::pair<std::string_view, const salesforce::grant*>> names;
        const salesforce::grant *shown = nullptr, *otherwise = salesforce::find_grant("client_credentials");
        for (const salesforce::grant& g : salesforce::all_grants()) {
            names.emplace_back(g.name, &g);
            if (t.get("grant") != nullptr || t.get(g.own_key) == nullptr) continue;
            if (shown == nullptr)
                shown = &g;
            else
                wrong(where(t, g.own_key), label(name, g.own_key) + ": is a key of grant = \"" + std::string(g.name)
                                               + "\", and " + std::string(shown->own_key) + " one of \""
                                               + std::string(shown->name) + "\"; say by grant which is meant");
        }
        return *choice<const salesforce::grant*>(t, name, "grant", false, names,
                                                 shown != nullptr ? shown : otherwise);
    }

    void login(const toml::table& t, salesforce_config& c) {
        const std::string_view name = inner(c.section);
        const std::size_t before = errors_.size();
        const salesforce::grant& g = grant_of(t, name);
        c.grant = g.name;
        if (errors_.size() != before) return; // what belongs to another grant would be said about each key
        salesforce::login_texts own;
        for (const salesforce::grant_key& key : g.keys) {
            c.keys[std::string(key.name)] =
                secret_text(t, name, key.name, key.kind == salesforce::key_kind::secret, key.required);
            const std::string now = c.keys[std::string(key.name)].read().text;
            if (key.kind == salesforce::key_kind::file && !now.empty())
                in_use_.emplace(identity(now), "the file of " + label(name, key.name));
            own.set(key.name, now);
        }
        for (const auto& [key, node] : t) {
            const std::string others = salesforce::grants_with(key.str());
            if (others.empty() || g.host_key == key.str() || g.find(key.str()) != nullptr) continue;
            wrong(key.source(), label(name, key.str()) + ": is a key of grant = " + others
                                    + "; this section logs in by \"" + c.grant + "\""
                                    + (t.get("grant") == nullptr ? ", since no other grant is named" : ""));
        }
        c.login_url = text(t, name, g.host_key, true);
        url(t, name, g.host_key, c.login_url);
        if (const std::string host = salesforce::wrong_host(c.login_url); !host.empty())
            wrong(where(t, g.host_key), label(name, g.host_key) + ": " + host);
        for (const salesforce::mistake& m : g.check(c, own))
            wrong(where(t, m.key), label(name, m.key) + ": " + m.what);
    }

    // What the platforms of Databricks set in the environment of an app or a job stands for keys that are missing.
    secret databricks_text(const toml::table& t, std::string_view name, std::string_view key, bool hidden) {
        const char* const variable = key == "client_id" ? "DATABRICKS_CLIENT_ID" : "DATABRICKS_CLIENT_SECRET";
        if (t.get(key) != nullptr || !has_value(variable)) return secret_text(t, name, key, hidden);
        const std::string written = "${" + std::string(variable) + "}";
        if (const std::string now = expand(written, t.source(), label(name, key)); hidden) log::hide(now, true);
        return secret(written);
    }
    void workspace_url(const toml::table& t, std::string_view name, std::string& value) {
        if (t.get("workspace_url") != nullptr || !has_value("DATABRICKS_HOST")) {
            value = text(t, name, "workspace_url", true);
        } else {
            value = expand("${DATABRICKS_HOST}", t.source(), label(name, "workspace_url"));
            if (!value.empty() && value.find("://") == value.npos) value.insert(0, "https://");
        }
        url(t, name, "workspace_url", value);
    }
    static bool has_value(const char* variable) {
        const char* const value = std::getenv(variable);
        return value != nullptr && *value != '\0';
    }

    void databricks(const toml::table& t, databricks_config& c) {
        const std::string_view name = inner(c.section);
        workspace_url(t, name, c.workspace_url);
        c.zerobus_endpoint = text(t, name, "zerobus_endpoint", true);
        endpoint(t, name, "zerobus_endpoint", c.zerobus_endpoint);
        c.warehouse_id = text(t, name, "warehouse_id", false);
        // The id is the last part of the "HTTP path" that the workspace shows; people paste the whole.
        if (!c.warehouse_id.empty() && !is_word(c.warehouse_id))
            wrong(where(t, "warehouse_id"),
                  label(name, "warehouse_id")
                      + ": the id alone was expected, letters and digits as in "
                        "\"1234567890abcdef\": what the HTTP path of the warehouse ends with");
        c.credentials = {databricks_text(t, name, "client_id", false),
                         databricks_text(t, name, "client_secret", true)};
        ca_file(t, name, c.ca_file);
    }

    // Which section of several a pipeline means; the only one need not be named.
    template<class Config>
    std::string section_of(const toml::table& t, const std::string& service,
                           const std::map<std::string, Config>& all) {
        const std::string said = text(t, "pipeline", service, false);
        std::string known;
        for (const auto& [name, c] : all) known += (known.empty() ? "" : ", ") + c.section;
        if (t.get(service) != nullptr) {
            if (said.empty() || !all.contains(said))
                wrong(where(t, service), label("pipeline", service) + ": there is no [" + service + "." + said
                                             + "] in this file" + (known.empty() ? "" : "; known are " + known));
            return said;
        }
        if (all.empty()) {
            if (missing_.insert(service).second) wrong({}, "the section [" + service + "] is missing");
        } else if (all.size() == 1) {
            return all.begin()->first;
        } else if (!all.contains("")) {
            wrong(t.source(), label("pipeline", service) + ": missing; there are " + known
                                  + ", and the pipeline names one of them");
        }
        return {};
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

    // The columns of a typed table that are in front of its fields.
    static row::layout typed_layout() {
        return row::layout::make(row::bookkeeping_columns(), row::granularity::record).value;
    }
    row::layout layout(const toml::table& t, bool& typed) {
        constexpr std::string_view name = "pipeline";
        using make = row::layout (*)();
        const make chosen = choice<make>(t, name, "layout", false,
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
                wrong(where(t, key), label(name, key) + ": \"" + names[bad.offset] + "\": " + bad.message());
            else
                l = std::move(changed);
        };
        if (const auto names = texts(t, name, "columns"); !names.empty())
            apply("columns", [&](const auto& v) { return l.only(v); }, names);
        apply("exclude", [&](const auto& v) { return l.without(v); }, texts(t, name, "exclude"));
        if (const toml::node* n = t.get("rename")) {
            const toml::table* const pairs = n->as_table();
            if (pairs == nullptr)
                return wrong(n->source(),
                             "[pipeline] rename: a table was expected, as in { record_data = \"data\" }"),
                       l;
            for (const auto& [from, to] : *pairs) {
                if (!to.is_string())
                    wrong(to.source(), "[pipeline] rename: a string was expected");
                else
                    apply("rename",
                          [&](const auto&) {
                              return l.renamed(from.str(),
                                               expand(to.as_string()->get(), to.source(), "[pipeline] rename"));
                          },
                          {std::string(from.str())});
            }
        }
        if (l.columns().empty()) wrong(t.source(), "[pipeline]: no column is left");
        std::set<std::string> taken; // neither SQLite nor Delta tells names apart by their case
        for (const row::column& c : l.columns())
            if (!taken.insert(in_small_letters(std::string(c.name))).second)
                wrong(where(t, "rename"),
                      "[pipeline] rename: two columns are named \"" + std::string(c.name) + "\", but for the case");
        return l;
    }

    // A list of patterns for the fields of all objects, or a table of such lists by object.
    std::vector<field_pattern> field_patterns(const toml::table& t, std::string_view key) {
        std::vector<field_pattern> out;
        const toml::node* const n = t.get(key);
        if (n == nullptr) return out;
        const std::string section = "pipeline." + std::string(key);
        const auto consists_of = [](std::string_view text, std::string_view signs) {
            std::string letters(text);
            std::erase_if(letters, [&](char c) { return signs.find(c) != signs.npos; });
            return !text.empty() && (letters.empty() || is_word(letters));
        };
        const auto add = [&](const std::string& entity, const toml::source_region& at,
                             std::vector<std::string> fields) {
            for (std::string& field : fields) {
                if (!consists_of(field, ".*"))
                    wrong(at,
                          label("pipeline", key) + ": \"" + field
                              + "\" is no name of a field, as in \"Phone\", \"BillingAddress.City\" or \"*Email\"");
                else if (in_small_letters(field.substr(0, field.find('.'))) == "changeeventheader")
                    wrong(at,
                          label("pipeline", key)
                              + ": the ChangeEventHeader has no data of a record, and rows need all of its members");
                out.push_back({entity, std::move(field)});
            }
        };
        const toml::table* const by_object = n->as_table();
        if (by_object == nullptr) {
            add("*", n->source(), texts(t, "pipeline", key));
            return out;
        }
        for (const auto& [object, list] : *by_object) {
            if (!consists_of(object.str(), "*"))
                wrong(object.source(), label(section, object.str())
                                           + ": the name of an object was expected, as in "
                                             "\"Account\", \"Order__c\" or \"*\"");
            add(std::string(object.str()), list.source(), texts(*by_object, section, object.str()));
        }
        return out;
    }

    // The bytes of the file are the key, all of them.
    std::shared_ptr<const cdc::token_key> token_key(const toml::table& t) {
        constexpr std::string_view name = "pipeline", key = "token_key_file";
        const std::string path = text(t, name, key, true);
        if (path.empty()) return nullptr;
        const auto complain = [&](const std::string& what) {
            wrong(where(t, key), label(name, key) + ": " + path + ": " + what);
            return nullptr;
        };
        const auto [bytes, bad] = read_text_file(path, longest_token_key, true);
        if (!bad.empty()) return complain("cannot be read: " + bad);
        struct stat found{};
        if (::stat(path.c_str(), &found) == 0 && (found.st_mode & (S_IROTH | S_IWOTH)) != 0)
            return complain("every user of the machine may read or write it; take that away (chmod o-rw)");
        if (bytes.size() < cdc::token_key::least_bytes)
            return complain("has " + std::to_string(bytes.size()) + " bytes; a key has "
                            + std::to_string(cdc::token_key::least_bytes) + " random ones at least");
        in_use_.emplace(identity(path), "the key of tokens");
        return std::make_shared<const cdc::token_key>(bytes);
    }

    privacy_config privacy(const toml::table& t, const row::layout& l) {
        privacy_config c;
        c.deny = field_patterns(t, "deny");
        c.tokenise = field_patterns(t, "tokenise");
        if (!c.tokenise.empty())
            c.token_key = token_key(t);
        else if (t.get("token_key_file") != nullptr)
            wrong(where(t, "token_key_file"), "[pipeline] token_key_file: there is no \"tokenise\" that needs it");
        // By the name that `exclude` knows, which comes before `rename`.
        const auto payload = [](const row::column& column) { return column.source == row::column_source::payload; };
        if (!c.deny.empty() && std::any_of(l.columns().begin(), l.columns().end(), payload))
            wrong(where(t, "deny"),
                  "[pipeline] deny: the rows have the event's bytes, and with them all of its fields; "
                  "leave the column out: exclude = [\""
                      + std::string(text(t, "pipeline", "layout", false) == "lakeflow" ? "event_payload"
                                                                                       : "payload_binary")
                      + "\"]");
        return c;
    }

    void pipeline(const toml::table& t, config& all) {
        constexpr std::string_view name = "pipeline";
        only(t, name,
             {"topic",
              "managed_subscription",
              "salesforce",
              "databricks",
              "start",
              "entities",
              "exclude_entities",
              "skip_if_only",
              "deny",
              "tokenise",
              "token_key_file",
              "sink",
              "layout",
              "create",
              "backfill",
              "evolve",
              "evolve_interval",
              "plan_file",
              "columns",
              "exclude",
              "rename",
              "table",
              "path",
              "checkpoint",
              "dead_letters",
              "on_undecodable",
              "on_failure",
              "schema_json_every",
              "silence_limit"});
        pipeline_config c;
        topic(t, c.topic, all.corrections);
        c.start = choice<start_position>(t, name, "start", false,
                                         {{"earliest", start_position::earliest}, {"latest", start_position::latest}},
                                         c.start);
        c.filter.entities = texts(t, name, "entities");
        c.filter.exclude_entities = texts(t, name, "exclude_entities");
        c.filter.skip_if_only = texts(t, name, "skip_if_only");
        c.sink = choice<sink_kind>(
            t, name, "sink", true,
            {{"zerobus", sink_kind::zerobus}, {"sqlite", sink_kind::sqlite}, {"ndjson", sink_kind::ndjson}}, c.sink);
        c.layout = layout(t, c.typed);
        c.privacy = privacy(t, c.layout);
        c.on_undecodable = choice<undecodable_policy>(
            t, name, "on_undecodable", false,
            {{"dead_letter", undecodable_policy::dead_letter}, {"stop", undecodable_policy::stop}}, c.on_undecodable);
        c.on_failure = choice<failure_policy>(t, name, "on_failure", false,
                                              {{"restart", failure_policy::restart}, {"stop", failure_policy::stop}},
                                              c.on_failure);
        c.schema_json_every = number(t, name, "schema_json_every", 0, 1'000'000'000, c.schema_json_every);
        c.silence_limit = std::chrono::seconds(number(t, name, "silence_limit", 1, 86'400, c.silence_limit.count()));

        const bool zerobus = c.sink == sink_kind::zerobus, sqlite = c.sink == sink_kind::sqlite;
        c.salesforce = section_of(t, "salesforce", all.salesforce);
        if (zerobus) c.databricks = section_of(t, "databricks", all.databricks);
        c.table = text(t, name, "table", zerobus, "events");
        c.path = text(t, name, "path", !zerobus);
        c.managed_subscription = text(t, name, "managed_subscription", false);
        const bool managed = !c.managed_subscription.empty();
        if (managed && !is_word(c.managed_subscription))
            wrong(where(t, "managed_subscription"),
                  "[pipeline] managed_subscription: the developer name or the id of a managed event subscription was "
                  "expected");
        if (managed && !in_use_.emplace("managed " + c.salesforce + " " + c.managed_subscription, "").second)
            wrong(where(t, "managed_subscription"), "[pipeline] managed_subscription: another pipeline has "
                                                        + c.managed_subscription
                                                        + "; Salesforce gives its events to one client at a time");
        c.checkpoint = text(t, name, "checkpoint", !sqlite && !managed);
        const auto useless = [&](std::string_view key, bool is, const char* why) {
            if (is && t.get(key) != nullptr) wrong(where(t, key), label(name, key) + ": " + why);
        };
        useless("path", zerobus, "a zerobus pipeline has no file; its rows go to \"table\"");
        useless("checkpoint", sqlite, "the sqlite sink keeps the position in its database");
        useless("checkpoint", managed && !sqlite, "Salesforce keeps the position of a managed subscription");
        useless("start", managed, "a managed subscription says in Salesforce where it starts");
        useless("table", c.sink == sink_kind::ndjson, "an ndjson pipeline has no table");
        useless("databricks", !zerobus, "only rows of the zerobus sink go to Databricks");
        const bool change_events = c.topic.empty() || c.topic.starts_with("/data/");
        for (const char* const key : {"entities", "exclude_entities", "skip_if_only"})
            useless(key, !change_events, "a platform event has no entityName and no changed fields");
        if (has_entity(c.table) && !change_events)
            wrong(where(t, "table"), "[pipeline] table: a platform event has no entityName for {entity}");
        for (const std::string& entity : c.filter.entities)
            if (std::count(c.filter.exclude_entities.begin(), c.filter.exclude_entities.end(), entity) > 0)
                wrong(where(t, "exclude_entities"),
                      "[pipeline] exclude_entities: \"" + entity + "\" is in entities, too");
        for (const auto& [key, names] :
             {std::pair("entities", &c.filter.entities), {"exclude_entities", &c.filter.exclude_entities}})
            for (const std::string& entity : *names)
                if (!is_word(entity))
                    wrong(where(t, key), label(name, key) + ": \"" + entity
                                             + "\" is no name of an object, as in \"Account\" or \"Order__c\"");
        if (!c.table.empty()) {
            const std::string one = table_of(c.table, "Account");
            if (one.find_first_of("{}") != one.npos)
                wrong(where(t, "table"), "[pipeline] table: {entity} is what may stand in braces");
            else if (zerobus && !is_zerobus_table(one))
                wrong(where(t, "table"),
                      "[pipeline] table: three parts were expected, each of ASCII letters, digits and "
                      "underscores (Zerobus takes no others), as in \"catalog.schema.table\"");
            else if (sqlite && is_taken_in_sqlite(one))
                wrong(where(t, "table"),
                      "[pipeline] table: names that begin with \"sqlite_\" or \"sfcdc_\" are taken");
        }
        if (sqlite && (c.path == ":memory:" || c.path.string().starts_with("file:")))
            wrong(where(t, "path"),
                  "[pipeline] path: the name of a file was expected; rows in memory are not durable");
        c.dead_letters = text(t, name, "dead_letters", managed && !sqlite, letters_beside(c));
        tables(t, c, all, useless);
        all.pipelines.push_back(std::move(c));
    }

    // What only tables of Databricks have: made by sfcdc, and following a schema.
    template<class Useless>
    void tables(const toml::table& t, pipeline_config& c, const config& all, const Useless& useless) {
        constexpr std::string_view name = "pipeline";
        const bool zerobus = c.sink == sink_kind::zerobus;
        const auto workspace = all.databricks.find(c.databricks);
        const bool has_warehouse = workspace != all.databricks.end() && !workspace->second.warehouse_id.empty();
        c.create = flag(t, name, "create", zerobus && has_warehouse);
        c.evolve = choice<evolve_mode>(
            t, name, "evolve", false,
            {{"auto", evolve_mode::auto_}, {"plan", evolve_mode::plan}, {"freeze", evolve_mode::freeze}},
            has_warehouse ? evolve_mode::auto_ : evolve_mode::plan);
        c.evolve_interval =
            std::chrono::seconds(number(t, name, "evolve_interval", 0, 86'400, c.evolve_interval.count()));
        c.plan_file = text(t, name, "plan_file", false,
                           (c.checkpoint.empty() ? c.dead_letters : c.checkpoint).string() + ".plan.sql");
        if (t.get("backfill") != nullptr) {
            if (t.get("start") != nullptr)
                wrong(where(t, "backfill"), "[pipeline] backfill: start says the same; leave one of them out");
            c.start = flag(t, name, "backfill", true) ? start_position::earliest : start_position::latest;
        }
        useless("create", !zerobus, "sfcdc makes tables of the zerobus sink; a database has its table in any case");
        for (const char* const key : {"evolve", "evolve_interval", "plan_file"})
            useless(key, !c.typed, "only tables of layout = \"typed\" follow a schema");
        if (zerobus && !has_warehouse) {
            const std::string section =
                workspace == all.databricks.end() ? "[databricks]" : workspace->second.section;
            if (c.create)
                wrong(where(t, "create"), "[pipeline] create: a table is made by a SQL warehouse; " + section
                                              + " warehouse_id is missing");
            if (c.typed && c.evolve == evolve_mode::auto_)
                wrong(where(t, "evolve"), "[pipeline] evolve: a table gets columns by a SQL warehouse; " + section
                                              + " warehouse_id is missing");
        }
        if (!c.typed) return;
        if (!zerobus) wrong(where(t, "layout"), "[pipeline] layout: typed tables are of the zerobus sink");
        for (const char* const key : {"columns", "exclude", "rename"})
            useless(key, true, "the columns of a typed table are those of the event's schema");
        useless("schema_json_every", true, "a typed table has no column for it");
        const bool several = c.topic == "/data/ChangeEvents" || c.topic.ends_with("__chn");
        if (several && !has_entity(c.table))
            wrong(where(t, "table"),
                  "[pipeline] table: a typed table has the fields of one object, and this topic has events of "
                  "several; put {entity} into the name, as in \"main.crm.{entity}_changes\"");
    }

    // Two topics in one database have letters of their own, and so have two orgs.
    static std::string letters_beside(const pipeline_config& c) {
        std::string beside = c.state().string();
        if (c.sink == sink_kind::sqlite && !c.topic.empty()) {
            std::string topic = c.topic.substr(1);
            std::replace(topic.begin(), topic.end(), '/', '_');
            if (!c.salesforce.empty()) beside += "." + c.salesforce;
            beside += "." + topic;
        }
        return beside + ".dead_letters.ndjson";
    }

    static void name_pipelines(config& c) {
        std::map<std::string, int> of_topic;
        for (const pipeline_config& p : c.pipelines) ++of_topic[p.topic];
        for (pipeline_config& p : c.pipelines) {
            p.label = p.topic;
            if (of_topic[p.topic] == 1) continue;
            if (!p.salesforce.empty()) p.label += " of " + p.salesforce;
            p.label += " into " + (p.sink == sink_kind::ndjson ? "" : p.table + " of ")
                       + (p.sink == sink_kind::zerobus ? c.databricks.at(p.databricks).section : p.path.string());
        }
    }

    void topic(const toml::table& t, std::string& topic, std::vector<std::string>& corrections) {
        const std::string written = text(t, "pipeline", "topic", true);
        if (written.empty()) return;
        const auto [name, bad] = topic_of(written);
        if (!bad.empty()) return wrong(where(t, "topic"), label("pipeline", "topic") + ": " + bad);
        if (name != written) corrections.push_back("the topic " + written + " is " + name + " in Salesforce");
        topic = name;
    }

    // The rows of one table have one layout.
    void one_layout_for_each_table(const toml::table& t, const pipeline_config& c) {
        if (c.sink == sink_kind::ndjson || c.table.empty()) return;
        const std::string place = c.sink == sink_kind::zerobus ? "databricks." + c.databricks : identity(c.path);
        const std::string table = place + " " + in_small_letters(c.table);
        const auto [at, first] = tables_.emplace(table, std::pair(&c, t.source().begin.line));
        const auto columns = [](const pipeline_config& p) {
            std::string out;
            for (const row::column& column : p.layout.columns())
                out += column.name + "=" + std::to_string(static_cast<int>(column.source)) + " ";
            return out + (p.layout.rows() == row::granularity::record ? "record" : "event");
        };
        if (!first && c.typed && at->second.first->salesforce != c.salesforce)
            return wrong(where(t, "table"), "[pipeline] table: the pipeline of line "
                                                + std::to_string(at->second.second)
                                                + " writes records of another org into " + c.table
                                                + ", and a typed table does not say of which org a row is");
        if (!first && c.typed && !has_entity(c.table) && at->second.first->topic != c.topic)
            return wrong(where(t, "table"), "[pipeline] table: the pipeline of line "
                                                + std::to_string(at->second.second)
                                                + " writes records of another object into " + c.table
                                                + "; a typed table has the columns of one");
        if (first || columns(*at->second.first) == columns(c)) return;
        wrong(where(t, "table"), "[pipeline] table: the pipeline of line " + std::to_string(at->second.second)
                                     + " writes rows of another layout into " + c.table
                                     + "; give one of the two another table");
    }

    // A file has one use: a position that is appended to, or two positions in one file, would undo each other. One database may
    // hold the rows of many topics.
    void files_of(const toml::table& t, const pipeline_config& s) {
        // Pipelines may share one database, and with it its files, but nothing else.
        const std::string database = "a file of the database " + whole_path(s.path).string();
        const auto use = [&](const std::filesystem::path& path, std::string_view key, const std::string& as,
                             bool shared = false) {
            const std::string what = path.empty() ? std::string() : identity(path);
            if (what.empty()) return;
            const std::string here = "[pipeline] " + as + " of line " + std::to_string(where(t, key).begin.line);
            const auto [at, first] = in_use_.emplace(what, shared ? database : here);
            if (first || (shared && at->second == database)) return;
            wrong(where(t, key),
                  "[pipeline] " + as + ": " + path.string() + " is already " + at->second + "; a file has one use");
        };
        if (s.sink == sink_kind::sqlite) {
            use(s.path, "path", "path", true);
            for (const char* const beside : {"-wal", "-shm", "-journal", ".lock"})
                use(s.path.string() + beside, "path", "path" + std::string(beside), true);
            const std::string position = identity(s.path) + " " + s.topic + " " + s.salesforce;
            if (!in_use_.emplace(position, "").second)
                wrong(t.source(),
                      "[pipeline]: two pipelines keep the position of " + s.topic + " in " + s.path.string());
        } else {
            if (!s.checkpoint.empty()) {
                use(s.checkpoint, "checkpoint", "checkpoint");
                use(s.checkpoint.string() + ".new", "checkpoint", "checkpoint's draft (.new)");
                use(state_lock::file_of(s.checkpoint), "checkpoint", "checkpoint's lock (.lock)");
            }
            if (s.sink == sink_kind::ndjson) use(s.path, "path", "path");
        }
        use(s.dead_letters, "dead_letters", "dead_letters");
        if (s.typed && s.evolve == evolve_mode::plan) use(s.plan_file, "plan_file", "plan_file");
    }

    // By dots, line by line, quoted or not: more than enough for every key and every value, and too few for a stack.
    void bounded_nesting(std::string_view text) {
        std::uint32_t line = 1;
        std::size_t dots = 0;
        for (const char c : text) {
            if (c == '\n')
                ++line, dots = 0;
            else if (c == '.' && ++dots > most_dots_in_a_line)
                throw failure(exit_code::bad_config,
                              file_.string() + ":" + std::to_string(line) + ": no line has so many dots");
        }
    }

    std::filesystem::path file_;
    std::string errors_;
    std::map<std::string, std::string> in_use_; // files by what they are, and what for
    std::set<std::string> missing_;             // sections that were said to be
    // Who writes first into a table of a workspace or a database, and the line of it.
    std::map<std::string, std::pair<const pipeline_config*, toml::source_index>> tables_;
};

} // namespace

config load_config(const std::filesystem::path& file) { return reader(file).read_file(); }
config parse_config(std::string_view text, const std::filesystem::path& name) { return reader(name).read(text); }

} // namespace sfcdc::runner
