#include "catch.hpp"

#include "cdc/made_event.hpp"
#include "exact_bytes.hpp"
#include "golden/golden.hpp"
#include "reference/avro_writer.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/cdc/tokenise.hpp>
#include <sfcdc/row/event_json.hpp>

using namespace sfcdc;

namespace {

const std::string& key_text() {
    static const std::string text = "a key of the tests, which has more than 32 bytes";
    return text;
}
const cdc::token_key& test_key() {
    static const cdc::token_key key(key_text());
    return key;
}

std::vector<avro::field> fields_of(const cdc::plan& p, const std::vector<std::string>& names) {
    std::vector<avro::field> out;
    for (const std::string& name : names) {
        INFO(name);
        REQUIRE(p.find(name));
        out.push_back(p.find(name));
    }
    return out;
}
std::vector<std::string> names_of(const cdc::plan& p, std::span<const avro::field> fields) {
    std::vector<std::string> out;
    for (const avro::field f : fields) out.emplace_back(p.name(f));
    return out;
}

struct rewritten {
    error bad;
    std::vector<std::byte> payload;
};
rewritten rewrite(const cdc::plan& p, const std::vector<std::string>& names, std::string_view payload) {
    const exact_bytes block(payload);
    rewritten out;
    out.payload = {std::byte{1}}; // What was there is gone afterwards.
    const std::vector<avro::field> fields = fields_of(p, names);
    out.bad = cdc::tokeniser(p, fields).rewrite(test_key(), block.span(), out.payload);
    return out;
}

nlohmann::json body_of(const cdc::plan& p, std::span<const std::byte> payload) {
    const exact_bytes block({reinterpret_cast<const char*>(payload.data()), payload.size()});
    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(p, block.span());
    REQUIRE_FALSE(bad);
    std::string out;
    row::append_body_json(event, out);
    return nlohmann::json::parse(out);
}
nlohmann::json body_with_tokens(const std::vector<std::string>& names, std::string_view payload) {
    const cdc::plan p = cdc::compile(made::schema()).value;
    const rewritten out = rewrite(p, names, payload);
    REQUIRE_FALSE(out.bad);
    return body_of(p, out.payload);
}

reference::avro_writer bytes() { return {}; }

// Each field has a value; the name is a text.
std::string full_payload() {
    return made::payload({}, bytes()
                                 .byte(2)
                                 .text("123")
                                 .byte(2)
                                 .byte(2)
                                 .text("Main St")
                                 .byte(2)
                                 .text("Berlin")
                                 .byte(2)
                                 .float64(4.5)
                                 .byte(2)
                                 .text("Acme")
                                 .byte(2)
                                 .byte(2)
                                 .float64(1.25)
                                 .bytes());
}
std::string person_payload() {
    return made::payload(
        {}, bytes().raw(std::string(3, '\0')).byte(4).byte(2).text("Ada").byte(2).text("Byron").byte(0).bytes());
}

} // namespace

// The expected tokens are made by Python: hmac, hashlib and base64 of its standard library.
TEST_CASE("tokens: their form, and what they depend on") {
    const cdc::token_key& key = test_key();
    CHECK(key.id() == "c52badb8");
    CHECK(key.token("Acme") == "tok_c52badb8_1-_MnsLiiZat91w0UaIPrW");
    CHECK(key.token("") == "tok_c52badb8_YsAR-Ee0kuCTwk00iwVIAr");
    CHECK(key.token("Acme").size() == cdc::token_key::token_bytes);
    CHECK(key.token("Acme") != key.token("acme"));
    CHECK(cdc::token_key(key_text() + "2").token("Acme") != key.token("Acme"));
    CHECK(cdc::token_key(std::string(200, 'k')).token(std::string(100'000, 'x')).size() == 35);
}

TEST_CASE("tokenise: texts become tokens, nothing else changes") {
    const auto token = [](std::string_view value) { return test_key().token(value); };
    const std::string payload = full_payload();
    const cdc::plan p = cdc::compile(made::schema()).value;
    const nlohmann::json whole = body_of(p, wire::as_bytes(payload));
    CHECK(whole["Phone"] == "123");
    CHECK(body_with_tokens({}, full_payload()) == whole);

    nlohmann::json expected = whole;
    expected["Phone"] = token("123");
    CHECK(body_with_tokens({"Phone"}, full_payload()) == expected);
    expected = whole;
    expected["Address"]["City"] = token("Berlin");
    CHECK(body_with_tokens({"Address.City"}, full_payload()) == expected);
    expected["Address"]["Street"] = token("Main St");
    CHECK(body_with_tokens({"Address"}, full_payload()) == expected);
    expected = whole;
    expected["Name"] = token("Acme");
    CHECK(body_with_tokens({"Name"}, full_payload()) == expected);
    CHECK(body_with_tokens({"Name.First"}, full_payload()) == whole); // the text is another branch
}

TEST_CASE("tokenise: a person's name is a record of the same union") {
    const auto token = [](std::string_view value) { return test_key().token(value); };
    CHECK(body_with_tokens({"Name"}, person_payload())["Name"]
          == nlohmann::json({{"First", token("Ada")}, {"Last", token("Byron")}}));
    CHECK(body_with_tokens({"Name.Last"}, person_payload())["Name"]
          == nlohmann::json({{"First", "Ada"}, {"Last", token("Byron")}}));
}

TEST_CASE("tokenise: null stays null") {
    const std::string nothing = made::payload({});
    const cdc::plan p = cdc::compile(made::schema()).value;
    const rewritten out = rewrite(p, {"Phone", "Address", "Amount", "Name", "Place"}, nothing);
    REQUIRE_FALSE(out.bad);
    CHECK(std::string(wire::as_chars(out.payload)) == nothing);
}

TEST_CASE("tokenise: what is no text is blanked, and named") {
    const cdc::plan p = cdc::compile(made::schema()).value;
    const std::vector<avro::field> fields = fields_of(p, {"Amount", "Place", "Phone", "ChangeEventHeader"});
    const cdc::tokeniser t(p, fields);
    CHECK(names_of(p, t.replaced()) == std::vector<std::string>{"Phone"});
    CHECK(names_of(p, t.blanked()) == std::vector<std::string>{"Amount", "Place.X"});
    const nlohmann::json body = body_with_tokens({"Amount", "Place"}, full_payload());
    CHECK(body["Amount"] == nullptr);
    CHECK(body["Place"] == nlohmann::json({{"X", nullptr}}));
    CHECK(body["Phone"] == "123");
}

TEST_CASE("tokenise: types that must have a value, and unions of any kind") {
    const cdc::plan p = cdc::compile(R"({"type":"record","name":"X__e","fields":[
        {"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"d","type":"double"},{"name":"f","type":"float"},
        {"name":"y","type":"bytes"},{"name":"x","type":{"type":"fixed","name":"F","size":3}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["one","two"]}},
        {"name":"a","type":{"type":"array","items":"string"}},{"name":"m","type":{"type":"map","values":"int"}},
        {"name":"s","type":"string"},{"name":"n","type":["string","null"]},{"name":"u","type":["int","string"]},{"name":"v","type":["long","int"]},
        {"name":"r","type":[{"type":"record","name":"A","fields":[{"name":"k","type":"string"}]},{"type":"record","name":"B","fields":[{"name":"k","type":"string"}]},"string"]},
        {"name":"last","type":"int"}]})")
                            .value;
    REQUIRE(p.field_count() == 15);
    const auto payload = [&](unsigned r_branch) {
        return bytes()
            .byte(1)
            .integer(-77)
            .float64(2.5)
            .float32(1.5)
            .text("bytes")
            .raw("fix")
            .integer(1)
            .integer(1)
            .text("item")
            .integer(0)
            .integer(1)
            .text("k")
            .integer(5)
            .integer(0)
            .text("text")
            .byte(0)
            .text("first")
            .byte(0)
            .integer(33)
            .byte(2)
            .integer(44)
            .byte(r_branch)
            .text("record")
            .integer(99)
            .bytes();
    };
    const auto token = [](std::string_view value) { return test_key().token(value); };
    std::vector<std::string> all;
    for (std::uint32_t f = 0; f + 1 < p.field_count(); ++f) all.emplace_back(p.name({f}));
    const nlohmann::json expected = {{"b", false},
                                     {"i", 0},
                                     {"d", 0.0},
                                     {"f", 0.0},
                                     {"y", ""},
                                     {"x", "AAAA"},
                                     {"e", "one"},
                                     {"a", nlohmann::json::array()},
                                     {"m", nlohmann::json::object()},
                                     {"s", token("text")},
                                     {"n", token("first")},
                                     {"u", token(bytes().integer(33).bytes())},
                                     {"v", 0},
                                     {"r", {{"k", token("record")}}},
                                     {"last", 99}};
    const rewritten first = rewrite(p, all, payload(0));
    REQUIRE_FALSE(first.bad);
    CHECK(body_of(p, first.payload) == expected);

    // The members of the second record have no numbers: the record becomes one token, also where only a member of the first one is
    // named.
    for (const std::vector<std::string>& names : {all, std::vector<std::string>{"r.k"}}) {
        const rewritten second = rewrite(p, names, payload(2));
        REQUIRE_FALSE(second.bad);
        CHECK(body_of(p, second.payload)["r"] == token(bytes().text("record").bytes()));
    }
    const rewritten third = rewrite(p, {"r.k"}, payload(4));
    REQUIRE_FALSE(third.bad);
    CHECK(body_of(p, third.payload)["r"] == token("record"));
}

TEST_CASE("tokenise: a union of records without a text is blanked as a whole") {
    const cdc::plan p = cdc::compile(R"({"type":"record","name":"X__e","fields":[
        {"name":"r","type":["null",{"type":"record","name":"A","fields":[{"name":"k","type":"string"},{"name":"n","type":"int"}]},
         {"type":"record","name":"B","fields":[{"name":"k","type":"string"}]}]},{"name":"last","type":"int"}]})")
                            .value;
    REQUIRE(p.find("r.k"));
    for (const char* const name : {"r", "r.k"}) {
        INFO(name);
        const rewritten first = rewrite(p, {name}, bytes().byte(2).text("secret").integer(5).integer(9).bytes());
        REQUIRE_FALSE(first.bad);
        CHECK(std::string(wire::as_chars(first.payload)) == bytes().byte(0).integer(9).bytes());
        const rewritten second = rewrite(p, {name}, bytes().byte(4).text("secret").integer(9).bytes());
        REQUIRE_FALSE(second.bad);
        CHECK(std::string(wire::as_chars(second.payload)) == bytes().byte(0).integer(9).bytes());
    }
}

TEST_CASE("tokenise: a payload that is wrong is an error, and nothing is left of it") {
    const cdc::plan p = cdc::compile(made::schema()).value;
    const std::string good = full_payload();
    for (std::size_t size = 0; size < good.size(); ++size) {
        const std::string_view cut = std::string_view(good).substr(0, size);
        const rewritten out = rewrite(p, {"Phone", "Address", "Amount", "Name", "Place"}, cut);
        INFO("cut behind " << size << " bytes");
        REQUIRE(out.bad);
        REQUIRE(out.payload.empty());
        REQUIRE(out.bad.offset <= size);
    }
    // Behind the last of the fields nothing is looked at here, and all of it by the decoder.
    const rewritten more = rewrite(p, {"Phone"}, good + "x");
    REQUIRE_FALSE(more.bad);
    cdc::decoder decoder;
    CHECK(decoder.decode(p, more.payload).error.code == errc::trailing_bytes);
}

TEST_CASE("tokenise: every event of the golden files, every text") {
    std::size_t replaced = 0;
    for (const golden::event& e : golden::events()) {
        const auto [p, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        std::vector<std::string> names;
        for (std::uint32_t f = p.has_header() ? 1 : 0; f < p.field_count(); ++f) names.emplace_back(p.name({f}));
        const std::string before = e.payload;
        const rewritten out = rewrite(p, names, before);
        REQUIRE_FALSE(out.bad);
        const exact_bytes block(before);
        cdc::decoder decoder, other;
        const auto [event, bad] = decoder.decode(p, block.span());
        REQUIRE_FALSE(bad);
        const auto [tokens, bad_tokens] = other.decode(p, out.payload);
        REQUIRE_FALSE(bad_tokens);
        for (std::uint32_t f = p.has_header() ? 1 : 0; f < p.size(); ++f) {
            if (p.header_set().contains({f})) continue;
            std::string_view text, token;
            if (!event.value({f}).read(text) || event.value({f}).type() != avro::type::string) continue;
            REQUIRE(tokens.value({f}).read(token));
            REQUIRE(token == test_key().token(text));
            ++replaced;
        }
    }
    CHECK(replaced > 50);
}
