#include "catch.hpp"

#include <limits>
#include <string>

#include <sfcdc/cdc/diff.hpp>

using namespace sfcdc;

namespace {

std::string hex(std::string_view text) {
    std::string out;
    wire::append_hex(out, wire::sha256(text));
    return out;
}

std::string diff_to(std::string_view fresh, std::string_view hunks) {
    return "--- \n+++ " + hex(fresh) + "\n" + std::string(hunks);
}

} // namespace

TEST_CASE("sha256 of the standard's examples") {
    CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
          == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a diff gives the new text, and the hash says so") {
    const std::string_view old_text = "one\ntwo\nthree\nfour\nfive";
    SECTION("a line is changed") {
        const std::string_view fresh = "one\n2\nthree\nfour\nfive";
        const auto [text, bad] = cdc::apply_diff(old_text, diff_to(fresh, "@@ -2,1 +2,1 @@\n-two\n+2\n"));
        CHECK(!bad);
        CHECK(text == fresh);
    }
    SECTION("two hunks, with context and without counts") {
        const std::string_view fresh = "one\ntwo\nthree\n4\nfive\nsix";
        const auto [text, bad] = cdc::apply_diff(
            old_text, diff_to(fresh, "@@ -3,2 +3,2 @@\n three\n-four\n+4\n@@ -5 +5,2 @@\n five\n+six\n"));
        CHECK(!bad);
        CHECK(text == fresh);
    }
    SECTION("lines are put in front and taken away at the end") {
        const std::string_view fresh = "zero\none\ntwo\nthree\nfour";
        const auto [text, bad] =
            cdc::apply_diff(old_text, diff_to(fresh, "@@ -0,0 +1,1 @@\n+zero\n@@ -5,1 +5,0 @@\n-five\n"));
        CHECK(!bad);
        CHECK(text == fresh);
    }
    SECTION("a line feed at the end belongs to the text when the hash says so") {
        const std::string_view fresh = "one\n2\nthree\nfour\nfive\n";
        const auto [text, bad] =
            cdc::apply_diff(std::string(old_text) + "\n", diff_to(fresh, "@@ -2,1 +2,1 @@\n-two\n+2\n"));
        CHECK(!bad);
        CHECK(text == fresh);
    }
    SECTION("from nothing") {
        const auto [text, bad] =
            cdc::apply_diff("", diff_to("a\nb", "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"));
        CHECK(!bad);
        CHECK(text == "a\nb");
    }
}

TEST_CASE("a diff that is wrong is never applied") {
    const std::string_view old_text = "one\ntwo\nthree";
    const auto code = [&](std::string_view diff) { return cdc::apply_diff(old_text, diff).error.code; };
    const std::string good = diff_to("one\n2\nthree", "@@ -2,1 +2,1 @@\n-two\n+2\n");
    REQUIRE(code(good) == errc::none);
    CHECK(code("") == errc::diff_syntax);
    CHECK(code("just a long text\nof two lines") == errc::diff_syntax);
    CHECK(code("--- \n+++ abc\n") == errc::diff_syntax);
    CHECK(code(diff_to("x", "@@ -x,1 +2,1 @@\n")) == errc::diff_syntax);
    CHECK(code(diff_to("x", "@@ -0,1 +2,1 @@\n-one\n")) == errc::diff_syntax);
    CHECK(code(diff_to("x", "@@ -2,1 +2,1 @@\n?two\n")) == errc::diff_syntax);
    CHECK(code(diff_to("x", "@@ -2,1 +2,1 @@\n-other\n+2\n")) == errc::diff_does_not_apply);
    CHECK(code(diff_to("x", "@@ -9,1 +9,1 @@\n-two\n")) == errc::diff_does_not_apply);
    CHECK(code(diff_to("x", "@@ -2,1 +2,1 @@\n-two\n@@ -1,1 +1,1 @@\n-one\n")) == errc::diff_does_not_apply);
    CHECK(code(diff_to("another text", "@@ -2,1 +2,1 @@\n-two\n+2\n")) == errc::diff_wrong_hash);
    const std::string last = std::to_string(std::numeric_limits<std::size_t>::max());
    CHECK(code(diff_to("x", "@@ -" + last + ",1 +1,1 @@\n-one\n")) == errc::diff_does_not_apply);
    CHECK(code(diff_to("x", "@@ -" + last + "0,1 +1,1 @@\n-one\n")) == errc::diff_syntax);
    for (std::size_t i = 0; i < good.size();
         ++i) // cut anywhere: an error, or (only line feeds are gone) the same text
        if (const auto [text, bad] = cdc::apply_diff(old_text, std::string_view(good).substr(0, i)); !bad)
            CHECK(text == "one\n2\nthree");
}
