#include "catch.hpp"
#include "exact_bytes.hpp"
#include "reference/sha256.hpp"

#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <sfcdc/cdc/diff.hpp>

using namespace sfcdc;

namespace {

constexpr std::string_view line_ends[] = {"\n", "\r\n", "\r"};

result<std::string> applied(std::string_view old_text, std::string_view diff) {
    const exact_bytes old_block(old_text), diff_block(diff); // a read behind them is seen by AddressSanitizer
    return cdc::apply_diff(old_block.text(), diff_block.text());
}

// A diff to this text, from its hunks. `end` ends the two lines in front of them.
std::string diff_to(std::string_view new_text, std::string_view hunks, std::string_view end = "\n") {
    std::string out = "--- ";
    out.append(end).append("+++ ").append(reference::sha256(std::string(new_text))).append(end).append(hunks);
    return out;
}

// Lines with an end behind each of them.
std::string joined(std::initializer_list<std::string_view> lines, std::string_view end) {
    std::string out;
    for (const std::string_view line : lines) out.append(line).append(end);
    return out;
}

std::string shown(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
    return out;
}

// The hunks turn one text into the other.
void check(std::string_view old_text, std::string_view new_text, std::string_view hunks,
           std::string_view end = "\n") {
    INFO(shown(old_text) << " with " << shown(hunks));
    const auto [text, bad] = applied(old_text, diff_to(new_text, hunks, end));
    INFO(bad.message() << " at " << bad.offset);
    CHECK(!bad);
    CHECK(shown(text) == shown(new_text));
}

} // namespace

TEST_CASE("diff: a text keeps its line breaks, whatever ends the lines of the diff") {
    // The hashes are those that Python's hashlib gives for "uno", "zwei", "tres" with such breaks.
    struct known {
        std::string_view old_text, new_text, hash;
    };
    const known all[] = {
        {"uno\r\ndue\r\ntres", "uno\r\nzwei\r\ntres",
         "63042ae160e5525e3de9319840c839354267663401e3908ff879d4a841bd5bc7"},
        {"uno\r\ndue\r\ntres\r\n", "uno\r\nzwei\r\ntres\r\n",
         "37589b0bd925e7de8ca3e965f26068f4c8abb19f8b18cf3427ab99191df60a2d"},
        {"uno\rdue\rtres", "uno\rzwei\rtres", "4820b40a1fd329a08b8fb9198923a911951415c182223e21f26d0530b129f9ee"},
        {"uno\ndue\ntres", "uno\nzwei\ntres", "00b0af092a95600111f099240d897f7a4d96fb06f0949689608cc9793017db21"},
    };
    for (const auto& [old_text, new_text, hash] : all)
        for (const std::string_view end : line_ends)
            for (const bool ends_with_it : {false, true}) {
                std::string diff =
                    joined({"--- ", "+++ " + std::string(hash), "@@ -2,1 +2,1 @@", "-due", "+zwei"}, end);
                if (!ends_with_it) diff.resize(diff.size() - end.size());
                INFO(shown(old_text) << " with " << shown(diff));
                const auto [text, bad] = applied(old_text, diff);
                CHECK(!bad);
                CHECK(shown(text) == shown(new_text));
            }
}

TEST_CASE("diff: hunks") {
    for (const std::string_view end : line_ends) {
        const std::string old_text = "one" + joined({"", "two", "three", "four"}, end) + "five";
        const auto text = [&](std::initializer_list<std::string_view> lines) {
            std::string out = joined(lines, end);
            out.resize(out.size() - end.size());
            return out;
        };
        // Two of them, with context and without counts.
        check(old_text, text({"one", "two", "three", "4", "five", "six"}),
              "@@ -3,2 +3,2 @@\n three\n-four\n+4\n@@ -5 +5,2 @@\n five\n+six\n");
        // Lines are put in front and taken away at the end.
        check(old_text, text({"zero", "one", "two", "three", "four"}),
              "@@ -0,0 +1,1 @@\n+zero\n@@ -5,1 +5,0 @@\n-five\n");
        // A line is put in behind a line that is named (GNU diff), and in front of it (java-diff-utils).
        const std::string inserted = text({"0", "one", "two", "2b", "three", "four", "five", "six"});
        check(old_text, inserted, "@@ -0,0 +1,1 @@\n+0\n@@ -2,0 +4,1 @@\n+2b\n@@ -5,0 +8,1 @@\n+six\n");
        check(old_text, inserted, "@@ -1,0 +1,1 @@\n+0\n@@ -3,0 +4,1 @@\n+2b\n@@ -6,0 +8,1 @@\n+six\n");
        // A line taken away in front moves the lines of the new text the other way.
        const std::string moved = text({"three", "3b", "four", "five"});
        check(old_text, moved, "@@ -1,2 +0,0 @@\n-one\n-two\n@@ -3,0 +2,1 @@\n+3b\n");
        check(old_text, moved, "@@ -1,2 +1,0 @@\n-one\n-two\n@@ -4,0 +2,1 @@\n+3b\n");
        // Each line says itself what it is, so only a count of 0 counts.
        check(old_text, text({"one", "2", "three", "four", "five"}), "@@ -2,9 +2,999 @@ note()\n-two\n+2\n");
        check(old_text, text({"one", "2", "2b", "three", "four", "five"}), "@@ -2,1 +2,0 @@\n-two\n+2\n+2b\n");
        // No hunk at all.
        check(old_text, old_text, "");
    }
}

TEST_CASE("diff: lines that look like something else") {
    check("a\n\nb", "a\n\nc", "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n");  // an empty kept line has lost its space
    check("a\n\nb", "a\n\nc", "@@ -1,3 +1,3 @@\n a\n \n-b\n+c\n"); // or has it
    check("a\n\nb", "a\nb", "@@ -2 +1,0 @@\n-\n");
    check("-- x\n", "++ x\n@@ -1 +1 @@", "@@ -1 +1,2 @@\n--- x\n+++ x\n+@@ -1 +1 @@\n");
    check("a\nb", "a\nc", "@@ -2,1 +2,1 @@\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n");
}

TEST_CASE("diff: a break at the end comes and goes with the hash") {
    for (const std::string_view end : line_ends) {
        const std::string open = "a" + std::string(end) + "b", closed = open + std::string(end);
        const std::string other = "a" + std::string(end) + "c", other_closed = other + std::string(end);
        const std::string_view hunks = "@@ -2,1 +2,1 @@\n-b\n+c\n";
        check(open, other, hunks);
        check(open, other_closed, hunks);
        check(closed, other, hunks);
        check(closed, other_closed, hunks);
        check(open, closed, "");
        check(closed, open, "");
        // A last line that has no break gets one when lines come behind it.
        check(open, closed + "c", "@@ -2,0 +3,1 @@\n+c\n");
        // The break behind the last line is the end of an empty line, for those who cut with split(-1).
        check(open, closed, "@@ -2,1 +2,2 @@\n b\n+\n");
        check(closed, open, "@@ -2,2 +2,1 @@\n b\n-\n");
        check(closed, closed + "c", "@@ -2,2 +2,2 @@\n b\n-\n+c\n");
        check(closed, closed + std::string(end) + "c", "@@ -3,1 +3,2 @@\n \n+c\n");
    }
    const auto fails = [](std::string_view old_text, std::string_view hunks) {
        return applied(old_text, diff_to("a\n\n\nb", hunks)).error.code == errc::diff_does_not_apply;
    };
    CHECK(fails("a\n", "@@ -2,2 +2,3 @@\n \n \n+b\n")); // there is one such line, not two
    CHECK(fails("a", "@@ -2,1 +2,3 @@\n \n+\n+b\n"));   // and none here
    CHECK(fails("a\n", "@@ -2,1 +2,3 @@\n-x\n+\n+b\n"));
}

TEST_CASE("diff: the old text does not show how lines end") {
    for (const std::string_view end : line_ends) {
        const std::string two = "a" + std::string(end) + "b";
        for (const std::string& text : {two, two + std::string(end)}) {
            check("", text, "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n");
            check("", text, "@@ -1,0 +1,2 @@\n+a\n+b\n");
            check("", text, "@@ -1,1 +1,2 @@\n-\n+a\n+b\n"); // an empty text has one empty line, for some
            check("a", text, "@@ -1,0 +2,1 @@\n+b\n");
            check("b", text, "@@ -0,0 +1,1 @@\n+a\n");
            check("x", text, "@@ -1,1 +1,2 @@\n-x\n+a\n+b\n");
        }
    }
    check("a\nb", "", "@@ -1,2 +0,0 @@\n-a\n-b\n");
    check("a", "b", "@@ -1 +1 @@\n-a\n+b\n");
    CHECK(!cdc::apply_diff({}, diff_to("", "")).error);
}

TEST_CASE("diff: in a text with several kinds of breaks each line that is kept keeps its own") {
    const std::string_view old_text = "a\r\nb\nc\rd\r\ne\nf\r\ng";
    for (const std::string_view end : line_ends) {
        // An added line has the break of the one that it replaces, so many as there are,
        check(old_text, "a\r\nB\nC\rd\r\ne\nf\r\ng", joined({"@@ -2,2 +2,2 @@", "-b", "-c", "+B", "+C"}, end), end);
        check(old_text, "a\r\nB\nC\rC2\rd\r\ne\nf\r\ng",
              joined({"@@ -2,2 +2,3 @@", "-b", "-c", "+B", "+C", "+C2"}, end), end);
        // else of the line in front of it, else of the first one;
        check(old_text, "a\r\nb\nb2\nc\rc2\rd\r\ne\nf\r\ng",
              joined({"@@ -2,0 +3,1 @@", "+b2", "@@ -3,1 +4,2 @@", " c", "+c2"}, end), end);
        check(old_text, "0\r\na\r\nb\nc\rd\r\ne\nf\r\ng", joined({"@@ -0,0 +1,1 @@", "+0"}, end), end);
        // or the one that most lines have.
        check(old_text, "a\r\nB\r\nc\rc2\r\nd\r\ne\nf\r\ng",
              joined({"@@ -2,2 +2,3 @@", "-b", "+B", " c", "+c2"}, end), end);
    }
    check("a\nb\r\nc\r\nd", "0\na\nb\r\nC\r\nd", "@@ -0,0 +1,1 @@\n+0\n@@ -3,1 +4,1 @@\n-c\n+C\n");
    // A line that was removed before a kept one is replaced by none behind it.
    check("a\nb\r\nc\nd\n", "b\r\nB\r\nc\nd\n", "@@ -1,2 +1,2 @@\n-a\n b\n+B\n");
}

TEST_CASE("diff: every break was changed, since the text was saved in another way") {
    const std::string_view hunks = "@@ -2,1 +2,1 @@\n-b\n+B\n";
    for (const std::string_view from : line_ends)
        for (const std::string_view to : line_ends)
            check(joined({"a", "b", "c"}, from), joined({"a", "B", "c"}, to), hunks);
    check("a\nb\r\nc\rd", "a\r\nB\r\nc\r\nd", hunks);
}

TEST_CASE("diff: texts were cut at LF, so that a CR is in the diff's lines") {
    // CR LF in the text: the CR is the end of what stands in the diff, which itself may end with one.
    check("a\r\nb\r\nc", "a\r\nB\r\nc", "@@ -2,1 +2,1 @@\n-b\r\n+B\r\n");
    check("a\r\nb\r\nc", "a\r\nB\r\nc", "@@ -2,1 +2,1 @@\n-b\r\n+B\r");
    check("a\r\nb\r\nc", "a\r\nb\r\nC", "@@ -2,2 +2,2 @@\n b\r\n-c\n+C");
    // Breaks change with it.
    check("a\nb\nc", "a\nb\r\nc", "@@ -2,1 +2,1 @@\n-b\n+b\r\n");
    check("a\nb\nc", "a\nb\r\nc", "@@ -2,1 +2,1 @@\n-b\n+b\r");
    check("a\r\nb\r\nc\r\nd\ne", "a\r\nB\nc\r\nd\ne", "@@ -2,1 +2,1 @@\n-b\r\n+B\n");
    check("a\nb\nc\n", "a\nb\nc\nD\r\nE\nF\r\n", "@@ -3,0 +4,3 @@\n+D\r\n+E\n+F\r");
    check("a\r\nb\r\nc", "a\r\nb\r\nc\nd", "@@ -3,0 +4,1 @@\n+d");
    // A CR without LF is a character of its line, and lines are counted without it.
    check("a\rx\nb\r\rx\nc\r\r\nd\n", "a\rx\nB\r\rx\nc\r\r\nd\n", "@@ -2,1 +2,1 @@\n-b\r\rx\n+B\r\rx\n");
    check("a\rx\nb\n\nc\r\r\nd\n", "a\rx\nb\n\nC\r\r\nd\n", "@@ -3,2 +3,2 @@\n \n-c\r\r\n+C\r\r\n");
    check("a\rx\nb\nc\nd\n", "a\rx\nb\nc\n\r@@ -1 +1 @@\n", "@@ -4,1 +4,1 @@\n-d\n+\r@@ -1 +1 @@\n");
    // Whether the CR in front of LF is in the diff or not.
    check("a\rx\r\nb\r\nc\r\nd", "a\rx\r\nB\ry\r\nc\r\nd", "@@ -2,1 +2,1 @@\n-b\n+B\ry\n");
    check("a\rx\r\nb\r\nc\r\nd", "a\rx\r\nB\ry\r\nc\r\nd", "@@ -2,1 +2,1 @@\r\n-b\r\n+B\ry\r\n", "\r\n");
}

TEST_CASE("diff: one that is wrong is never applied, and the error says where") {
    const std::string_view old_text = "one\ntwo\nthree";
    const std::string good = diff_to("one\n2\nthree", "@@ -2,1 +2,1 @@\n-two\n+2\n");
    const std::size_t hunks = 5 + 4 + 64 + 1; // where they begin
    const auto is = [&](errc code, std::size_t offset, std::string_view diff) {
        INFO(shown(diff));
        const error bad = applied(old_text, diff).error;
        CHECK(bad.code == code);
        CHECK(bad.offset == offset);
    };
    is(errc::none, 0, good);
    is(errc::diff_syntax, 0, "");
    is(errc::diff_syntax, 0, "just a long text\nof two lines");
    is(errc::diff_syntax, 3, "---");
    is(errc::diff_syntax, 4, "---\n");
    is(errc::diff_syntax, 5, "--- \n++ \n");
    is(errc::diff_syntax, 5, "--- \n*** " + reference::sha256(std::string(old_text)) + "\n");
    is(errc::diff_syntax, 9, "--- \n+++ abc\n");
    is(errc::diff_syntax, 9, "--- \n+++ abcd\n");
    is(errc::diff_syntax, 9, "--- \n+++ " + std::string(64, 'g') + "\n");
    is(errc::diff_syntax, 9, "--- \n+++ " + std::string(66, 'a') + "\n");
    is(errc::diff_syntax, hunks, diff_to("x", "-two\n"));
    for (const std::string_view head :
         {"@@ -", "@@ -x,1 +2,1 @@", "@@ -2,x +2,1 @@", "@@ -2, +2 @@", "@@ -2,1", "@@ -2,1 2", "@@ -2,1 +",
          "@@ -2,1 +x", "@@ --1,1 +1,1 @@", "@@ -0,1 +2,1 @@", "@@ -0 +1 @@"})
        is(errc::diff_syntax, hunks, diff_to("x", std::string(head) + "\n-two\n"));
    is(errc::diff_syntax, hunks + 16, diff_to("x", "@@ -2,1 +2,1 @@\n?two\n"));
    is(errc::diff_syntax, hunks + 19, diff_to("x", "@@ -2,1 +2,1 @@\n+x\ry\n?")); // of two errors the first reading's
    is(errc::diff_does_not_apply, hunks + 16, diff_to("x", "@@ -2,1 +2,1 @@\n-other\n+2\n"));
    is(errc::diff_does_not_apply, hunks + 16, diff_to("x", "@@ -2,1 +2,1 @@\n tw\n"));
    is(errc::diff_does_not_apply, hunks, diff_to("x", "@@ -9,1 +9,1 @@\n-two\n"));
    is(errc::diff_does_not_apply, hunks, diff_to("x", "@@ -4,0 +9,1 @@\n+four\n"));
    is(errc::diff_does_not_apply, hunks + 21, diff_to("x", "@@ -2,1 +2,1 @@\n-two\n@@ -1,1 +1,1 @@\n-one\n"));
    is(errc::diff_does_not_apply, hunks + 21, diff_to("x", "@@ -2,1 +2,1 @@\n-two\n@@ -2,1 +2,1 @@\n-two\n"));
    is(errc::diff_does_not_apply, hunks + 23, diff_to("x", "@@ -3,1 +3,1 @@\n-three\n@@ -0,0 +1,1 @@\n+0\n"));
    is(errc::diff_does_not_apply, hunks + 23, diff_to("x", "@@ -3,1 +3,1 @@\n-three\n-four\n"));
    is(errc::diff_wrong_hash, 9, diff_to("another text", "@@ -2,1 +2,1 @@\n-two\n+2\n"));
    is(errc::diff_wrong_hash, 10, diff_to("another text", "@@ -2,1 +2,1 @@\n-two\n+2\n", "\r\n"));
    for (std::size_t i = 0; i < good.size(); ++i) // cut anywhere: an error, or (only the break is gone) the same text
        if (const auto [text, bad] = applied(old_text, std::string_view(good).substr(0, i)); !bad)
            CHECK(text == "one\n2\nthree");
}

TEST_CASE("diff: numbers as large as they get") {
    const std::string last = std::to_string(std::numeric_limits<std::uint64_t>::max());
    const auto code = [](const std::string& head) {
        return applied("one\ntwo", diff_to("x", head + "\n-one\n")).error.code;
    };
    const std::vector<std::string> tails = {",1 +1,1 @@", ",0 +1,1 @@", "," + last + " +" + last + "," + last + " @@",
                                            ",0 +0 @@"};
    for (const std::string& tail : tails) {
        CHECK(code("@@ -" + last + tail) == errc::diff_does_not_apply);
        CHECK(code("@@ -" + last + "0" + tail) == errc::diff_syntax);
    }
    CHECK(code("@@ -1," + last + "0 +1,1 @@") == errc::diff_syntax);
    CHECK(code("@@ -1,1 +" + last + "0,1 @@") == errc::diff_syntax);
    check("one\ntwo", "ONE\ntwo", "@@ -1," + last + " +" + last + "," + last + " @@\n-one\n+ONE\n");
}

TEST_CASE("diff: many lines and many hunks") {
    for (const std::string_view end : line_ends) {
        std::string old_text, new_text, hunks;
        for (int i = 1; i <= 50'000; ++i) {
            const std::string n = std::to_string(i), line = "line " + n;
            old_text.append(line).append(end);
            if (i % 3 == 0) {
                hunks += "@@ -" + n + ",1 +" + n + ",1 @@\n-" + line + "\n+new " + n + "\n";
                new_text.append("new ").append(n).append(end);
            } else {
                new_text.append(line).append(end);
            }
        }
        const auto [text, bad] = applied(old_text, diff_to(new_text, hunks));
        CHECK(!bad);
        CHECK(text == new_text);
        // Nothing but breaks, and hunks that do nothing, all at the same place.
        std::string breaks, nothing;
        for (int i = 0; i < 300'000; ++i) breaks.append(end);
        for (int i = 0; i < 50'000; ++i) nothing += "@@ -0,0 +0,0 @@\n";
        CHECK(applied(breaks, diff_to(breaks, nothing)).value == breaks);
        CHECK(applied(breaks, diff_to("x", breaks)).error.code == errc::diff_syntax);
        CHECK(applied(breaks, diff_to("x", "@@ -1 +1 @@\n" + breaks)).error.code == errc::diff_wrong_hash);
    }
}
