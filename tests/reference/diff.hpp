// All texts that a unified diff may make out of an old one, in every way in which lines may end. Slow: it holds every line
// of both and makes each text from the start. Shares no code with include/.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reference {

struct diff_line {
    std::string text, end;
};

// With `cr_alone` a CR without LF ends a line; without it a CR at the end of the text is the half of a break.
inline std::vector<diff_line> cut(const std::string& text, bool cr_alone) {
    std::vector<diff_line> out;
    diff_line now;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool cr = text[i] == '\r', last = i + 1 == text.size();
        if (cr && !last && text[i + 1] == '\n')
            now.end = "\r\n", ++i;
        else if (text[i] == '\n' || (cr && (cr_alone || last)))
            now.end = text[i];
        else
            now.text += text[i];
        if (!now.end.empty()) out.push_back(now), now = {};
    }
    if (!now.text.empty()) out.push_back(now);
    return out;
}

// A line of the new text: where it comes from in the old one, or which line it replaces or follows.
struct new_line {
    std::string text;
    bool kept = false;
    std::string old_end;  // of the line itself, if it is kept; of the one that it replaces or follows, if it is added
    bool has_old = false; // there is such a line
    std::string diff_end; // of an added line
};

inline std::optional<unsigned long long> diff_number(const std::string& text, std::size_t& at) {
    std::string digits;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') digits += text[at++];
    std::size_t zeros = 0;
    while (zeros < digits.size() && digits[zeros] == '0') ++zeros;
    const std::string value = digits.substr(zeros), most = "18446744073709551615";
    if (digits.empty() || value.size() > most.size() || (value.size() == most.size() && value > most)) return {};
    return value.empty() ? 0 : std::stoull(value);
}

// The lines of the new text, or nothing where the hunks do not fit the old one.
inline std::optional<std::vector<new_line>> diff_lines(std::vector<diff_line> old,
                                                       const std::vector<diff_line>& hunks) {
    std::vector<new_line> out;
    const std::size_t size = old.size();
    if (old.empty() || !old.back().end.empty())
        old.emplace_back();           // a hunk may speak of it, but it is not kept unless one does
    std::size_t next = 0;             // the next line of `old`
    std::vector<std::size_t> removed; // not replaced yet
    const auto keep = [&] {
        out.push_back({old[next].text, true, old[next].end, true, {}});
        ++next;
        removed.clear();
    };
    for (std::size_t i = 0; i < hunks.size(); ++i) {
        const std::string& l = hunks[i].text;
        if (l.substr(0, 4) == "@@ -") {
            std::size_t at = 4;
            const auto first = diff_number(l, at);
            std::optional<unsigned long long> count = 1;
            if (at < l.size() && l[at] == ',') count = diff_number(l, ++at);
            if (!first || !count || l.substr(at, 2) != " +") return {};
            at += 2;
            const auto new_first = diff_number(l, at);
            if (!new_first || (*first == 0 && *count != 0)) return {};
            if (*first > old.size() + 1) return {};
            std::size_t from = static_cast<std::size_t>(*first);
            if (*count != 0) {
                --from;
            } else if (from > next) {
                // The line number in the new text that it has if the hunk stands in front of line `first`.
                const std::size_t number = out.size() + (from - 1 - next) + 1;
                if (number == *new_first) --from;
            }
            if (from < next || from > old.size()) return {};
            while (next < from) keep();
            continue;
        }
        if (i == 0) return {};
        const char kind = l.empty() ? ' ' : l[0];
        const std::string text = l.empty() ? l : l.substr(1);
        if (kind == '+') {
            new_line added{text, false, {}, false, hunks[i].end};
            std::size_t like = next == 0 ? 0 : next - 1;
            if (!removed.empty()) like = removed.front(), removed.erase(removed.begin());
            if (like < old.size()) added.has_old = true, added.old_end = old[like].end;
            out.push_back(added);
        } else if (kind == ' ' || kind == '-') {
            if (next == old.size() || old[next].text != text) return {};
            if (kind == ' ')
                keep();
            else
                removed.push_back(next++);
        } else if (kind != '\\') {
            return {};
        }
    }
    while (next < size) keep();
    return out;
}

// Every new text that the hunks (what stands behind the second line of the diff) may stand for.
inline std::vector<std::string> diff_results(const std::string& old_text, const std::string& hunks) {
    std::vector<std::string> out;
    for (const bool cr_alone : {true, false}) {
        const std::vector<diff_line> old = cut(old_text, cr_alone);
        const auto lines = diff_lines(old, cut(hunks, cr_alone));
        if (!lines) continue;
        std::map<std::string, std::size_t> count;
        for (const diff_line& l : old) ++count[l.end];
        std::string prevailing = "\n";
        for (const char* const end : {"\r\n", "\r"})
            if (count[end] > count[prevailing]) prevailing = end;
        for (const char* const way : {"replaced", "diff", "prevailing", "\n", "\r\n", "\r"}) {
            const std::string name = way;
            const bool all = name.size() < 3;
            const std::string usual = all ? name : name == "diff" ? "\n" : prevailing;
            const auto whole = [&](const std::string& end) {
                if (end.empty()) return usual;
                return !cr_alone && end == "\r" ? std::string("\r\n") : end;
            };
            std::string text, end;
            for (std::size_t i = 0; i < lines->size(); ++i) {
                const new_line& l = (*lines)[i];
                if (i != 0) text += whole(end);
                text += l.text;
                if (all)
                    end = usual;
                else if (l.kept)
                    end = l.old_end;
                else if (name == "replaced")
                    end = l.has_old ? l.old_end : usual;
                else if (name == "diff")
                    end = l.diff_end;
                else
                    end = usual;
            }
            out.push_back(text);
            out.push_back(text + whole(end));
        }
    }
    return out;
}

} // namespace reference
