#include "names.hpp"

#include <algorithm>

namespace sfcdc::runner {
namespace {

constexpr std::size_t longest_name = 255; // in Unity Catalog

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_small(char c) { return c >= 'a' && c <= 'z'; }

} // namespace

bool is_word(std::string_view text) {
    const auto in_a_word = [](char c) { return is_digit(c) || is_capital(c) || is_small(c) || c == '_'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), in_a_word);
}

std::string in_small_letters(std::string name) {
    for (char& c : name)
        if (is_capital(c)) c = static_cast<char>(c - 'A' + 'a');
    return name;
}

bool matches(std::string_view pattern, std::string_view name) {
    const auto small = [](char c) { return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c; };
    const auto same = [&](char a, char b) { return small(a) == small(b); };
    std::size_t p = 0, n = 0;
    std::size_t star = pattern.npos, behind = 0; // the last "*", and where in the name it ends for now
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            behind = n;
        } else if (p < pattern.size() && same(pattern[p], name[n])) {
            ++p, ++n;
        } else if (star != pattern.npos) { // the star takes one character more
            p = star + 1;
            n = ++behind;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == pattern.npos;
}

topic_name topic_of(std::string_view written) {
    constexpr std::string_view data = "/data/", event = "/event/", change_event = "ChangeEvent";
    std::string_view folder, rest = written;
    for (const std::string_view each : {data, event})
        for (const std::string_view spelt : {each, each.substr(1)}) // the slash in front is forgotten
            if (folder.empty() && rest.starts_with(spelt)) {
                folder = each;
                rest.remove_prefix(spelt.size());
            }
    if (rest.find('*') != rest.npos) {
        std::string without(rest);
        std::erase(without, '*');
        if (!folder.empty() && (without.empty() || is_word(without)))
            return {std::string(folder) + std::string(rest), {}};
        return {{},
                "a pattern of topics is /data/ or /event/ and letters, digits, underscores and \"*\", as in "
                "\"/event/*__e\" or \"/data/*ChangeEvent\""};
    }
    if (!is_word(rest))
        return {{},
                "/data/ or /event/ and a name of letters, digits and underscores was expected, as in "
                "\"/data/AccountChangeEvent\""};
    std::string name(rest);
    const bool channel = name.ends_with("__chn"), platform_event = name.ends_with("__e");
    if (folder.empty() && channel)
        return {{},
                "a channel is written with its folder: \"/data/" + name + "\" has change events, \"/event/" + name
                    + "\" platform events"};
    if (folder.empty()) folder = platform_event ? event : data;
    if (folder == data && name != "ChangeEvents" && !channel && !platform_event) {
        if (name.ends_with(change_event)) name.resize(name.size() - change_event.size());
        if (name.ends_with("__c")) name.pop_back(); // the events of Invoice__c are Invoice__ChangeEvent
        name += change_event;
    }
    return {std::string(folder) + name, {}};
}

std::string entity_of_change_event(std::string_view event) {
    constexpr std::string_view ending = "ChangeEvent";
    if (!event.ends_with(ending)) return {};
    std::string name(event.substr(0, event.size() - ending.size()));
    return name.ends_with("__") ? name + "c" : name;
}

bool is_zerobus_table(std::string_view text) {
    for (int dots = 0;; ++dots) {
        const std::size_t dot = text.find('.');
        const std::string_view part = text.substr(0, dot);
        if (!is_word(part) || part.size() > longest_name) return false;
        if (dot == text.npos) return dots == 2;
        text.remove_prefix(dot + 1);
    }
}

bool is_taken_in_sqlite(std::string_view table) {
    const std::string name = in_small_letters(std::string(table));
    return name.starts_with("sqlite_") || name.starts_with("sfcdc_");
}

std::string table_of(std::string_view table, std::string_view entity) {
    constexpr std::string_view place = "{entity}";
    std::string out(table);
    for (std::size_t at = 0; (at = out.find(place, at)) != out.npos; at += entity.size())
        out.replace(at, place.size(), entity);
    return out;
}

bool may_have_table(std::string_view table, std::string_view entity, bool in_sqlite) {
    if (!is_word(entity) || entity.size() > longest_name) return false;
    const std::string name = table_of(table, entity);
    return in_sqlite ? !is_taken_in_sqlite(name) : is_zerobus_table(name);
}

} // namespace sfcdc::runner
