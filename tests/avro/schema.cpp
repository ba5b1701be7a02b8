#include "catch.hpp"
#include "exact_bytes.hpp"
#include "record_of.hpp"

#include <string>

#include <sfcdc/avro/schema_parser.hpp>

using namespace sfcdc;
using avro::type;

namespace {

error parse_error(std::string_view text) {
    const exact_bytes block(text);
    return avro::parse_schema(block.text()).error;
}

// In `marked` the place of the error is written as «.
void fails(errc code, std::string marked) {
    const std::string mark = "\xC2\xAB";
    const std::size_t at = marked.find(mark);
    REQUIRE(at != std::string::npos);
    marked.erase(at, mark.size());
    INFO(marked);
    const error bad = parse_error(marked);
    CHECK(bad.message() == std::string(message(code)));
    CHECK(bad.offset == at);
}

avro::schema good(std::string_view text) {
    const exact_bytes block(text);
    auto [schema, bad] = avro::parse_schema(block.text());
    INFO(text);
    INFO(bad.message() << " at " << bad.offset);
    REQUIRE_FALSE(bad);
    return schema;
}

const avro::schema::field& field(const avro::schema& s, std::size_t i) { return s.fields(s[s.root()])[i]; }

} // namespace

TEST_CASE("schema: primitives, as names and as objects") {
    const std::pair<const char*, type> all[] = {
        {"null", type::null},    {"boolean", type::boolean}, {"int", type::int_},    {"long", type::long_},
        {"float", type::float_}, {"double", type::double_},  {"bytes", type::bytes}, {"string", type::string}};
    for (const auto& [name, expected] : all) {
        const avro::schema plain = good("\"" + std::string(name) + "\"");
        CHECK(plain[plain.root()].type == expected);
        const avro::schema object = good("{\"type\":\"" + std::string(name) + "\",\"logicalType\":\"x\"}");
        CHECK(object[object.root()].type == expected);
        const avro::schema nested = good("{\"type\":{\"type\":\"" + std::string(name) + "\"}}");
        CHECK(nested[nested.root()].type == expected);
    }
}

TEST_CASE("schema: records, enums, fixed, arrays, maps, unions") {
    const avro::schema s =
        good(record_of(R"({"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]},"doc":"Data:E"},
        {"name":"f","type":{"type":"fixed","name":"F","size":16}}, {"name":"a","type":{"type":"array","items":"E"}},
        {"name":"m","type":{"type":"map","values":["null","F"]}}, {"name":"u","type":["null","E","R"],"default":null})"));
    const avro::schema::node& root = s[s.root()];
    REQUIRE(root.type == type::record);
    REQUIRE(root.count == 5);
    CHECK(s.full_name(root) == "R");
    CHECK(field(s, 0).name == "e");
    CHECK(field(s, 0).doc == "Data:E");
    CHECK(field(s, 1).doc.empty());
    const avro::schema::node& e = s[field(s, 0).node];
    REQUIRE(e.type == type::enum_);
    REQUIRE(s.symbols(e).size() == 2);
    CHECK(s.symbols(e)[1] == "B");
    CHECK(s[field(s, 1).node].type == type::fixed);
    CHECK(s[field(s, 1).node].first == 16);
    CHECK(s[field(s, 2).node].type == type::array);
    CHECK(s[field(s, 2).node].first == field(s, 0).node);
    const avro::schema::node& m = s[field(s, 3).node];
    REQUIRE(m.type == type::map);
    CHECK(s.branches(s[m.first])[1] == field(s, 1).node);
    const avro::schema::node& u = s[field(s, 4).node];
    REQUIRE(u.type == type::union_);
    REQUIRE(u.count == 3);
    CHECK(s[s.branches(u)[0]].type == type::null);
    CHECK(s.branches(u)[2] == s.root()); // recursion by name
}

TEST_CASE("schema: records within records keep their fields apart") {
    const avro::schema s = good(record_of(R"({"name":"x","type":"int"},
        {"name":"y","type":{"type":"record","name":"Y","fields":[{"name":"z","type":{"type":"record","name":"Z","fields":[]}},{"name":"w","type":"long"}]}},
        {"name":"last","type":"Z"})"));
    const auto& root = s[s.root()];
    REQUIRE(root.count == 3);
    CHECK(s.fields(root)[2].name == "last");
    const auto& y = s[s.fields(root)[1].node];
    REQUIRE(y.count == 2);
    CHECK(s.fields(y)[1].name == "w");
    CHECK(s.fields(y)[0].node == s.fields(root)[2].node);
    CHECK(s[s.fields(root)[2].node].count == 0);
}

TEST_CASE("schema: namespaces") {
    const auto name_of = [](const avro::schema& s, std::size_t i) { return s.full_name(s[field(s, i).node]); };
    // Inherited, replaced, empty, and dotted names that win over a namespace.
    const avro::schema s = good(R"({"type":"record","name":"R","namespace":"a.b","fields":[
        {"name":"f0","type":{"type":"enum","name":"E","symbols":["X"]}},
        {"name":"f1","type":{"type":"enum","name":"E","namespace":"c","symbols":["X"]}},
        {"name":"f2","type":{"type":"enum","name":"E","namespace":"","symbols":["X"]}},
        {"name":"f3","type":{"type":"enum","name":"d.E","namespace":"c","symbols":["X"]}},
        {"name":"f4","type":"E"}, {"name":"f5","type":"c.E"}, {"name":"f6","type":"a.b.R"}, {"name":"f7","type":"R"}]})");
    CHECK(s.full_name(s[s.root()]) == "a.b.R");
    CHECK(name_of(s, 0) == "a.b.E");
    CHECK(name_of(s, 1) == "c.E");
    CHECK(name_of(s, 2) == "E");
    CHECK(name_of(s, 3) == "d.E");
    CHECK(name_of(s, 4) == "a.b.E"); // the own namespace comes before the empty one
    CHECK(name_of(s, 5) == "c.E");
    CHECK(name_of(s, 6) == "a.b.R");
    CHECK(name_of(s, 7) == "a.b.R");
}

TEST_CASE("schema: a name without a namespace is found from inside one") {
    const avro::schema s = good(R"({"type":"record","name":"R","namespace":"a","fields":[
        {"name":"f0","type":{"type":"fixed","name":"F","namespace":"","size":1}}, {"name":"f1","type":"F"}]})");
    CHECK(field(s, 0).node == field(s, 1).node);
}

TEST_CASE("schema: an empty namespace reaches into the record that declares it") {
    const avro::schema s = good(R"({"type":"record","name":"R","namespace":"a","fields":[
        {"name":"f0","type":{"type":"record","name":"I","namespace":"","fields":[{"name":"g","type":{"type":"fixed","name":"F","size":1}}]}}]})");
    const auto& inner = s[field(s, 0).node];
    CHECK(s.full_name(inner) == "I");
    CHECK(s.full_name(s[s.fields(inner)[0].node]) == "F");
}

TEST_CASE("schema: a dotted name is the namespace of what stands inside") {
    const avro::schema s = good(
        R"({"type":"record","name":"a.b.R","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":1}}]})");
    CHECK(s.full_name(s[field(s, 0).node]) == "a.b.F");
}

TEST_CASE("schema: JSON that is JSON") {
    CHECK(good(" \t\r\n\"int\" \n").size() == 8);
    CHECK(good(R"({"type":"int","a":[],"b":{},"c":[1,-2.5e+3,true,false,null,{"d":[[]]}],"uuid":"x"})").size() == 8);
    CHECK(good(R"({"\u0074ype":"\u0069nt"})").size() == 8); // escapes in keys and values
    const avro::schema s =
        good(record_of(R"({"name":"f","type":"int","doc":"\"\\\/\b\f\n\r\t\u00e4\u20AC\ud83d\udea2\u0000"})"));
    CHECK(field(s, 0).doc == std::string("\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\xa2\0", 18));
    // Of two members with one key the first counts.
    CHECK(good(R"({"type":"int","type":"nonsense"})").size() == 8);
}

TEST_CASE("schema: JSON that is not") {
    fails(errc::json_syntax, "«");
    fails(errc::json_syntax, "   «");
    fails(errc::json_syntax, "{«");
    fails(errc::json_syntax, "[«");
    fails(errc::json_syntax, "\"int\" «x");
    fails(errc::json_syntax, "\"int\"«\"int\"");
    fails(errc::json_syntax, "{\"type\"«}");
    fails(errc::json_syntax, "{\"type\":«}");
    fails(errc::json_syntax, "{\"type\":\"int\"«");
    fails(errc::json_syntax, "{\"type\":\"int\",«}");
    fails(errc::json_syntax, "{\"type\":\"int\" «\"a\":1}");
    fails(errc::json_syntax, "{«type:\"int\"}");
    fails(errc::json_syntax, "[\"int\",«]");
    fails(errc::json_syntax, "[\"int\"«");
    fails(errc::json_syntax, "«nul");
    fails(errc::json_syntax, "«True");
    fails(errc::json_syntax, "«+1");
    fails(errc::json_syntax, "«.5");
    fails(errc::json_syntax, "«NaN");
    fails(errc::json_syntax, "«'int'");
    fails(errc::json_syntax, "\"int«");
    fails(errc::json_syntax, "\"int\\«");
    fails(errc::json_syntax, "\"in«\nt\"");
    fails(errc::json_syntax, std::string("\"in«") + '\0' + "t\"");
    fails(errc::json_syntax, "«\xEF\xBB\xBF\"int\"");
}

TEST_CASE("schema: escapes that are none") {
    fails(errc::json_bad_escape, R"("\x«")");
    fails(errc::json_bad_escape, R"("\u«")");
    fails(errc::json_bad_escape, R"("\u«12")");
    fails(errc::json_bad_escape, R"("\u«12g4")");
    fails(errc::json_bad_escape, R"("\u«-123")");
    fails(errc::json_bad_escape, R"("\u«+123")");
    fails(errc::json_bad_escape, R"("\udc00«")"); // a second half alone
    fails(errc::json_bad_escape, R"("\ud83d«")"); // a first half alone
    fails(errc::json_bad_escape, R"("\ud83d«x")");
    fails(errc::json_bad_escape, R"("\ud83d«\n")");
    fails(errc::json_bad_escape, R"("\ud83d\ud83d«")"); // two first halves
    fails(errc::json_bad_escape, R"("\ud83d\u0041«")");
    fails(errc::json_bad_escape, R"("\ud83d\u«00")");
}

TEST_CASE("schema: depth") {
    const auto nested = [](int depth) { // `depth` brackets around the innermost value
        std::string text = "{\"type\":\"int\",\"x\":";
        text.append(static_cast<std::size_t>(depth - 1), '[')
            .append("1")
            .append(static_cast<std::size_t>(depth - 1), ']');
        return text + "}";
    };
    CHECK_FALSE(parse_error(nested(limits::json_depth)));
    CHECK(parse_error(nested(limits::json_depth + 1))
          == error{errc::json_too_deep, 18 + static_cast<std::uint32_t>(limits::json_depth)});
    CHECK(parse_error(std::string(3'000'000, '[')).code == errc::json_too_deep);
    std::string objects;
    for (int i = 0; i < 1000; ++i) objects += "{\"a\":";
    CHECK(parse_error(objects).code == errc::json_too_deep);
}

TEST_CASE("schema: size") {
    const std::string tail = "\"int\"";
    CHECK_FALSE(parse_error(std::string(limits::schema_bytes - tail.size(), ' ') + tail));
    CHECK(parse_error(std::string(limits::schema_bytes - tail.size() + 1, ' ') + tail)
          == error{errc::schema_too_large, 0});
    // Many entries in few bytes: a union of a record's array types.
    std::string fields;
    for (std::size_t i = 0; i <= limits::schema_entries / 2; ++i)
        fields += (i == 0 ? "{\"name\":\"f" : ",{\"name\":\"f") + std::to_string(i)
                  + "\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}";
    const std::string wide = record_of(fields);
    if (wide.size() <= limits::schema_bytes) CHECK(parse_error(wide).code == errc::schema_too_large);
    std::string symbols = "\"a0\"";
    for (std::size_t i = 1; i <= limits::schema_entries; ++i) symbols += ",\"a" + std::to_string(i) + "\"";
    const std::string enumeration = R"({"type":"enum","name":"E","symbols":[)" + symbols + "]}";
    REQUIRE(enumeration.size() <= limits::schema_bytes);
    CHECK(parse_error(enumeration).code == errc::schema_too_large);
}

TEST_CASE("schema: a long namespace is not repeated for each type inside") {
    // 200 MB of full names out of a text of 300 KB.
    std::string fields;
    for (int i = 0; i < 5000; ++i)
        fields += (i == 0 ? "" : ",") + std::string(R"({"name":"f)") + std::to_string(i)
                  + R"(","type":{"type":"fixed","name":"F)" + std::to_string(i) + R"(","size":1}})";
    CHECK(parse_error(R"({"type":"record","name":"R","namespace":")" + std::string(40'000, 'n') + R"(","fields":[)"
                      + fields + "]}")
              .code
          == errc::schema_too_large);
}

TEST_CASE("schema: many values in few bytes, whether they say something or not") {
    std::string zeros = "0";
    while (zeros.size() < limits::schema_bytes - 1000) zeros += ",0";
    CHECK(parse_error(record_of(R"({"name":"f","type":"int","default":[)" + zeros + "]}")).code
          == errc::schema_too_large);
}

TEST_CASE("schema: the length of a name, alone and with its namespace") {
    const auto of = [](std::size_t space, std::size_t name, std::size_t field) {
        return parse_error(R"({"type":"record","namespace":")" + std::string(space, 'n') + R"(","name":")"
                           + std::string(name, 'r') + R"(","fields":[{"name":")" + std::string(field, 'f')
                           + R"(","type":"int"}]})")
            .code;
    };
    const std::size_t most = limits::name_length;
    CHECK(of(most - 10, 9, most) == errc::none);
    CHECK(of(most - 10, 10, most) == errc::schema_too_large);
    CHECK(of(most - 10, 9, most + 1) == errc::schema_too_large);
    CHECK(of(most + 1, 1, 1) == errc::schema_too_large);
}

TEST_CASE("schema: a union of as many types as fit is looked through once") {
    std::string branches = "\"null\"";
    for (int i = 0; i < 50'000; ++i)
        branches += R"(,{"type":"fixed","name":"f)" + std::to_string(i) + R"(","size":1})";
    CHECK_FALSE(parse_error(record_of(R"({"name":"u","type":[)" + branches + "]}")));
    CHECK(parse_error(record_of(R"({"name":"u","type":[)" + branches + R"(,"f7"]})")).code == errc::schema_bad_union);
}

TEST_CASE("schema: numbers that are none") {
    const auto with = [](const std::string& number) { return "{\"type\":\"int\",\"x\":" + number + "}"; };
    for (const char* good : {"0", "-0", "12", "007", "1.5", "-1e5", "1E+05", "0.25e-3"})
        CHECK_FALSE(parse_error(with(good)));
    for (const char* bad : {"-", "+1", ".5", "1.", "1e", "1e+", "1-2.e.e", "0x10", "1 2", "--1", "1.2.3", "NaN"})
        CHECK(parse_error(with(bad)).code == errc::json_syntax);
}

TEST_CASE("schema: what is no type") {
    fails(errc::schema_not_a_type, "«1");
    fails(errc::schema_not_a_type, "«null");
    fails(errc::schema_not_a_type, "«true");
    fails(errc::schema_not_a_type, R"(["null",«null])");
    fails(errc::schema_not_a_type, R"({"type":«3})");
    fails(errc::schema_not_a_type, R"({"type":"array","items":«0})");
    fails(errc::schema_not_a_type, record_of("«\"f\""));
}

TEST_CASE("schema: attributes that are missing or of the wrong kind") {
    fails(errc::schema_missing_attribute, "«{}");
    fails(errc::schema_missing_attribute, R"(«{"name":"x"})");
    fails(errc::schema_missing_attribute, R"(«{"type":"record","fields":[]})");
    fails(errc::schema_missing_attribute, R"(«{"type":"record","name":1,"fields":[]})");
    fails(errc::schema_missing_attribute, R"(«{"type":"record","name":"R"})");
    fails(errc::schema_missing_attribute, R"(«{"type":"record","name":"R","fields":{}})");
    fails(errc::schema_missing_attribute, R"({"type":"record","name":"R","namespace":«1,"fields":[]})");
    fails(errc::schema_missing_attribute, R"(«{"type":"enum","name":"E"})");
    fails(errc::schema_missing_attribute, R"(«{"type":"enum","name":"E","symbols":"A"})");
    fails(errc::schema_missing_attribute, R"(«{"type":"fixed","name":"F"})");
    fails(errc::schema_missing_attribute, R"(«{"type":"fixed","name":"F","size":"8"})");
    fails(errc::schema_missing_attribute, R"(«{"type":"array"})");
    fails(errc::schema_missing_attribute, R"(«{"type":"map","items":"int"})");
    fails(errc::schema_missing_attribute, record_of("«{}"));
    fails(errc::schema_missing_attribute, record_of(R"(«{"name":"f"})"));
    fails(errc::schema_missing_attribute, record_of(R"(«{"type":"int"})"));
}

TEST_CASE("schema: names") {
    for (const std::string bad : {"", "1a", "a-b", "a b", "\xc3\xa4", ".a", "a.", "a..b", "a.1"}) {
        fails(errc::schema_bad_name, R"({"type":"fixed","name":«")" + bad + R"(","size":1})");
        if (!bad.empty())
            fails(errc::schema_bad_name, R"({"type":"fixed","name":"F","namespace":«")" + bad + R"(","size":1})");
    }
    fails(errc::schema_bad_name, record_of(R"({"name":«"a.b","type":"int"})")); // a field has no namespace
    fails(errc::schema_bad_name, record_of(R"({"name":«"","type":"int"})"));
    fails(errc::schema_bad_name, R"({"type":"enum","name":"E","symbols":["A",«"1"]})");
    fails(errc::schema_bad_name, R"({"type":"enum","name":"E","symbols":["A",«1]})");
    fails(errc::schema_unknown_name, "«\"Int\"");
    fails(errc::schema_unknown_name, "«\"record\"");
    fails(errc::schema_unknown_name, R"({"type":«"nothing"})");
    fails(errc::schema_unknown_name,
          record_of(R"({"name":"f","type":«"Later"},{"name":"g","type":{"type":"fixed","name":"Later","size":1}})"));
    fails(errc::schema_unknown_name, record_of(R"({"name":"f","type":«"other.R"})"));
    fails(errc::schema_duplicate_name, record_of(R"({"name":"f","type":"int"},{"name":«"f","type":"int"})"));
    fails(errc::schema_duplicate_name, R"({"type":"enum","name":"E","symbols":["A",«"A"]})");
    fails(errc::schema_duplicate_name, record_of(R"({"name":"f","type":{"type":"fixed","name":«"R","size":1}})"));
}

TEST_CASE("schema: unions") {
    fails(errc::schema_bad_union, "«[]");
    fails(errc::schema_bad_union, R"(["null",«["int"]])");
    fails(errc::schema_bad_union, R"(["int",«"int"])");
    fails(errc::schema_bad_union, R"(["null",«{"type":"null"}])");
    fails(errc::schema_bad_union, R"([{"type":"array","items":"int"},«{"type":"array","items":"long"}])");
    fails(errc::schema_bad_union, R"([{"type":"map","values":"int"},«{"type":"map","values":"long"}])");
    fails(errc::schema_bad_union, R"([{"type":"fixed","name":"F","size":1},«"F"])");
    CHECK_FALSE(parse_error(R"([{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"G","size":1}])"));
    CHECK_FALSE(parse_error(R"(["int","long","string","bytes","float","double"])"));
}

TEST_CASE("schema: sizes of fixed types") {
    for (const char* const bad : {"-1", "1.5", "1e2", "4294967296", "99999999999999999999", "-0"})
        fails(errc::schema_bad_size, R"({"type":"fixed","name":"F","size":«)" + std::string(bad) + "}");
    CHECK_FALSE(parse_error(R"({"type":"fixed","name":"F","size":0})"));
    CHECK_FALSE(parse_error(R"({"type":"fixed","name":"F","size":4294967295})"));
}

TEST_CASE("schema: a text cut anywhere is an error inside it") {
    const std::string text =
        record_of(R"({"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]},"doc":"\u00e4\ud83d\udea2"},
        {"name":"f","type":["null",{"type":"fixed","name":"F","size":16}],"default":null})");
    REQUIRE_FALSE(parse_error(text));
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        const error bad = parse_error(std::string_view(text).substr(0, cut));
        INFO(cut);
        REQUIRE(bad);
        REQUIRE(bad.offset <= cut);
    }
    for (std::size_t at = 0; at < text.size(); ++at)
        for (const char c : {'\0', '"', '{', '}', '[', ']', ',', ':', '\\', '0', ' ', '\xff'}) {
            std::string changed = text;
            changed[at] = c;
            const error bad = parse_error(changed); // only: no crash, and an offset inside
            if (bad) REQUIRE(bad.offset <= changed.size());
        }
}

TEST_CASE("escape sequences in several strings are all kept, also while the texts grow") {
    std::string fields;
    for (int i = 0; i < 200; ++i) {
        const std::string n = std::to_string(i);
        fields +=
            (i == 0 ? "" : ",") + (R"({"name":"\u0066)" + n + R"(","type":"int","doc":"a\n)" + n + R"(\"\u20ac"})");
    }
    const auto [parsed, bad] = avro::parse_schema(R"({"type":"record","name":"\u0052","fields":[)" + fields + "]}");
    REQUIRE_FALSE(bad);
    const avro::schema::node& root = parsed[parsed.root()];
    CHECK(parsed.full_name(root) == "R");
    REQUIRE(parsed.fields(root).size() == 200);
    for (std::size_t i = 0; i < 200; ++i) {
        const std::string n = std::to_string(i);
        CHECK(parsed.fields(root)[i].name == "f" + n);
        CHECK(parsed.fields(root)[i].doc == "a\n" + n + "\"\xe2\x82\xac");
    }
}

TEST_CASE("of branches that repeat earlier ones, the error is at the least kind") {
    fails(errc::schema_bad_union, R"(["string","int","string",«"int","int"])");
    fails(errc::schema_bad_union, R"(["string","int",«"string"])");
    // What repeats in another union is no repetition.
    CHECK_FALSE(parse_error(record_of(R"({"name":"a","type":["null","int"]},{"name":"b","type":["null","int"]})")));
}
