#include "catch.hpp"
#include "cdc/made_event.hpp"
#include "golden/golden.hpp"
#include "reference/text.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/json.hpp>

using namespace sfcdc;
using golden::json;

namespace {

std::string string_json(std::string_view text, std::uint32_t* replaced = nullptr) {
    const exact_bytes block(text);
    std::string out;
    {
        wire::appender appended(out);
        row::json_writer w(appended);
        w.string(block.text());
        if (replaced != nullptr) *replaced = w.replaced();
    }
    return out;
}
template<class T> std::string float_json(T v, row::json_numbers numbers = row::json_numbers::shortest) {
    std::string out;
    {
        wire::appender appended(out);
        row::json_writer(appended, numbers).floating(v);
    }
    return out;
}
std::string integer_json(std::int64_t v) {
    std::string out;
    {
        wire::appender appended(out);
        row::json_writer(appended).integer(v);
    }
    return out;
}

struct printed {
    std::uint32_t replaced = 0;
    std::string text;
};
template<class Append> printed print(const std::string& schema, const std::string& bytes, Append append) {
    const auto [plan, bad_schema] = cdc::compile(schema);
    INFO(bad_schema.message() << " at " << bad_schema.offset);
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    const exact_bytes payload(bytes);
    const auto [event, bad] = decoder.decode(plan, payload.span());
    INFO(bad.message() << " at " << bad.offset);
    REQUIRE_FALSE(bad);
    printed out;
    out.text = ">"; // appended to, not replaced
    out.replaced = append(event, out.text);
    REQUIRE(out.text[0] == '>');
    out.text.erase(0, 1);
    return out;
}
std::string event_json(const std::string& schema, const std::string& bytes) {
    return print(schema, bytes, row::append_event_json).text;
}
std::string body_json(const std::string& schema, const std::string& bytes) {
    return print(schema, bytes, row::append_body_json).text;
}
std::string datum_json(const std::string& schema, const std::string& bytes) {
    return print(schema, bytes, row::append_datum_json).text;
}

made::header update(std::vector<std::string> changed, std::vector<std::string> nulled = {},
                    std::vector<std::string> diff = {}) {
    made::header h;
    h.changed = std::move(changed);
    h.nulled = std::move(nulled);
    h.diff = std::move(diff);
    return h;
}
json body_of(const made::header& h, const std::string& body = std::string(5, '\0')) {
    return json::parse(event_json(made::schema(), made::payload(h, body))).at("body");
}

} // namespace

TEST_CASE("JSON: strings") {
    CHECK(string_json("") == "\"\"");
    CHECK(string_json("plain / text") == "\"plain / text\"");
    CHECK(string_json("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
    CHECK(string_json(std::string("\0\x01\x1f\x7f", 4)) == "\"\\u0000\\u0001\\u001f\x7f\"");
    CHECK(string_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\xa2") == "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\xa2\"");
    for (int c = 0; c < 128; ++c) {
        const std::string one(1, static_cast<char>(c));
        const std::string text = string_json("a" + one + "b");
        std::size_t at = 0;
        CHECK(reference::json_string(text, at) == "a" + one + "b");
        CHECK(at == text.size());
    }
}

TEST_CASE("JSON: strings of every length with one odd piece at every position") {
    for (std::size_t n = 0; n <= 80; ++n)
        for (const std::string_view piece :
             {"\"", "\\", "\n", "\x01", "\x7f", "\xc3\xa4", "\xf0\x9f\x9a\xa2", "\xff", "\xe2\x82"})
            for (std::size_t at = 0; at + piece.size() <= n; ++at) {
                std::string text(n, 'a');
                text.replace(at, piece.size(), piece);
                std::uint32_t replaced = 0, expected = 0;
                const std::string clean = reference::well_formed(text, expected);
                const std::string got = string_json(text, &replaced);
                std::size_t end = 0;
                if (reference::json_string(got, end) != clean || end != got.size() || replaced != expected) {
                    INFO(got);
                    REQUIRE(replaced == expected);
                    REQUIRE(got == clean);
                }
            }
    SUCCEED();
}

TEST_CASE("JSON: bytes that are not UTF-8 are replaced and counted") {
    std::uint32_t replaced = 0;
    CHECK(string_json("a\xff\xe2\x82\"", &replaced) == "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\\"\"");
    CHECK(replaced == 3);
    std::mt19937_64 random(8);
    for (int i = 0; i < 3000; ++i) {
        std::string text;
        for (std::uint64_t k = 0, n = random() % 12; k < n; ++k)
            text.push_back(static_cast<char>(random() % 2 == 0 ? 0x80 | random() % 128 : random()));
        std::uint32_t expected = 0;
        const std::string clean = reference::well_formed(text, expected);
        const std::string got = string_json(text, &replaced);
        std::size_t at = 0;
        REQUIRE(reference::json_string(got, at) == clean);
        REQUIRE(at == got.size());
        REQUIRE(replaced == expected);
    }
}

TEST_CASE("JSON: integers keep all 64 bits") {
    CHECK(integer_json(0) == "0");
    CHECK(integer_json(-1) == "-1");
    CHECK(integer_json(INT64_MAX) == "9223372036854775807");
    CHECK(integer_json(INT64_MIN) == "-9223372036854775808");
    CHECK(integer_json((1LL << 53) + 1) == "9007199254740993");
    CHECK(integer_json(10'000'000'000'000'000) == "10000000000000000"); // no exponent
}

TEST_CASE("JSON: floating-point numbers are the shortest text that reads back") {
    CHECK(float_json(0.1) == "0.1");
    CHECK(float_json(-0.0) == "-0");
    CHECK(float_json(3233.0) == "3233");
    CHECK(float_json(5e-324) == "5e-324");
    CHECK(float_json(1.7976931348623157e308) == "1.7976931348623157e+308");
    CHECK(float_json(0.1f) == "0.1"); // not the double that it becomes
    CHECK(float_json(std::numeric_limits<double>::quiet_NaN()) == "\"NaN\"");
    CHECK(float_json(-std::numeric_limits<double>::quiet_NaN()) == "\"NaN\"");
    CHECK(float_json(std::numeric_limits<double>::infinity()) == "\"Infinity\"");
    CHECK(float_json(-std::numeric_limits<double>::infinity()) == "\"-Infinity\"");
    CHECK(float_json(std::numeric_limits<float>::quiet_NaN()) == "\"NaN\"");
    CHECK(float_json(-std::numeric_limits<float>::infinity()) == "\"-Infinity\"");
    std::mt19937_64 random(9);
    for (int i = 0; i < 20000; ++i) {
        const std::uint64_t bits = random();
        double d = 0;
        std::memcpy(&d, &bits, 8);
        if (i % 4 == 0) d = static_cast<double>(static_cast<std::int64_t>(bits >> 20)) / 100; // money
        if (!std::isfinite(d)) continue;
        const std::string text = float_json(d);
        char* end = nullptr;
        const double back = std::strtod(text.c_str(), &end);
        REQUIRE(std::memcmp(&back, &d, 8) == 0);
        REQUIRE(end == text.c_str() + text.size());
        REQUIRE(json::accept(text));
        float f = 0;
        std::memcpy(&f, &bits, 4);
        if (!std::isfinite(f)) continue;
        const std::string short_text = float_json(f);
        const float short_back = std::strtof(short_text.c_str(), nullptr);
        REQUIRE(std::memcmp(&short_back, &f, 4) == 0);
        REQUIRE(json::accept(short_text));
    }
}

TEST_CASE("JSON: floating-point numbers with a fraction are those of Python's json.dumps()") {
    const auto text = [](auto v) { return float_json(v, row::json_numbers::fractional); };
    CHECK(text(0.0) == "0.0");
    CHECK(text(-0.0) == "-0.0");
    CHECK(text(5.0) == "5.0");
    CHECK(text(2.5) == "2.5");
    CHECK(text(-100'000.0) == "-100000.0");
    CHECK(text(0.1f) == "0.1");
    CHECK(text(0.0001) == "0.0001");
    CHECK(text(0.00001234) == "1.234e-05");
    CHECK(text(123456789012345.67) == "123456789012345.67");
    CHECK(text(9999999999999998.0) == "9999999999999998.0");
    CHECK(text(1e16) == "1e+16");
    CHECK(text(5e-324) == "5e-324");
    CHECK(text(std::numeric_limits<double>::infinity()) == "\"Infinity\"");
    std::mt19937_64 random(11);
    for (int i = 0; i < 20000; ++i) {
        const std::uint64_t bits = random();
        double d = 0;
        std::memcpy(&d, &bits, 8);
        if (i % 4 != 0) d = static_cast<double>(static_cast<std::int64_t>(bits >> i % 60)) / (i % 3 == 0 ? 1 : 1000);
        if (!std::isfinite(d)) continue;
        const std::string one = text(d);
        const double back = std::strtod(one.c_str(), nullptr);
        REQUIRE(std::memcmp(&back, &d, 8) == 0);
        REQUIRE(json::parse(one).is_number_float());
    }
}

TEST_CASE("JSON: values of every Avro type") {
    const std::string schema =
        R"({"type":"record","name":"R","fields":[{"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"c","type":"boolean"},{"name":"i","type":"int"},
        {"name":"l","type":"long"},{"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},
        {"name":"x","type":{"type":"fixed","name":"F","size":2}},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
        {"name":"a","type":{"type":"array","items":["null","int","E"]}},{"name":"m","type":{"type":"map","values":"F"}},
        {"name":"r","type":{"type":"record","name":"P","fields":[{"name":"q","type":{"type":"record","name":"Q","fields":[{"name":"z","type":"int"}]}},{"name":"w","type":["null","int"]}]}},
        {"name":"u","type":["null","string","Q"]},{"name":"v","type":["null","string","Q"]},{"name":"t","type":["Q","null"]},{"name":"z","type":["null","int"]}]})";
    reference::avro_writer w;
    w.byte(0)
        .byte(1)
        .integer(-3)
        .integer(1LL << 60)
        .float32(0.5f)
        .float64(-0.25)
        .text("\x01\x02")
        .text("s")
        .raw("xy")
        .integer(1);
    w.integer(3).integer(0).integer(1).integer(7).integer(2).integer(0).integer(0); // a
    w.integer(1).text("k\"").raw("pq").integer(0);                                  // m
    w.integer(9).integer(0);                                                        // r
    w.integer(2).integer(4).integer(1).text("v").integer(0).integer(6).integer(0);  // u, v, t, z
    CHECK(
        body_json(schema, w.bytes())
        == R"({"n":null,"b":false,"c":true,"i":-3,"l":1152921504606846976,"f":0.5,"d":-0.25,"y":"AQI=","s":"s","x":"eHk=","e":"B",)"
           R"("a":[null,7,"A"],"m":{"k\"":"cHE="},"r":{"q":{"z":9},"w":null},"u":{"z":4},"v":"v","t":{"z":6},"z":null})");
}

TEST_CASE("JSON: of a union with two records the one that is there is printed") {
    const std::string schema =
        R"({"type":"record","name":"R","fields":[{"name":"u","type":["null",{"type":"record","name":"P","fields":[{"name":"p","type":["null","int"]}]},
        {"type":"record","name":"Q","fields":[{"name":"q","type":"int"}]}]}]})";
    CHECK(body_json(schema, reference::avro_writer().integer(1).integer(1).integer(5).bytes()) == R"({"u":{"p":5}})");
    CHECK(body_json(schema, reference::avro_writer().integer(2).integer(5).bytes()) == R"({"u":{"q":5}})");
    CHECK(body_json(schema, reference::avro_writer().integer(0).bytes()) == R"({"u":null})");
    CHECK(event_json(schema, reference::avro_writer().integer(2).integer(5).bytes())
          == R"({"header":{},"changed":[],"nulled":[],"diff":[],"body":{"u":{"q":5}}})");
}

TEST_CASE("event JSON: the whole text of one") {
    made::header h = update({"0x0A", "2-0x02"}, {"0x08"}, {"0x02"});
    h.ids = {"a", "b"};
    const std::string body =
        reference::avro_writer().byte(2).text("1").byte(2).byte(0).byte(2).text("C").byte(0).byte(0).byte(0).bytes();
    CHECK(
        event_json(made::schema(), made::payload(h, body))
        == R"({"header":{"entityName":"Thing","recordIds":["a","b"],"changeType":"UPDATE","changeOrigin":"com/example","transactionKey":"key","sequenceNumber":1,)"
           R"("commitTimestamp":1760000000000,"commitNumber":42,"commitUser":"005xx0000000001AAA","nulledFields":["0x08"],"diffFields":["0x02"],"changedFields":["0x0A","2-0x02"]},)"
           R"("changed":["Phone","Amount","Address.City"],"nulled":["Amount"],"diff":["Phone"],"body":{"Phone":"1","Address":{"City":"C"},"Amount":null}})");
}

TEST_CASE("event JSON: a field that the event does not touch is absent") {
    CHECK(body_of(update({})) == json::object());
    CHECK(body_of(update({"0x02"})) == json::parse(R"({"Phone":null})"));
    CHECK(body_of(update({"2-0x01"}))
          == json::parse(R"({"Address":{"Street":null}})")); // a cleared child of what is null itself
    CHECK(body_of(update({"2-0x03"})) == json::parse(R"({"Address":null})")); // cleared child by child
    CHECK(body_of(update({"0x04"})) == json::parse(R"({"Address":null})"));   // the compound's own bit
    CHECK(body_of(update({"0x04", "2-0x01"})) == json::parse(R"({"Address":null})"));
    CHECK(body_of(update({}, {"4-0x01"})) == json::parse(R"({"Name":{"First":null}})"));
    const std::string city =
        reference::avro_writer().byte(0).byte(2).byte(0).byte(2).text("C").byte(0).byte(0).byte(0).bytes();
    CHECK(body_of(update({"2-0x02"}), city) == json::parse(R"({"Address":{"City":"C"}})"));
    CHECK(body_of(update({"2-0x03"}, {"2-0x01"}), city) == json::parse(R"({"Address":{"Street":null,"City":"C"}})"));
    CHECK(body_of(update({"0x04"}), city) == json::parse(R"({"Address":{"Street":null,"City":"C"}})"));
    made::header removed = update({});
    removed.change_type = 2;
    CHECK(body_of(removed) == json::object());
    made::header created = update({});
    created.change_type = 0;
    CHECK(body_of(created) == json::parse(R"({"Phone":null,"Address":null,"Amount":null,"Name":null,"Place":null})"));
    CHECK(body_of(created, city)
          == json::parse(
              R"({"Phone":null,"Address":{"Street":null,"City":"C"},"Amount":null,"Name":null,"Place":null})"));
}

TEST_CASE("JSON: a compound without a value is null, but for stated_json, which states its children") {
    const auto bodies = [](const made::header& h) {
        const std::string bytes = made::payload(h);
        return std::vector<std::string>{json::parse(event_json(made::schema(), bytes)).at("body").dump(),
                                        print(made::schema(), bytes, row::append_stated_json).text,
                                        body_json(made::schema(), bytes)};
    };
    const std::string all = R"({"Phone":null,"Address":null,"Amount":null,"Name":null,"Place":null})";
    using texts = std::vector<std::string>;
    // nulledFields names each child: of an address, of a name that may be a text, of a place with one child.
    CHECK(bodies(update({}, {"2-0x03"}))
          == texts{R"({"Address":null})", R"({"Address":{"Street":null,"City":null}})", all});
    CHECK(bodies(update({}, {"4-0x03"})) == texts{R"({"Name":null})", R"({"Name":{"First":null,"Last":null}})", all});
    CHECK(bodies(update({}, {"5-0x01"})) == texts{R"({"Place":null})", R"({"Place":{"X":null}})", all});
    // Both lists together name each of them.
    CHECK(bodies(update({"2-0x01"}, {"2-0x02"}))
          == texts{R"({"Address":null})", R"({"Address":{"Street":null,"City":null}})", all});
    // Only some: the event does not say that the others are empty.
    CHECK(bodies(update({"2-0x02"}, {"2-0x02"}))
          == texts{R"({"Address":{"City":null}})", R"({"Address":{"City":null}})", all});
    // The compound itself is named.
    CHECK(bodies(update({}, {"0x04"})) == texts{R"({"Address":null})", R"({"Address":null})", all});
    CHECK(bodies(update({}, {"0x04", "2-0x03"})) == texts{R"({"Address":null})", R"({"Address":null})", all});
    CHECK(bodies(update({})) == texts{"{}", "{}", all});
    made::header other = update({}, {"2-0x03"});
    other.change_type = 2; // DELETE: the lists say nothing
    CHECK(bodies(other) == texts{"{}", "{}", all});
    other.change_type = 0; // CREATE
    CHECK(json::parse(bodies(other)[0]) == json::parse(all));
    CHECK(bodies(other)[1] == all);
    CHECK(bodies(other)[2] == all);
}

TEST_CASE("JSON: an address with every combination of lists, values and change types") {
    const auto bit = [](unsigned bits, unsigned n) { return (bits >> n & 1) != 0; };
    for (const int change_type : {0, 1, 2, 3, 5, 9})
        for (unsigned lists = 0; lists < 64; ++lists) // of each list: the address itself, Street, City
            for (unsigned value = 0; value < 5; ++value) {
                made::header h;
                h.change_type = change_type;
                for (std::vector<std::string>* const list : {&h.changed, &h.nulled}) {
                    const unsigned bits = list == &h.changed ? lists & 7 : lists >> 3;
                    if (bit(bits, 0)) list->push_back("0x04");
                    if (bits > 1) list->push_back("2-0x0" + std::to_string(bits >> 1));
                }
                reference::avro_writer body;
                body.byte(0).byte(value != 0 ? 2 : 0);
                if (value != 0) {
                    if (bit(value - 1, 0)) body.byte(2).text("s");
                    if (!bit(value - 1, 0)) body.byte(0);
                    if (bit(value - 1, 1)) body.byte(2).text("c");
                    if (!bit(value - 1, 1)) body.byte(0);
                }
                const std::string bytes = made::payload(h, body.byte(0).byte(0).byte(0).bytes());

                const bool whole = change_type == 0 || change_type == 3 || change_type == 9,
                           update = change_type == 1;
                const unsigned either = (lists & 7) | lists >> 3;
                const bool cleared = whole || (update && bit(either, 0));
                json object = json::object(), full = nullptr;
                for (unsigned n = 0; n < 2; ++n) {
                    const char* const name = n == 0 ? "Street" : "City";
                    json child;
                    if (value != 0 && bit(value - 1, n)) child = n == 0 ? "s" : "c";
                    if (value != 0) full[name] = child;
                    if (!child.is_null() || cleared || (update && bit(either, n + 1))) object[name] = child;
                }
                json stated = json::object(), decoded = json::object();
                if (value != 0)
                    stated["Address"] = decoded["Address"] = object;
                else if (cleared)
                    stated["Address"] = decoded["Address"] = nullptr;
                else if (!object.empty())
                    stated["Address"] = object, decoded["Address"] = object.size() == 2 ? json() : object;
                const auto address = [](const json& all) {
                    json out = json::object();
                    if (all.contains("Address")) out["Address"] = all.at("Address");
                    return out;
                };
                INFO("change type " << change_type << ", lists " << lists << ", value " << value);
                REQUIRE(address(json::parse(event_json(made::schema(), bytes)).at("body")) == decoded);
                REQUIRE(address(json::parse(print(made::schema(), bytes, row::append_stated_json).text)) == stated);
                REQUIRE(json::parse(body_json(made::schema(), bytes)).at("Address") == full);
                REQUIRE(json::parse(datum_json(made::schema(), bytes)).at("Address") == full);
            }
}

TEST_CASE("event JSON: what a projection to a child says of it") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    const std::vector<std::string_view> city = {"Address.City"};
    const auto [projected, bad] = plan.project(city);
    REQUIRE_FALSE(bad);
    const auto stated = [&, &p = projected](int type, std::vector<std::string> changed, const std::string& body) {
        made::header h;
        h.change_type = type;
        h.changed = std::move(changed);
        const exact_bytes payload(made::payload(h, body));
        cdc::decoder decoder;
        const auto [event, bad_event] = decoder.decode(p, payload.span());
        REQUIRE_FALSE(bad_event);
        std::string out;
        row::append_stated_json(event, out);
        return out;
    };
    using namespace std::string_literals;
    const std::string nothing(5, '\0'), street = "\0\2\2\2s\0\0\0\0"s, both = "\0\2\2\2s\2\2c\0\0\0"s;
    constexpr int create = 0, update = 1, remove = 2;
    CHECK(stated(create, {}, nothing) == R"({"Address":{"City":null}})");
    CHECK(stated(create, {}, street) == R"({"Address":{"City":null}})");
    CHECK(stated(create, {}, both) == R"({"Address":{"City":"c"}})");
    CHECK(stated(update, {"0x04"}, nothing) == R"({"Address":{"City":null}})"); // cleared as a whole
    CHECK(stated(update, {"2-0x02"}, nothing) == R"({"Address":{"City":null}})");
    CHECK(stated(update, {"2-0x03"}, both) == R"({"Address":{"City":"c"}})");
    CHECK(stated(update, {"2-0x01"}, street) == "{}");
    CHECK(stated(update, {"0x02"}, nothing) == "{}");
    CHECK(stated(remove, {}, nothing) == "{}");

    // Of a compound whose children are projected one by one the values are printed, also if they are all that it has.
    const std::vector<std::string_view> children = {"Address.Street", "Address.City"};
    const auto [each, bad_children] = plan.project(children);
    REQUIRE_FALSE(bad_children);
    const exact_bytes payload(made::payload(::update({"2-0x03"}), both));
    cdc::decoder decoder;
    const auto [event, bad_event] = decoder.decode(each, payload.span());
    REQUIRE_FALSE(bad_event);
    std::string out;
    row::append_event_json(event, out);
    CHECK(json::parse(out).at("body") == json::parse(R"({"Address":{"Street":"s","City":"c"}})"));
}

TEST_CASE("body JSON: every field, null where there is no value") {
    const std::string city =
        reference::avro_writer().byte(0).byte(2).byte(0).byte(2).text("C").byte(0).byte(2).text("N").byte(0).bytes();
    CHECK(body_json(made::schema(), made::payload(update({"2-0x02"}), city))
          == R"({"Phone":null,"Address":{"Street":null,"City":"C"},"Amount":null,"Name":"N","Place":null})");
    const std::string person =
        reference::avro_writer().byte(0).byte(0).byte(0).integer(2).byte(2).text("F").byte(0).byte(0).bytes();
    CHECK(body_json(made::schema(), made::payload(update({}), person))
          == R"({"Phone":null,"Address":null,"Amount":null,"Name":{"First":"F","Last":null},"Place":null})");
}

TEST_CASE("datum JSON: the header in front, with names beside the bitmaps that are not empty") {
    const std::string header =
        R"({"ChangeEventHeader":{"entityName":"Thing","recordIds":["a01xx0000000001AAA"],"changeType":"UPDATE","changeOrigin":"com/example","transactionKey":"key",)"
        R"("sequenceNumber":1,"commitTimestamp":1760000000000,"commitNumber":42,"commitUser":"005xx0000000001AAA",)";
    const std::string body = R"("Phone":null,"Address":null,"Amount":null,"Name":null,"Place":null})";
    CHECK(datum_json(made::schema(), made::payload(update({})))
          == header + R"("nulledFields":[],"diffFields":[],"changedFields":[]},)" + body);
    CHECK(
        datum_json(made::schema(), made::payload(update({"0x02"}, {"0x08"}, {"0x"})))
        == header
               + R"("nulledFields":["0x08"],"diffFields":["0x"],"changedFields":["0x02"],"changedFieldsNames":["Phone"],"nulledFieldsNames":["Amount"],"diffFieldsNames":[]},)"
               + body);
    const std::string platform = R"({"type":"record","name":"X__e","fields":[{"name":"CreatedDate","type":"long"}]})";
    CHECK(datum_json(platform, reference::avro_writer().integer(5).bytes()) == R"({"CreatedDate":5})");
}

TEST_CASE("JSON: one value, and one field of an event") {
    made::header h;
    h.changed = {"0x02"};
    // Phone, Address {Street, no City}, no Amount, Name as a text, no Place
    const std::string body = "\x02" + std::string("\x06+\"1") + "\x02\x02\x02S" + std::string(2, '\0') + "\x02\x02N"
                             + std::string(1, '\0');
    const auto field_json = [&](std::string_view name) {
        return print(made::schema(), made::payload(h, body),
                     [&](const cdc::event& e, std::string& out) {
                         return row::append_field_json(e, e.plan().find(name), out);
                     })
            .text;
    };
    CHECK(field_json("Phone") == R"("+\"1")");
    CHECK(field_json("Address") == R"({"Street":"S","City":null})");
    CHECK(field_json("Address.Street") == R"("S")");
    CHECK(field_json("Address.City") == "null");
    CHECK(field_json("Amount") == "null");
    CHECK(field_json("Nothing") == "null"); // no field of the plan
    const auto value_json = [&](const cdc::event& e, std::string& out) {
        return row::append_value_json(e.value(e.plan().find("Name")), out);
    };
    CHECK(print(made::schema(), made::payload(h, body), value_json).text == R"("N")");
    std::string out;
    CHECK(row::append_value_json({}, out) == 0); // a value of no schema
    CHECK(out == "null");
    const std::string not_utf8 = "\x02\x02\xff" + std::string(4, '\0');
    const auto phone_json = [](const cdc::event& e, std::string& to) {
        return row::append_field_json(e, e.plan().find("Phone"), to);
    };
    const printed replaced = print(made::schema(), made::payload(h, not_utf8), phone_json);
    CHECK(replaced.replaced == 1);
    CHECK(replaced.text == "\"\xEF\xBF\xBD\"");
}

TEST_CASE("JSON: what was replaced is counted wherever it stood") {
    made::header h = update({});
    h.entity = "T\xff";
    h.ids = {"\xfe"};
    const std::string phone =
        reference::avro_writer().byte(2).text("\xc0\x80").byte(0).byte(0).byte(0).byte(0).bytes();
    CHECK(print(made::schema(), made::payload(h, phone), row::append_event_json).replaced == 4);
    CHECK(print(made::schema(), made::payload(h, phone), row::append_body_json).replaced == 2);
    CHECK(print(made::schema(), made::payload(h, phone), row::append_datum_json).replaced == 4);
}
