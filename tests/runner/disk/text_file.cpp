#include "disk/text_file.hpp"

#include "catch.hpp"
#include "folder.hpp"

#include <cstdlib>
#include <string>

using sfcdc::runner::expand;
using sfcdc::runner::secret;

TEST_CASE("a text of the configuration stands for variables and files") {
    const test::folder f;
    f.write("s", "hunter2\n");
    const std::string file = "${file:" + (f / "s").string() + "}";
    ::setenv("SFCDC_TEST_TEXT", "value", 1);
    CHECK(expand("plain").text == "plain");
    CHECK(expand("").text.empty());
    CHECK(expand("a${SFCDC_TEST_TEXT}b" + file + "c").text == "avaluebhunter2c");
    REQUIRE(expand(file).files.size() == 1);
    CHECK(expand(file).files[0] == f / "s");
    f.write("s", "two\n\n"); // one line feed is the editor's
    CHECK(expand(file).bad.find("a line break") != std::string::npos);
}

TEST_CASE("what a text cannot stand for is said, and gives no half of it") {
    const test::folder f;
    f.write("cr", "secret\r\n");
    f.write("nul", std::string("a\0b", 3));
    f.write("long", std::string(70'000, 'x'));
    ::unsetenv("SFCDC_TEST_NONE");
    for (const auto& [written, why] : {std::pair<std::string, const char*>{"a${", "without"},
                                       {"a${SFCDC_TEST_NONE}", "SFCDC_TEST_NONE is not set"},
                                       {"a${file:" + (f / "cr").string() + "}", "a CR"},
                                       {"a${file:" + (f / "nul").string() + "}", "a NUL"},
                                       {"a${file:" + (f / "long").string() + "}", "longer than"},
                                       {"a${file:" + (f / "none").string() + "}", "No such file"},
                                       {"a${file:" + (f / "").string() + "}", "it is a folder"},
                                       {"a${file:/dev/zero}", "no regular file"},
                                       {"a\tb", "the control character 9"},
                                       {"\xef\xbb\xbfx", "a byte order mark"}}) {
        INFO(written);
        CHECK(expand(written).text.empty());
        CHECK(expand(written).bad.find(why) != std::string::npos);
    }
}

TEST_CASE("a secret whose file is replaced is the new one at the next use") {
    const test::folder f;
    f.write("s", "old\n");
    const secret s("${file:" + (f / "s").string() + "}");
    CHECK(s.read().text == "old");
    f.write("s", "new\n");
    CHECK(s.read().text == "new");
    std::filesystem::remove(f / "s");
    CHECK_FALSE(s.read().bad.empty());
}
