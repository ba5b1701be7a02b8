#include "catch.hpp"

#include <string>

#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/avro/schema_parser.hpp>
#include <sfcdc/wire/hex.hpp>

using namespace sfcdc;

namespace {

std::string md5(std::string_view text) {
    std::string out;
    wire::append_hex(out, avro::detail::md5(text));
    return out;
}

std::string canonical(std::string_view text) {
    const auto [schema, bad] = avro::parse_schema(text);
    INFO(text);
    REQUIRE_FALSE(bad);
    return avro::canonical_form(schema);
}

} // namespace

TEST_CASE("MD5: the vectors of RFC 1321") {
    CHECK(md5("") == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(md5("a") == "0cc175b9c0f1b6a831c399e269772661");
    CHECK(md5("abc") == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(md5("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
    CHECK(md5("abcdefghijklmnopqrstuvwxyz") == "c3fcd3d76192e4007dfb496cca67e13b");
    CHECK(md5("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
          == "d174ab98d277d9f5a5611c2c9f419d9f");
    CHECK(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890")
          == "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("MD5 at the ends of its blocks") {
    CHECK(md5(std::string(55, 'a')) == "ef1772b6dff9a122358552954ad0df65");
    CHECK(md5(std::string(56, 'a')) == "3b0c8ac703f828b04c6c197006d17218");
    CHECK(md5(std::string(63, 'a')) == "b06521f39153d618550606be297466d5");
    CHECK(md5(std::string(64, 'a')) == "014842d480b571495a4a0363793f7367");
    CHECK(md5(std::string(1'000'000, 'a')) == "7707d6ae4e027c70eea2a935c2296f21");
}

TEST_CASE("canonical form: short names, full names, only what counts, in its order") {
    CHECK(canonical("\"int\"") == "\"int\"");
    CHECK(canonical(R"({"type":"string","logicalType":"uuid"})") == "\"string\"");
    CHECK(canonical(R"( { "type" : { "type" : "long" } } )") == "\"long\"");
    CHECK(canonical(R"(["null" , "int"])") == R"(["null","int"])");
    CHECK(canonical(R"({"items":"int","type":"array","doc":"x"})") == R"({"type":"array","items":"int"})");
    CHECK(canonical(R"({"values":"int","type":"map"})") == R"({"type":"map","values":"int"})");
    CHECK(canonical(R"({"size":016,"type":"fixed","namespace":"a.b","name":"F","aliases":["G"]})")
          == R"({"name":"a.b.F","type":"fixed","size":16})");
    CHECK(canonical(R"({"symbols":["A","B"],"doc":"d","default":"A","type":"enum","name":"E"})")
          == R"({"name":"E","type":"enum","symbols":["A","B"]})");
    CHECK(
        canonical(
            R"({"doc":"d","uuid":"u","fields":[{"order":"ignore","doc":"x","default":null,"type":["null","\u0069nt"],"name":"f"}],"name":"a.R","type":"record"})")
        == R"({"name":"a.R","type":"record","fields":[{"name":"f","type":["null","int"]}]})");
}

TEST_CASE("canonical form: a named type is written out once, then by its full name") {
    CHECK(canonical(R"({"type":"record","name":"R","namespace":"n","fields":[
        {"name":"a","type":{"type":"fixed","name":"F","size":1}}, {"name":"b","type":["null","F"]}, {"name":"c","type":"n.F"},
        {"name":"d","type":["null","R"]}, {"name":"e","type":{"type":"enum","name":"E","namespace":"","symbols":[]}}, {"name":"g","type":"E"}]})")
          == R"({"name":"n.R","type":"record","fields":[{"name":"a","type":{"name":"n.F","type":"fixed","size":1}},)"
             R"({"name":"b","type":["null","n.F"]},{"name":"c","type":"n.F"},{"name":"d","type":["null","n.R"]},)"
             R"({"name":"e","type":{"name":"E","type":"enum","symbols":[]}},{"name":"g","type":"E"}]})");
}

TEST_CASE("schema id: 22 characters that doc, default and the order of keys do not change") {
    const auto id = [](std::string_view text) { return avro::schema_id(avro::parse_schema(text).value); };
    const std::string one =
        id(R"({"type":"record","name":"R","fields":[{"name":"f","type":["null","int"],"doc":"a","default":null}]})");
    CHECK(one.size() == 22);
    CHECK(
        one
        == id(R"({"name":"R","fields":[{"doc":"b","type":["null","int"],"name":"f"}],"type":"record","uuid":"x"})"));
    CHECK(one != id(R"({"type":"record","name":"R","fields":[{"name":"g","type":["null","int"]}]})"));
    CHECK(one != id(R"({"type":"record","name":"R","fields":[{"name":"f","type":["int","null"]}]})"));
    CHECK(one.find_first_of("+/=") == std::string::npos);
}
