#include "catch.hpp"
#include "exact_bytes.hpp"
#include "record_of.hpp"
#include "reference/avro_writer.hpp"

#include <map>
#include <random>
#include <vector>

#include <sfcdc/avro/compile.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/avro/walker.hpp>

using namespace sfcdc;
using reference::avro_writer;

namespace {

std::string one_field(const std::string& type) { return record_of(R"({"name":"f","type":)" + type + "}"); }

error walk_error(const std::string& schema, const avro_writer& w) {
    const auto [plan, bad_schema] = avro::compile(schema);
    INFO(schema);
    REQUIRE_FALSE(bad_schema);
    const exact_bytes payload(w.bytes());
    avro::datum datum;
    return avro::walk(plan, payload.span(), datum);
}

// Holds all that a value looks into.
struct decoded {
    avro::plan plan;
    exact_bytes payload;
    avro::datum datum;

    decoded(const std::string& schema, const avro_writer& w)
        : plan(std::move(avro::compile(schema).value)), payload(w.bytes()) {
        REQUIRE(plan.size() != 0);
        const error bad = avro::walk(plan, payload.span(), datum);
        INFO(bad.message() << " at " << bad.offset);
        REQUIRE_FALSE(bad);
    }
    avro::value value(const char* name) const {
        const avro::field f = plan.find(name);
        REQUIRE(datum.has(f));
        return avro::value(plan.schema(), plan[f].node, payload.span(), datum.begin(f));
    }
    bool has(const char* name) const { return datum.has(plan.find(name)); }
};

template<class T> bool reads(const avro::value& v) {
    T out{};
    return v.read(out);
}
template<class T> T read(const avro::value& v) {
    T out{};
    REQUIRE(v.read(out));
    return out;
}

} // namespace

TEST_CASE(
    "datum: null runs of all lengths at all alignments, which end in a value, in the next run, or with the payload") {
    // What skips them reads many bytes at a time, over the ends of runs; the payload is a heap block of its very size.
    std::vector<std::uint32_t> widths;
    for (std::uint32_t n = 1; n <= 20; ++n) widths.push_back(n);
    for (const std::uint32_t n : {31u, 32u, 33u, 48u, 63u, 64u, 65u, 66u, 127u, 128u, 129u, 200u})
        widths.push_back(n);
    avro::datum datum;
    for (const std::uint32_t n : widths) {
        std::string fields = R"({"name":"before","type":"bytes"})";
        for (std::uint32_t i = 0; i < n; ++i)
            fields += R"(,{"name":"f)" + std::to_string(i) + R"(","type":["null","long"]})";
        fields += R"(,{"name":"number","type":"int"},{"name":"last","type":["null","boolean"]})";
        const auto [plan, bad_schema] = avro::compile(record_of(fields));
        REQUIRE_FALSE(bad_schema);
        for (std::size_t pad = 0; pad < 67; pad += n > 40 ? 5 : 1)
            for (std::uint32_t stop = 0; stop <= n; ++stop) { // the field with a value; n: none has one
                avro_writer w;
                w.text(std::string(pad, '\0'));
                for (std::uint32_t i = 0; i < n; ++i) {
                    if (i == stop)
                        w.byte(2).integer(0);
                    else
                        w.byte(0);
                }
                w.integer(0).byte(0); // zero bytes that are no nulls of the run
                const exact_bytes payload(w.bytes());
                const error bad = avro::walk(plan, payload.span(), datum);
                bool right = !bad && datum.has({0}) && datum.has({n + 1}) && !datum.has({n + 2})
                             && datum.begin({n + 1}) == w.size() - 2;
                for (std::uint32_t i = 0; i < n; ++i) right = right && datum.has({i + 1}) == (i == stop);
                if (stop < n) right = right && datum.begin({stop + 1}) == 1 + (pad > 63 ? 1 : 0) + pad + stop + 1;
                const exact_bytes less(std::string_view(w.bytes()).substr(0, w.size() - 1 - n % 3));
                const error short_bad = avro::walk(plan, less.span(), datum);
                right = right && short_bad && short_bad.offset <= less.span().size();
                const exact_bytes more(w.bytes() + '\0');
                right = right
                        && avro::walk(plan, more.span(), datum)
                               == error{errc::trailing_bytes, static_cast<std::uint32_t>(w.size())};
                if (!right) {
                    INFO("fields " << n << " pad " << pad << " stop " << stop << ": " << bad.message() << " at "
                                   << bad.offset);
                    REQUIRE(right);
                }
            }
    }
}

TEST_CASE("datum: runs of null fields of every length, with values in between") {
    std::mt19937_64 random(6);
    for (int round = 0; round < 300; ++round) {
        const auto n = static_cast<std::size_t>(1 + random() % 150);
        std::string fields;
        for (std::size_t i = 0; i < n; ++i)
            fields += (i == 0 ? "" : ",") + std::string(R"({"name":"f)") + std::to_string(i)
                      + R"(","type":["null","long"]})";
        avro_writer w;
        std::map<std::size_t, std::pair<std::uint32_t, std::int64_t>> expected;
        const std::uint64_t dense = 1 + random() % 60;
        for (std::size_t i = 0; i < n; ++i) {
            if (random() % dense != 0) {
                w.byte(0);
                continue;
            }
            w.byte(2);
            const auto v = static_cast<std::int64_t>(random() >> random() % 64)
                           * (random() % 2 == 0 ? 1 : 0); // zeros as values, too
            expected[i] = {static_cast<std::uint32_t>(w.size()), v};
            w.integer(v);
        }
        const decoded d(record_of(fields), w);
        for (std::uint32_t i = 0; i < n; ++i) {
            REQUIRE(d.datum.has({i}) == (expected.count(i) != 0));
            if (!d.datum.has({i})) continue;
            REQUIRE(d.datum.begin({i}) == expected[i].first);
            REQUIRE(read<std::int64_t>(d.value(("f" + std::to_string(i)).c_str())) == expected[i].second);
        }
    }
}

TEST_CASE("datum: null on the wrong side, unions of three, of one, without null") {
    const std::string schema = record_of(
        R"({"name":"a","type":["int","null"]},{"name":"b","type":["int","null"]},{"name":"c","type":["null","int","string"]},
        {"name":"d","type":["null","int","string"]},{"name":"e","type":["int","string"]},{"name":"g","type":["string"]},{"name":"h","type":"null"})");
    avro_writer w;
    w.integer(0).integer(7).integer(1).integer(2).text("x").integer(0).integer(1).text("y").integer(0).text("z");
    const decoded d(schema, w);
    CHECK(read<std::int32_t>(d.value("a")) == 7);
    CHECK_FALSE(d.has("b"));
    CHECK(read<std::string_view>(d.value("c")) == "x");
    CHECK_FALSE(d.has("d"));
    CHECK(read<std::string_view>(d.value("e")) == "y");
    CHECK(read<std::string_view>(d.value("g")) == "z");
    CHECK_FALSE(d.has("h"));
}

TEST_CASE("datum: compounds: children of the record branch, and of none") {
    const std::string schema = record_of(
        R"({"name":"n","type":["null","string",{"type":"record","name":"N","fields":[{"name":"x","type":["null","string"]},{"name":"y","type":"int"}]}]},
        {"name":"m","type":["null","string","N"]},{"name":"o","type":["null","N"]},{"name":"p","type":"N"},{"name":"q","type":["null","N"]})");
    avro_writer w;
    w.integer(2)
        .byte(2)
        .text("hi")
        .integer(5)
        .integer(1)
        .text("plain")
        .byte(0)
        .byte(0)
        .integer(6)
        .byte(2)
        .byte(0)
        .integer(-1);
    const decoded d(schema, w);
    CHECK(d.value("n").type() == avro::type::record);
    CHECK(read<std::string_view>(d.value("n.x")) == "hi");
    CHECK(read<std::int32_t>(d.value("n.y")) == 5);
    CHECK(read<std::string_view>(d.value("m")) == "plain");
    CHECK_FALSE(d.has("m.x"));
    CHECK_FALSE(d.has("o"));
    CHECK_FALSE(d.has("o.y"));
    CHECK(d.has("p"));
    CHECK_FALSE(d.has("p.x"));
    CHECK(read<std::int32_t>(d.value("p.y")) == 6);
    CHECK(read<std::int32_t>(d.value("q.y")) == -1);
}

TEST_CASE("value: what reads as what") {
    const std::string schema = record_of(
        R"({"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"f","type":"float"},
        {"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},{"name":"x","type":{"type":"fixed","name":"F","size":3}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"a","type":{"type":"array","items":"int"}})");
    avro_writer w;
    w.byte(1)
        .integer(-5)
        .integer(1LL << 40)
        .float32(0.5f)
        .float64(0.1)
        .text("by")
        .text("st")
        .raw("fix")
        .integer(1)
        .integer(0);
    const decoded d(schema, w);
    using bytes = std::span<const std::byte>;
    CHECK(read<bool>(d.value("b")));
    CHECK(read<std::int32_t>(d.value("i")) == -5);
    CHECK(read<std::int64_t>(d.value("i")) == -5);
    CHECK(read<std::int64_t>(d.value("l")) == 1LL << 40);
    CHECK(read<float>(d.value("f")) == 0.5f);
    CHECK(read<double>(d.value("f")) == 0.5);
    CHECK(read<double>(d.value("d")) == 0.1);
    CHECK(read<bytes>(d.value("y")).size() == 2);
    CHECK(read<std::string_view>(d.value("s")) == "st");
    CHECK(read<bytes>(d.value("s")).size() == 2);
    CHECK(read<bytes>(d.value("x")).size() == 3);
    CHECK(read<std::string_view>(d.value("e")) == "B");
    // What would lose something, or mean something else, is refused.
    const std::string types[] = {"b", "i", "l", "f", "d", "y", "s", "x", "e", "a"};
    for (const std::string& name : types) {
        const avro::value v = d.value(name.c_str());
        INFO(name);
        CHECK(reads<bool>(v) == (name == "b"));
        CHECK(reads<std::int32_t>(v) == (name == "i"));
        CHECK(reads<std::int64_t>(v) == (name == "i" || name == "l"));
        CHECK(reads<float>(v) == (name == "f"));
        CHECK(reads<double>(v) == (name == "f" || name == "d"));
        CHECK(reads<std::string_view>(v) == (name == "s" || name == "e"));
        CHECK(reads<bytes>(v) == (name == "y" || name == "s" || name == "x"));
    }
    const avro::value nothing;
    CHECK(nothing.type() == avro::type::null);
    CHECK_FALSE(reads<std::string_view>(nothing));
    CHECK_FALSE(reads<std::int64_t>(nothing));
}

TEST_CASE("value: items, entries and fields in their order, from blocks of both kinds") {
    const std::string schema = record_of(
        R"({"name":"a","type":{"type":"array","items":"int"}},{"name":"m","type":{"type":"map","values":["null","string"]}},
        {"name":"r","type":{"type":"record","name":"P","fields":[{"name":"x","type":"int"},{"name":"y","type":{"type":"array","items":"string"}}]}})");
    avro_writer w;
    w.integer(2).integer(1).integer(2).integer(-1).integer(1).integer(3).integer(0);
    w.integer(1)
        .text("k")
        .integer(1)
        .text("v")
        .integer(-2)
        .integer(6)
        .text("k")
        .integer(0)
        .text("")
        .integer(0)
        .integer(0);
    w.integer(9).texts("p", "q");
    const decoded d(schema, w);
    std::vector<std::int32_t> items;
    d.value("a").for_each_item([&](const avro::value& v) { items.push_back(read<std::int32_t>(v)); });
    CHECK(items == std::vector<std::int32_t>{1, 2, 3});
    std::string entries;
    d.value("m").for_each_entry([&](std::string_view key, const avro::value& v) {
        entries.append(key)
            .append("=")
            .append(v.type() == avro::type::null ? "null" : read<std::string_view>(v))
            .append(";");
    });
    CHECK(entries == "k=v;k=null;=null;");
    std::string fields;
    d.value("r").for_each_field([&](std::string_view name, const avro::value& v) {
        fields.append(name).append(v.type() == avro::type::array ? "[]" : "").append(";");
    });
    CHECK(fields == "x;y[];");
    // Of another type there is nothing to iterate over.
    int calls = 0;
    d.value("a").for_each_entry([&](std::string_view, const avro::value&) { ++calls; });
    d.value("a").for_each_field([&](std::string_view, const avro::value&) { ++calls; });
    d.value("m").for_each_item([&](const avro::value&) { ++calls; });
    CHECK(calls == 0);
}

TEST_CASE("datum: each error has its code, and the offset of the value") {
    const std::string three = R"(["null","int","string"])", array = R"({"type":"array","items":"int"})",
                      map = R"({"type":"map","values":"int"})";
    const std::string enumeration = R"({"type":"enum","name":"E","symbols":["A","B"]})",
                      null_array = R"({"type":"array","items":"null"})";
    struct {
        std::string type;
        avro_writer bytes;
        errc code;
        std::uint32_t offset;
    } const all[] = {
        {R"("int")", avro_writer(), errc::end_of_data, 0},
        {R"("int")", avro_writer().integer(1LL << 31), errc::int_out_of_range, 0},
        {R"(["null","int"])", avro_writer().integer(1).integer(1LL << 31), errc::int_out_of_range, 1},
        {R"(["null","int"])", avro_writer().integer(2), errc::bad_union_index, 0},
        {R"(["null","int"])", avro_writer().integer(-1), errc::bad_union_index, 0},
        {R"(["null","int"])", avro_writer().integer(INT64_MIN), errc::bad_union_index, 0},
        {three, avro_writer().integer(3), errc::bad_union_index, 0},
        {three, avro_writer().integer(-1), errc::bad_union_index, 0},
        {three, avro_writer().integer(2).integer(-1), errc::negative_length, 1},
        {enumeration, avro_writer().integer(2), errc::bad_enum_index, 0},
        {enumeration, avro_writer().integer(-1), errc::bad_enum_index, 0},
        {enumeration, avro_writer().integer(INT64_MAX), errc::bad_enum_index, 0},
        {R"({"type":"enum","name":"E","symbols":[]})", avro_writer().integer(0), errc::bad_enum_index, 0},
        {R"("boolean")", avro_writer().byte(2), errc::bad_boolean, 0},
        {R"("string")", avro_writer().integer(5).raw("abc"), errc::length_beyond_end, 0},
        {R"("bytes")", avro_writer().integer(-1), errc::negative_length, 0},
        {R"("double")", avro_writer().raw("1234567"), errc::end_of_data, 0},
        {R"({"type":"fixed","name":"F","size":4294967295})", avro_writer().raw("1234567"), errc::end_of_data, 0},
        {array, avro_writer().integer(1), errc::end_of_data, 1},
        {array, avro_writer().integer(1).integer(1), errc::end_of_data, 2},
        {array, avro_writer().integer(INT64_MAX), errc::end_of_data, 10},
        {array, avro_writer().integer(-1).integer(-1), errc::bad_block_size, 0},
        {array, avro_writer().integer(-1).integer(100).integer(1).integer(0), errc::bad_block_size, 0},
        {map, avro_writer().integer(1).integer(-4), errc::negative_length, 1},
        {map, avro_writer().integer(1).text("k"), errc::end_of_data, 3},
        {null_array, avro_writer().integer(INT64_MAX), errc::too_many_empty_items, 10},
        {null_array, avro_writer().integer(INT64_MIN).integer(0), errc::too_many_empty_items, 11},
        {R"("long")", avro_writer().raw(std::string(10, '\xff')), errc::varint_too_long, 0},
        {R"("int")", avro_writer().integer(1).byte(0), errc::trailing_bytes, 1},
        {R"(["null","int"])", avro_writer().byte(0).byte(0), errc::trailing_bytes, 1},
    };
    for (const auto& c : all) {
        INFO(c.type);
        const error bad = walk_error(one_field(c.type), c.bytes);
        CHECK(std::string(bad.message()) == message(c.code));
        CHECK(bad.offset == c.offset);
        // The same within another record, one byte further on.
        const std::string nested = record_of(
            R"({"name":"before","type":["null","int"]},{"name":"in","type":{"type":"record","name":"I","fields":[{"name":"f","type":)"
            + c.type + "}]}}");
        const error inner = walk_error(nested, avro_writer().byte(0).raw(c.bytes.bytes()));
        CHECK(inner == error{c.code, c.offset + 1});
    }
}

TEST_CASE("datum: what is allowed to the last bit") {
    CHECK_FALSE(walk_error(one_field(R"({"type":"array","items":"null"})"),
                           avro_writer().integer(static_cast<std::int64_t>(limits::empty_items)).integer(0)));
    CHECK(walk_error(one_field(R"({"type":"array","items":"null"})"),
                     avro_writer().integer(static_cast<std::int64_t>(limits::empty_items) + 1).integer(0))
              .code
          == errc::too_many_empty_items);
    // Many blocks do not get around it.
    avro_writer blocks;
    for (int i = 0; i < 3; ++i) blocks.integer(30'000);
    CHECK(walk_error(one_field(R"({"type":"array","items":"null"})"), blocks.integer(0)).code
          == errc::too_many_empty_items);
    CHECK_FALSE(walk_error(one_field(R"({"type":"fixed","name":"F","size":0})"), avro_writer()));
    CHECK_FALSE(walk_error(one_field(R"("null")"), avro_writer()));
    CHECK_FALSE(
        walk_error(one_field(R"(["null","int"])"), avro_writer().raw(std::string("\x80\x00", 2)))); // overlong null
}

TEST_CASE("datum: few bytes of schema cannot make much work out of no bytes") {
    // Each record holds the one before it twice: 2^40 empty records.
    std::string fields = R"({"name":"r0","type":{"type":"record","name":"T0","fields":[]}})";
    for (int i = 1; i <= 40; ++i) {
        const std::string inner = "\"T" + std::to_string(i - 1) + "\"", n = std::to_string(i);
        fields += R"(,{"name":"r)" + n + R"(","type":["null",{"type":"record","name":"T)" + n
                  + R"(","fields":[{"name":"a","type":)" + inner + R"(},{"name":"b","type":)" + inner + "}]}]}";
    }
    avro_writer w;
    for (int i = 1; i < 40; ++i) w.byte(0);
    w.byte(2);
    CHECK(walk_error(record_of(fields), w).code == errc::too_many_empty_items);
}

TEST_CASE("datum: null fields of array items take no bytes either") {
    std::string nulls;
    for (int i = 0; i < 1000; ++i)
        nulls += (i == 0 ? "" : ",") + std::string(R"({"name":"n)") + std::to_string(i) + R"(","type":"null"})";
    const std::string schema =
        one_field(R"({"type":"array","items":{"type":"record","name":"N","fields":[)" + nulls + "]}}");
    CHECK(walk_error(schema, avro_writer().integer(60'000).integer(0)).code
          == errc::too_many_empty_items); // 60 million values in 4 bytes
    CHECK_FALSE(walk_error(schema, avro_writer().integer(60).integer(0)));
}

TEST_CASE("datum: recursion ends") {
    const std::string list = R"({"type":"record","name":"R","fields":[{"name":"next","type":["null","R"]}]})";
    avro_writer deep;
    for (int i = 0; i < 1'000'000; ++i) deep.byte(2);
    CHECK(walk_error(list, deep.byte(0)).code == errc::datum_too_deep);
    avro_writer shallow;
    for (int i = 0; i < 20; ++i) shallow.byte(2);
    CHECK_FALSE(walk_error(list, shallow.byte(0)));
    // Without end by its schema alone.
    CHECK(walk_error(R"({"type":"record","name":"R","fields":[{"name":"next","type":"R"}]})", avro_writer()).code
          == errc::datum_too_deep);
    avro_writer arrays;
    for (int i = 0; i < 100'000; ++i) arrays.integer(1);
    CHECK(walk_error(R"({"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"R"}}]})",
                     arrays)
              .code
          == errc::datum_too_deep);
}

TEST_CASE("datum: a payload past the limit is not looked at") {
    const std::string schema = one_field(R"("bytes")");
    const auto [plan, bad_schema] = avro::compile(schema);
    REQUIRE_FALSE(bad_schema);
    const std::vector<std::byte> large(limits::payload_bytes + 1);
    avro::datum datum;
    CHECK(avro::walk(plan, large, datum) == error{errc::payload_too_large, 0});
    avro_writer w;
    const std::size_t n = limits::payload_bytes - 4;
    w.integer(static_cast<std::int64_t>(n)).raw(std::string(n, 'x'));
    REQUIRE(w.size() == limits::payload_bytes);
    CHECK_FALSE(walk_error(schema, w));
}

TEST_CASE("datum: one for many plans and payloads, in any order") {
    const auto wide = avro::compile(record_of(
        R"({"name":"a","type":["null","int"]},{"name":"b","type":["null","int"]},{"name":"c","type":["null","int"]})"));
    const auto narrow = avro::compile(one_field(R"(["null","int"])"));
    avro::datum datum;
    const exact_bytes full(avro_writer().byte(2).integer(1).byte(2).integer(2).byte(2).integer(3).bytes());
    const exact_bytes none(std::string(3, '\0')), null(std::string(1, '\0'));
    for (int i = 0; i < 2; ++i) {
        CHECK_FALSE(avro::walk(wide.value, full.span(), datum));
        CHECK(datum.has({2}));
        CHECK(datum.begin({2}) == 5);
        CHECK_FALSE(avro::walk(narrow.value, null.span(), datum));
        CHECK_FALSE(datum.has({0}));
        CHECK_FALSE(avro::walk(wide.value, none.span(), datum));
        CHECK((!datum.has({0}) && !datum.has({1}) && !datum.has({2})));
    }
    CHECK(datum.present().empty());
}

TEST_CASE("datum: nulls and values across the parts in which a long payload is looked at") {
    std::mt19937 random(12);
    for (const std::size_t fields : {std::size_t{200}, std::size_t{5'000}, std::size_t{9'000}}) {
        std::string json;
        for (std::size_t i = 0; i < fields; ++i)
            json += (i == 0 ? "" : ",") + std::string(R"({"name":"f)") + std::to_string(i)
                    + R"(","type":["null","string"]})";
        const auto [plan, bad_schema] = avro::compile(record_of(json));
        REQUIRE_FALSE(bad_schema);
        for (int round = 0; round < 40; ++round) {
            avro_writer w;
            std::vector<std::pair<std::uint32_t, std::size_t>> expected;
            const std::uint32_t rarely = 1 + static_cast<std::uint32_t>(random() % 3000);
            for (std::uint32_t f = 0; f < fields; ++f) {
                if (random() % rarely != 0) {
                    w.byte(0);
                    continue;
                }
                w.byte(2);
                expected.emplace_back(f, w.bytes().size());
                w.text(std::string(random() % 16 == 0 ? random() % 9'000 : random() % 100, 'x'));
            }
            const exact_bytes payload(w.bytes());
            avro::datum datum;
            REQUIRE_FALSE(avro::walk(plan, payload.span(), datum));
            std::vector<std::pair<std::uint32_t, std::size_t>> got;
            for (const avro::field f : datum.present()) got.emplace_back(f.number, datum.begin(f));
            REQUIRE(got == expected);
            // One byte less, and one more.
            const exact_bytes less(std::string_view(w.bytes()).substr(0, w.bytes().size() - 1)),
                more(w.bytes() + '\0');
            REQUIRE(avro::walk(plan, less.span(), datum));
            REQUIRE(avro::walk(plan, more.span(), datum)
                    == error{errc::trailing_bytes, static_cast<std::uint32_t>(w.bytes().size())});
        }
    }
}
