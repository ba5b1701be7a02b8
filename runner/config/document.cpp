#include "document.hpp"

#include "../disk/durable_file.hpp"
#include "../io/url.hpp"
#include "../operations/failure.hpp"
#include "../operations/log.hpp"
#include "former_keys.hpp"
#include "options.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <tuple>

#include <sys/stat.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

// Real ones have a few KB: a device, or a file named by mistake, is no configuration.
constexpr std::size_t longest_config = 1u << 20;
constexpr std::size_t longest_certificates = 16u << 20; // a system's roots have 200 KB
// A dotted key is a table in a table; the library makes and destroys them by recursion.
constexpr std::size_t most_dots_in_a_line = 1'000;

} // namespace

std::string identity(const std::filesystem::path& path) {
    struct stat found{};
    const bool there = path == "-" ? ::fstat(STDOUT_FILENO, &found) == 0 : ::stat(path.c_str(), &found) == 0;
    if (there && S_ISCHR(found.st_mode)) return path == "-" ? "standard output" : "";
    if (there) return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
    return whole_path(path).string();
}

// ---- document

std::string document::read_file() {
    auto [text, bad] = read_text_file(name_, longest_config, false);
    if (!bad.empty())
        throw failure(exit_code::bad_config, name_.string() + ": the configuration cannot be read: " + bad);
    use(identity(name_), "the configuration itself");
    return std::move(text);
}

toml::table document::parse(std::string_view text) {
    // By dots, line by line, quoted or not: more than enough for every key and every value, and too few for a stack.
    std::uint32_t line = 1;
    std::size_t dots = 0;
    for (const char c : text) {
        if (c == '\n')
            ++line, dots = 0;
        else if (c == '.' && ++dots > most_dots_in_a_line)
            throw failure(exit_code::bad_config,
                          name_.string() + ":" + std::to_string(line) + ": no line has so many dots");
    }
    try {
        return toml::parse(text, name_.string());
    } catch (const toml::parse_error& e) {
        mistake(e.source(), e.description());
    }
    end();
    return {};
}

void document::mistake(const toml::source_region& where, std::string_view what) {
    std::string line = name_.string() + ":";
    if (where.begin.line != 0)
        line += std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column) + ":";
    mistakes_.push_back({where.begin, line + " " + log::one_line(what)});
}

void document::end() const {
    if (mistakes_.empty()) return;
    std::vector<const noted*>
        sorted; // those of one place in the order in which they were noted, as their addresses are
    for (const noted& m : mistakes_) sorted.push_back(&m);
    std::ranges::sort(sorted, {}, [](const noted* m) { return std::tuple(m->at.line, m->at.column, m); });
    std::string all;
    for (const noted* const m : sorted) all += (all.empty() ? "" : "\n") + m->line;
    throw failure(exit_code::bad_config, all);
}

std::string document::expand(std::string_view written, const toml::source_region& where, const std::string& label,
                             bool may_be_left) {
    auto [expanded, bad, files] = runner::expand(written);
    if (!bad.empty() && may_be_left && !reads_secrets()) return std::string(written);
    if (!bad.empty()) mistake(where, label + ": " + bad);
    for (const std::filesystem::path& f : files) use(identity(f), "the file of " + label);
    return std::move(expanded);
}

std::string document::use(const std::string& identity, const std::string& as) {
    const auto [at, first] = uses_.emplace(identity, as);
    return first || at->second == as ? std::string() : at->second;
}

// ---- section

section::section(document& in, const toml::table& table, std::string_view kind, std::string name,
                 const std::vector<std::string_view>& also)
    : in_(in), table_(table), kind_(kind), name_(std::move(name)) {
    std::vector<std::string_view> known = keys_of(kind);
    known.insert(known.end(), also.begin(), also.end());
    for (const auto& [key, node] : table) {
        if (std::ranges::find(known, key.str()) != known.end()) continue;
        std::string hint = hint_about_former_key(key.str());
        if (!hint.empty()) {
            // A setting of another program is meant, whatever key of this one has nearly its name.
        } else if (const std::string_view nearest = nearest_word(key.str(), known); !nearest.empty()) {
            hint = "; did you mean \"" + std::string(nearest) + "\"?";
        } else {
            hint = "; known are";
            for (const std::string_view w : known) hint += (w == known.front() ? " " : ", ") + std::string(w);
        }
        in_.mistake(key.source(), label(key.str()) + ": unknown key" + hint);
    }
}

std::string section::written() const {
    std::ostringstream out;
    out << '[' << name_ << "]\n" << toml::toml_formatter(table_);
    return out.str();
}

const toml::source_region& section::where(std::string_view key) const {
    const toml::node* const n = table_.get(key);
    return n != nullptr ? n->source() : table_.source();
}
std::string section::label(std::string_view key) const {
    return name_.empty() ? std::string(key) : "[" + name_ + "] " + std::string(key);
}

std::string section::variable_of(std::string_view key) const {
    const option* const o = option_of(kind_, key);
    return o != nullptr ? std::string(o->environment) : std::string();
}

void section::wrong(std::string_view key, std::string_view what) const {
    in_.mistake(where(key), label(key) + ": " + std::string(what));
}
void section::wrong(std::string_view key, const toml::node& at, std::string_view what) const {
    in_.mistake(at.source(), label(key) + ": " + std::string(what));
}
void section::wrong_section(std::string_view what) const {
    in_.mistake(table_.source(), "[" + name_ + "]: " + std::string(what));
}

std::string section::text(std::string_view key, bool required, std::string otherwise) const {
    const toml::node* const n = table_.get(key);
    if (n == nullptr) {
        const std::string variable = variable_of(key);
        if (const char* const value = variable.empty() ? nullptr : std::getenv(variable.c_str());
            value != nullptr && *value != '\0') {
            if (const std::string sign = control_character(value); !sign.empty())
                wrong(key, "the environment variable " + variable + " has " + sign);
            return value;
        }
        if (required)
            wrong(key, "missing"
                           + (variable.empty() ? ""
                                               : ", and so is the environment variable " + variable
                                                     + " that may stand in for it"));
        return otherwise;
    }
    const auto* const value = n->as_string();
    if (value == nullptr) return wrong(key, "a string was expected"), otherwise;
    const std::size_t before = in_.mistakes();
    std::string expanded = in_.expand(value->get(), n->source(), label(key), kind_ != "pipeline");
    if (required && expanded.empty() && in_.mistakes() == before) wrong(key, "must not be empty");
    return expanded;
}

secret section::secret_text(std::string_view key, bool hidden, bool required) const {
    const std::string now = text(key, required);
    if (hidden) log::hide(now, true);
    const toml::node* const n = table_.get(key);
    if (n == nullptr) {
        const std::string variable = variable_of(key);
        return variable.empty() || now.empty() ? secret() : secret("${" + variable + "}");
    }
    return secret(n->is_string() ? n->as_string()->get() : std::string());
}

std::int64_t section::number(std::string_view key, std::int64_t least, std::int64_t most,
                             std::int64_t otherwise) const {
    const toml::node* const n = table_.get(key);
    if (n == nullptr) return otherwise;
    const auto* const value = n->as_integer();
    if (value != nullptr && value->get() >= least && value->get() <= most) return value->get();
    wrong(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most) + " was expected");
    return otherwise;
}

bool section::flag(std::string_view key, bool otherwise) const {
    const toml::node* const n = table_.get(key);
    if (n == nullptr) return otherwise;
    const auto* const value = n->as_boolean();
    if (value == nullptr) return wrong(key, "true or false was expected"), otherwise;
    return value->get();
}

std::vector<std::string> section::texts(std::string_view key) const {
    std::vector<std::string> out;
    const toml::node* const n = table_.get(key);
    if (n == nullptr) return out;
    const toml::array* const list = n->as_array();
    if (list == nullptr || !std::ranges::all_of(*list, [](const toml::node& e) { return e.is_string(); }))
        return wrong(key, "a list of strings was expected"), out;
    for (const toml::node& e : *list)
        out.push_back(in_.expand(e.as_string()->get(), e.source(), label(key), kind_ != "pipeline"));
    return out;
}

// A host may stand in a message, what is in front of an "@" may not: it is a password.
std::string section::url(std::string_view key, bool required) const {
    std::string value = text(key, required);
    while (!value.empty() && value.back() == '/') value.pop_back();
    if (value.empty()) return value;
    if (!has(key) && value.find("://") == value.npos) value = "https://" + value; // as platforms set DATABRICKS_HOST
    const auto a = url_parts::of(value);
    if (value.find("://") == value.npos || !a)
        wrong(key, "a URL with https:// was expected");
    else if (a->has_user)
        wrong(key, "a URL has no user and no password here; they would be sent and logged with it");
    else if (a->has_query)
        wrong(key, "the URL ends with its host or path; leave out what begins with ? or #");
    else if (a->scheme != "https" && !(a->scheme == "http" && a->loopback()))
        wrong(key, "a URL with https:// was expected; http:// leads to this machine only");
    return value;
}

std::string section::endpoint(std::string_view key, bool required, std::string otherwise) const {
    std::string value = text(key, required, std::move(otherwise));
    while (!value.empty() && value.back() == '/') value.pop_back();
    if (value.empty()) return value;
    const auto a = url_parts::of(value.find("://") == value.npos ? "https://" + value : value);
    if (!a || (a->scheme != "https" && a->scheme != "http"))
        wrong(key, "host and port were expected, as in \"api.pubsub.salesforce.com:443\"");
    else if (a->has_user)
        wrong(key, "an endpoint has no user and no password");
    else if (a->has_path || a->has_query)
        wrong(key, "host and port were expected, without a path");
    else if (a->scheme == "http" && !a->loopback())
        wrong(key, "without TLS (http://) only to this machine");
    return value;
}

// Certificates are read when a connection is made; here only that they can be.
std::string section::ca_file() const {
    std::string path = text("ca_file");
    if (path.empty()) return path;
    const auto [certificates, bad] = read_text_file(path, longest_certificates, true);
    if (!bad.empty())
        wrong("ca_file", path + ": cannot be read: " + bad);
    else if (certificates.find("-----BEGIN ") == certificates.npos)
        wrong("ca_file", path + ": has no certificate in PEM form");
    else
        in_.use(identity(path), "the certificates of [" + name_ + "]");
    return path;
}

} // namespace sfcdc::runner
