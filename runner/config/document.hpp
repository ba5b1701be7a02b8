// A TOML file while it is read as a configuration: values by their kinds, and every mistake with its place.
#pragma once

#include "../disk/text_file.hpp"
#include "config.hpp"

#include <toml++/toml.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner {

// What a file is, however it is spelt: two paths with one identity are one file. Empty for what may have many writers, such as a terminal.
std::string identity(const std::filesystem::path& path);

class document {
  public:
    // `name` stands for the file in messages.
    explicit document(std::filesystem::path name, secrets s = secrets::read) : name_(std::move(name)), secrets_(s) {}

    bool reads_secrets() const noexcept { return secrets_ == secrets::read; }

    // The text of the file with that name. Throws failure(bad_config) when it cannot be read.
    std::string read_file();
    // The table of a text. Throws failure(bad_config) with the first mistake of a text that is no TOML.
    toml::table parse(std::string_view text);

    // Notes a mistake, with line and column unless `where` has none.
    void mistake(const toml::source_region& where, std::string_view what);
    std::size_t mistakes() const noexcept { return mistakes_.size(); }
    // All but the first so many are forgotten.
    void forget_mistakes_after(std::size_t first) {
        mistakes_.erase(mistakes_.begin() + static_cast<std::ptrdiff_t>(first), mistakes_.end());
    }
    // Throws failure(bad_config) with a line for each mistake, in the order of the file; does nothing when there is none.
    void end() const;

    // ${NAME} and ${file:PATH} in a text; what cannot be had is a mistake of `label`. With `may_be_left` it stays as it is written where secrets are left
    // alone.
    std::string expand(std::string_view written, const toml::source_region& where, const std::string& label,
                       bool may_be_left = false);

    // Notes what a file is used for. Returns what it is used for already, or nothing. A file that is used again as the same thing (`as` is equal) is no conflict.
    std::string use(const std::string& identity, const std::string& as);

  private:
    struct noted {
        toml::source_position at;
        std::string line;
    };
    std::filesystem::path name_;
    const secrets secrets_;
    std::vector<noted> mistakes_;
    std::map<std::string, std::string> uses_;
};

// A table of a document with the keys of one section of options(). The document and the table outlive it. Each function that reads a key
// notes a mistake where the value is of another kind, and returns `otherwise` then and where the key is missing.
class section {
  public:
    // `kind` as in options(); `name` is what the file calls this one of them ("salesforce.second"). Keys that options() does not have, nor
    // `also`, are mistakes.
    section(document& in, const toml::table& table, std::string_view kind, std::string name,
            const std::vector<std::string_view>& also = {});
    // A table whose keys the file chooses, such as names of objects.
    section(document& in, const toml::table& table, std::string name)
        : in_(in), table_(table), name_(std::move(name)) {}

    const toml::table& table() const noexcept { return table_; }
    const std::string& name() const noexcept { return name_; }
    // The table in one form, whatever its spelling, order and comments in the file.
    std::string written() const;
    bool has(std::string_view key) const { return table_.get(key) != nullptr; }
    // Where the key is, or the section where a default stands in for it.
    const toml::source_region& where(std::string_view key) const;
    std::uint32_t line_of(std::string_view key) const { return where(key).begin.line; }
    document& in() const noexcept { return in_; }

    // "[salesforce] login_url: WHAT", where the key is, or at the section for a key that is missing.
    void wrong(std::string_view key, std::string_view what) const;
    // The same of something within the value of the key.
    void wrong(std::string_view key, const toml::node& at, std::string_view what) const;
    // A mistake of the whole section.
    void wrong_section(std::string_view what) const;

    // A text, with what ${} in it stands for. A variable of the environment stands in for a missing key whose option names one. `required`:
    // missing and empty are mistakes.
    std::string text(std::string_view key, bool required = false, std::string otherwise = {}) const;
    // A text that is expanded again at each use; it is checked now. `hidden`: it never shows in the log.
    secret secret_text(std::string_view key, bool hidden, bool required = true) const;
    std::int64_t number(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise) const;
    bool flag(std::string_view key, bool otherwise) const;
    std::vector<std::string> texts(std::string_view key) const;
    template<class E>
    E choice(std::string_view key, bool required, const std::vector<std::pair<std::string_view, E>>& choices,
             E otherwise) const {
        const std::string word = text(key, required);
        if (!has(key)) return otherwise;
        std::string list;
        for (const auto& [w, e] : choices) {
            if (w == word) return e;
            list += (list.empty() ? "\"" : ", \"") + std::string(w) + "\"";
        }
        wrong(key, "one of " + list + " was expected, not \"" + word + "\"");
        return otherwise;
    }
    // "https://HOST", without a slash at its end; http:// only to this machine.
    std::string url(std::string_view key, bool required) const;
    // "HOST:PORT" or a URL without a path; http:// only to this machine.
    std::string endpoint(std::string_view key, bool required, std::string otherwise = {}) const;
    // A file of PEM that can be read now; empty: the key is missing.
    std::string ca_file() const;

  private:
    std::string label(std::string_view key) const;
    std::string variable_of(std::string_view key) const;

    document& in_;
    const toml::table& table_;
    std::string_view kind_;
    std::string name_;
};

} // namespace sfcdc::runner
