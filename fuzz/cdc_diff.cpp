// Diffs of long texts. Out of most inputs an old and a new text are made, and a diff between them, which must give the new
// text; of the others the hunks themselves are the input, and what a slow reader sees in them must be what is applied.
#include "fuzz.hpp"

#include "../tests/reference/diff.hpp"
#include "../tests/reference/sha256.hpp"

#include <sfcdc/cdc/diff.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace sfcdc;

namespace {

constexpr std::array<const char*, 3> breaks = {"\n", "\r\n", "\r"};

// The new text that the library makes, from blocks of exactly the size of its inputs.
result<std::string> applied(const std::string& old_text, const std::string& diff) {
    const auto exact = [](const std::string& text) {
        return fuzz::exact_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    };
    const fuzz::exact_bytes old_block = exact(old_text), diff_block = exact(diff);
    return cdc::apply_diff(old_block.text(), diff_block.text());
}

std::string with_hash(const std::string& text, const std::string& hunks, const std::string& end = "\n") {
    return "--- " + end + "+++ " + reference::sha256(text) + end + hunks;
}

// Hunks that are anything: they may stand for the texts that the reference makes of them, and for no others.
void any_hunks(const std::string& old_text, const std::string& hunks, std::size_t which) {
    fuzz::require(!applied(old_text, hunks).ok() || hunks.size() > 64);
    const std::vector<std::string> expected = reference::diff_results(old_text, hunks);
    if (!expected.empty()) {
        const std::string& text = expected[which % expected.size()];
        const auto [got, bad] = applied(old_text, with_hash(text, hunks));
        fuzz::require(!bad && got == text);
    }
    const std::string other = old_text + "?" + hunks; // longer than any of them
    const std::string diff = with_hash(other, hunks);
    const error bad = applied(old_text, diff).error;
    fuzz::require(bad.offset <= diff.size());
    fuzz::require(bad.code == errc::diff_wrong_hash ? !expected.empty() : expected.empty() && bad);
}

// The bytes of the input, one choice at a time; zeros behind them.
class choices {
  public:
    explicit choices(std::span<const std::uint8_t> bytes) : left_(bytes) {}
    bool empty() const { return left_.empty(); }
    std::size_t below(std::size_t n) {
        if (left_.empty()) return 0;
        const std::size_t out = left_[0] % n;
        left_ = left_.subspan(1);
        return out;
    }

  private:
    std::span<const std::uint8_t> left_;
};

struct edit {
    char kind = ' '; // ' ' kept, '-' removed, '+' added
    std::string text, end;
};

std::string some_text(choices& c, bool with_cr) {
    static constexpr std::string_view characters = "ab @-+\\,0\xe2";
    std::string out;
    for (std::size_t n = c.below(6); n > 0; --n) {
        const std::size_t i = c.below(characters.size() + (with_cr ? 4 : 0));
        out += i < characters.size() ? characters[i] : '\r';
    }
    return out;
}

std::vector<edit> some_edits(choices& c, bool with_cr) {
    std::vector<edit> out;
    while (!c.empty()) {
        const std::size_t kind = c.below(8);
        const std::string text = some_text(c, with_cr);
        if (kind < 4) out.push_back({' ', text, {}});
        if (kind == 4 || kind >= 6) out.push_back({'-', text, {}});
        if (kind >= 5) out.push_back({'+', kind == 7 ? some_text(c, with_cr) : text, {}});
    }
    // Of lines that change together the removed ones stand first.
    std::vector<edit> sorted, added;
    const auto put_added = [&] {
        sorted.insert(sorted.end(), added.begin(), added.end());
        added.clear();
    };
    for (const edit& e : out) {
        if (e.kind == ' ') put_added();
        (e.kind == '+' ? added : sorted).push_back(e);
    }
    put_added();
    return sorted;
}

// A hunk for each run of lines that changed or are near to one that did.
std::string hunks_of(const std::vector<edit>& edits, choices& c, const std::string& end) {
    const std::size_t context = c.below(3), style = c.below(8);
    const bool gnu = (style & 1) != 0, counts_lie = (style & 2) != 0, spaces_lost = (style & 4) != 0;
    std::vector<bool> shown(edits.size());
    for (std::size_t i = 0; i < edits.size(); ++i)
        for (std::size_t k = i > context ? i - context : 0; k < edits.size() && k <= i + context; ++k)
            if (edits[k].kind != ' ') shown[i] = true;
    std::string out;
    std::size_t old_line = 0, new_line = 0;
    for (std::size_t i = 0; i < edits.size();) {
        if (!shown[i]) { // so it is kept
            ++old_line, ++new_line, ++i;
            continue;
        }
        std::size_t old_count = 0, new_count = 0, last = i;
        for (; last < edits.size() && shown[last]; ++last) {
            if (edits[last].kind != '+') ++old_count;
            if (edits[last].kind != '-') ++new_count;
        }
        const auto range = [&](std::size_t line, std::size_t count) {
            const std::size_t first = line + (count != 0 || !gnu ? 1 : 0);
            if (count == 1 && gnu) return std::to_string(first);
            return std::to_string(first) + "," + std::to_string(count != 0 && counts_lie ? count + 7 : count);
        };
        out += "@@ -" + range(old_line, old_count) + " +" + range(new_line, new_count) + " @@" + end;
        for (; i < last; ++i) {
            if (!spaces_lost || edits[i].kind != ' ' || !edits[i].text.empty()) out += edits[i].kind;
            out += edits[i].text + end;
        }
        old_line += old_count, new_line += new_count;
    }
    if (style == 3 && !out.empty()) out += "\\ No newline at end of file" + end;
    if (style == 2 && !out.empty()) out.resize(out.size() - end.size());
    return out;
}

// Ends for the lines; false if the texts are none that a diff without line breaks can tell.
bool give_ends(std::vector<edit>& edits, choices& c) {
    const std::string one = breaks[c.below(3)];
    const std::size_t way = c.below(4);
    if (way < 2) { // every line has the same
        for (edit& e : edits) e.end = one;
        return true;
    }
    std::array<std::size_t, 3> count{};
    for (edit& e : edits) {
        if (e.text.empty()) e.text = "e"; // a CR and an empty line that ends with LF would be one break
        if (e.kind == '+') continue;
        const std::size_t b = c.below(3);
        e.end = breaks[b];
        ++count[b];
    }
    std::array<std::size_t, 3> sorted = count;
    std::sort(sorted.begin(), sorted.end());
    if (way == 2) { // added ones have the one that most lines have
        if (sorted[1] == sorted[2]) return false;
        const std::string most =
            breaks[static_cast<std::size_t>(std::max_element(count.begin(), count.end()) - count.begin())];
        for (edit& e : edits)
            if (e.kind == '+') e.end = most;
        return true;
    }
    // Added ones have that of the line which they replace, else of the one in front of them, else of the first one.
    std::string in_front;
    for (std::size_t i = edits.size(); i-- > 0;)
        if (edits[i].kind != '+') in_front = edits[i].end;
    if (in_front.empty()) return false;
    for (std::size_t i = 0; i < edits.size();) {
        std::vector<std::string> removed;
        for (; i < edits.size() && edits[i].kind == '-'; ++i) removed.push_back(in_front = edits[i].end);
        for (std::size_t n = 0; i < edits.size() && edits[i].kind == '+'; ++i, ++n)
            edits[i].end = n < removed.size() ? removed[n] : in_front;
        for (; i < edits.size() && edits[i].kind == ' '; ++i) in_front = edits[i].end;
    }
    return true;
}

void pair_cut_at_any_break(choices& c) {
    const bool old_ends = c.below(2) != 0, new_ends = c.below(2) != 0;
    const std::string end = breaks[c.below(3)];
    choices ways = c; // the same bytes say how lines end and what they are
    c.below(8);
    std::vector<edit> edits = some_edits(c, false);
    if (!give_ends(edits, ways)) return;
    std::string old_text, new_text;
    const bool mixed = std::any_of(edits.begin(), edits.end(), [&](const edit& e) { return e.end != edits[0].end; });
    for (const edit& e : edits) {
        if (e.kind != '+') old_text += e.text + e.end;
        if (e.kind != '-') new_text += e.text + e.end;
    }
    const auto cut = [&](std::string& text, char other) {
        for (std::size_t i = edits.size(); i-- > 0;)
            if (edits[i].kind != other) {
                // An empty last line without a break would be none.
                if (!edits[i].text.empty()) text.resize(text.size() - edits[i].end.size());
                return;
            }
    };
    if (!old_ends && !mixed) cut(old_text, '+');
    if (!new_ends) cut(new_text, '-');
    const auto [text, bad] = applied(old_text, with_hash(new_text, hunks_of(edits, ways, end), end));
    fuzz::require(!bad && text == new_text);
}

void pair_cut_at_lf(choices& c) {
    const bool old_ends = c.below(2) != 0, new_ends = c.below(2) != 0;
    choices ways = c;
    const std::vector<edit> edits = some_edits(c, true);
    std::string old_text, new_text;
    for (const edit& e : edits) {
        if (e.kind != '+') old_text += e.text + "\n";
        if (e.kind != '-') new_text += e.text + "\n";
    }
    // A last line that ends with a CR, or is empty, keeps its break.
    for (auto& [text, ends] : {std::pair<std::string&, bool>(old_text, old_ends), {new_text, new_ends}})
        if (!ends && text.size() > 1 && text[text.size() - 2] != '\r' && text[text.size() - 2] != '\n')
            text.pop_back();
    const auto [text, bad] = applied(old_text, with_hash(new_text, hunks_of(edits, ways, "\n")));
    fuzz::require(!bad && text == new_text);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::span<const std::uint8_t> rest(data + 2, size - 2);
    choices c(rest);
    if (data[0] % 3 == 0) {
        const auto [old_text, hunks] = fuzz::split(rest);
        any_hunks(std::string(old_text.begin(), old_text.end()), std::string(hunks.begin(), hunks.end()), data[1]);
    } else if (data[0] % 3 == 1) {
        pair_cut_at_any_break(c);
    } else {
        pair_cut_at_lf(c);
    }
    return 0;
}
