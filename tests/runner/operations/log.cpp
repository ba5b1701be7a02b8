#include "operations/log.hpp"

#include "catch.hpp"

#include <string>

namespace said = sfcdc::runner::log;

TEST_CASE("text from outside is one line without control characters") {
    CHECK(said::one_line("plain, with \xc3\xa4 and \xe2\x82\xac") == "plain, with \xc3\xa4 and \xe2\x82\xac");
    CHECK(said::one_line("a\nb\rc\x1b[31md\te\x7f") == "a?b?c?[31md?e?");
    CHECK(said::one_line(std::string("a\0b", 3)) == "a?b");
    CHECK(said::one_line("a\xc2\x85z") == "a?z");                    // C1: next line
    CHECK(said::one_line("a\xe2\x80\xa8z\xe2\x80\xa9z") == "a?z?z"); // line and paragraph separators
    CHECK(said::one_line("a\xe2\x80\xaez\xe2\x81\xa6z") == "a?z?z"); // what turns the direction
    CHECK(said::one_line("a\xffz") == "a\xef\xbf\xbdz");
    CHECK(said::one_line("").empty());
}

TEST_CASE("a line is bounded, and cut between characters") {
    CHECK(said::one_line(std::string(2'000, 'x')).size() == 2'000);
    CHECK(said::one_line(std::string(2'001, 'x')) == std::string(2'000, 'x') + "...");
    std::string umlauts = "x";
    for (int i = 0; i < 2'000; ++i) umlauts += "\xc3\xa4";
    CHECK(said::one_line(umlauts) == umlauts.substr(0, 1'999) + "...");
}

TEST_CASE("a secret shows as stars, as it is and as a form encodes it") {
    said::hide("s3cret&with=odd/characters");
    CHECK(said::one_line("a s3cret&with=odd/characters b") == "a *** b");
    CHECK(said::one_line("client_secret=s3cret%26with%3Dodd%2Fcharacters&x") == "client_secret=***&x");
    CHECK(said::one_line("s3cret&with=odd/charactersXs3cret&with=odd/characters") == "***X***");
    said::hide("short"); // would take ordinary words with it
    CHECK(said::one_line("a short word") == "a short word");
    // A cut does not leave the beginning of one.
    CHECK(said::one_line(std::string(1'990, 'x') + "s3cret&with=odd/characters").find("s3c") == std::string::npos);
}

TEST_CASE("the secrets of the configuration are known for good, and the last 64 of the others") {
    said::hide("a secret of the configuration", true);
    for (int i = 0; i < 200; ++i) said::hide("token-number-" + std::to_string(1000 + i));
    CHECK(said::one_line("token-number-1199 token-number-1136") == "*** ***");
    CHECK(said::one_line("a secret of the configuration") == "***");
    CHECK(said::one_line("token-number-1000") == "token-number-1000");
}
