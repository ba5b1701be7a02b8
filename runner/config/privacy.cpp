#include "../names.hpp"
#include "parts.hpp"

#include <algorithm>

#include <sys/stat.h>

namespace sfcdc::runner {
namespace {

constexpr std::size_t longest_token_key = 64u << 10;

bool is_word_with(std::string_view text, std::string_view signs) {
    std::string letters(text);
    std::erase_if(letters, [&](char c) { return signs.find(c) != signs.npos; });
    return !text.empty() && (letters.empty() || is_word(letters));
}

// A list of patterns for the fields of all objects, or a table of such lists by object.
std::vector<field_pattern> field_patterns(const section& s, std::string_view key) {
    std::vector<field_pattern> out;
    if (!s.has(key)) return out;
    const auto add = [&](const std::string& entity, const toml::node& at, std::vector<std::string> fields) {
        for (std::string& field : fields) {
            if (!is_word_with(field, ".*"))
                s.wrong(key, at,
                        "\"" + field
                            + "\" is no name of a field, as in \"Phone\", \"BillingAddress.City\" or \"*Email\"");
            else if (in_small_letters(field.substr(0, field.find('.'))) == "changeeventheader")
                s.wrong(key, at, "the ChangeEventHeader has no data of a record, and rows need all of its members");
            out.push_back({entity, std::move(field)});
        }
    };
    const toml::node& node = *s.table().get(key);
    const toml::table* const by_object = node.as_table();
    if (by_object == nullptr) {
        add("*", node, s.texts(key));
        return out;
    }
    const section objects(s.in(), *by_object, s.name() + "." + std::string(key));
    for (const auto& [object, list] : *by_object) {
        if (!is_word_with(object.str(), "*"))
            objects.wrong(object.str(),
                          "the name of an object was expected, as in \"Account\", \"Order__c\" or \"*\"");
        add(std::string(object.str()), list, objects.texts(object.str()));
    }
    return out;
}

// The bytes of the file are the key, all of them.
std::shared_ptr<const cdc::token_key> token_key(const section& s) {
    constexpr std::string_view key = "token_key_file";
    const std::string path = s.text(key, true);
    if (path.empty() || !s.in().reads_secrets()) return nullptr;
    const auto complain = [&](const std::string& what) {
        s.wrong(key, path + ": " + what);
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
    s.in().use(identity(path), "the key of tokens");
    return std::make_shared<const cdc::token_key>(bytes);
}

} // namespace

privacy_config read_privacy(const section& s, const row::layout& l) {
    privacy_config c;
    c.deny = field_patterns(s, "deny");
    c.tokenise = field_patterns(s, "tokenise");
    if (!c.tokenise.empty())
        c.token_key = token_key(s);
    else if (s.has("token_key_file"))
        s.wrong("token_key_file", "there is no \"tokenise\" that needs it");
    // By the name that `exclude` knows, which comes before `rename`.
    const auto payload = [](const row::column& column) { return column.source == row::column_source::payload; };
    if (!c.deny.empty() && std::ranges::any_of(l.columns(), payload))
        s.wrong("deny", "the rows have the event's bytes, and with them all of its fields; leave the column out: "
                        "exclude = [\""
                            + std::string(s.text("layout") == "lakeflow" ? "event_payload" : "payload_binary")
                            + "\"]");
    return c;
}

} // namespace sfcdc::runner
