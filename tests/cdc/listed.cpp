// Updates whose lists tell what is there are walked by these lists. Whatever the lists say, and whatever the bytes are,
// the event must be the one that a walk without them sees.
#include "catch.hpp"
#include "cdc/made_event.hpp"

#include <random>
#include <string>
#include <vector>

#include <sfcdc/avro/walker.hpp>
#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/cdc/decoder.hpp>

using namespace sfcdc;

namespace {

constexpr std::size_t child_count = 3;

// A change event of `fields` fields behind its header; each tenth is a compound with three children.
std::string schema_of(std::size_t fields) {
    static const char* const types[] = {"\"string\"", "\"double\"", "\"string\"", "\"long\"",  "\"boolean\"",
                                        "\"int\"",    "\"float\"",  "\"bytes\"",  "\"string\""};
    std::string out = made::schema();
    out.resize(out.find(R"({"name":"Phone")"));
    for (std::size_t i = 0; i < fields; ++i) {
        const std::string n = std::to_string(i);
        if (i != 0) out += ',';
        out += R"({"name":"f)" + n + R"(","type":["null",)";
        if (i % 10 == 9)
            out += R"({"type":"record","name":"R)" + n
                   + R"(","fields":[{"name":"a","type":["null","string"]},{"name":"b","type":["null","long"]},)"
                   + R"({"name":"c","type":["null","string"]}]})";
        else
            out += types[i % 10];
        out += "]}";
    }
    if (fields == 0) out.resize(out.rfind(','));
    return out + "]}";
}

class dice {
  public:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    std::int64_t any() { return static_cast<std::int64_t>(random_()) >> below(64); }
    bool one_in(std::size_t n) { return below(n) == 0; }

  private:
    std::mt19937_64 random_{20261121};
};

// The bits of a set as Salesforce writes them.
std::string hex(const std::vector<bool>& bits) {
    std::string digits;
    for (std::size_t at = 0; at < bits.size(); at += 4) {
        unsigned digit = 0;
        for (std::size_t i = 0; i < 4 && at + i < bits.size(); ++i) digit |= static_cast<unsigned>(bits[at + i]) << i;
        digits.insert(digits.begin(), "0123456789ABCDEF"[digit]);
    }
    return "0x" + digits;
}

// Which fields are there, or listed: by position, and of each compound by position again.
struct fields {
    std::vector<bool> top;
    std::vector<std::vector<bool>> children;

    explicit fields(std::size_t count) : top(count), children(count, std::vector<bool>(child_count)) {}

    std::vector<std::string> bitmaps() const {
        std::vector<std::string> out = {hex(top)};
        for (std::size_t f = 0; f < children.size(); ++f)
            for (const bool b : children[f])
                if (b) {
                    out.push_back(std::to_string(f) + "-" + hex(children[f]));
                    break;
                }
        return out;
    }
};

bool is_compound(std::size_t position) { return position % 10 == 0 && position != 0; } // the header is in front

void write_value(dice& d, reference::avro_writer& w, std::size_t type) {
    static constexpr std::size_t lengths[] = {0, 1, 14, 15, 16, 30, 31, 32, 33, 47, 48, 63, 64, 65, 127, 128, 500};
    switch (type) {
    case 1: w.float64(d.one_in(2) ? 0.0 : 1.5); break;
    case 3: w.integer(d.one_in(3) ? 0 : d.any()); break;
    case 4: w.byte(d.one_in(2) ? 1 : 0); break;
    case 5: w.integer(d.one_in(3) ? 0 : static_cast<std::int32_t>(d.below(1u << 31))); break;
    case 6: w.float32(d.one_in(2) ? 0.0f : 2.5f); break;
    default: {
        std::string text(d.one_in(4) ? lengths[d.below(std::size(lengths))] : d.below(30), 'x');
        for (char& c : text)
            if (d.one_in(20)) c = '\0'; // it may be in a text, and is no null field
        w.text(text);
    }
    }
}

std::string body_of(dice& d, const fields& there) {
    reference::avro_writer w;
    for (std::size_t f = 1; f < there.top.size(); ++f) {
        w.byte(there.top[f] ? 2 : 0);
        if (!there.top[f]) continue;
        if (!is_compound(f)) {
            write_value(d, w, (f - 1) % 10);
            continue;
        }
        for (std::size_t c = 0; c < child_count; ++c) {
            w.byte(there.children[f][c] ? 2 : 0);
            if (there.children[f][c]) write_value(d, w, c == 1 ? 3 : 0);
        }
    }
    return w.bytes();
}

// With texts as long as those of Salesforce.
made::header usual_header() {
    made::header h;
    h.origin = std::string(40, 'o');
    h.key = std::string(36, 'k');
    return h;
}

// As `decoder` sees it, and as it is without lists.
void check(const cdc::plan& plan, cdc::decoder& decoder, const std::string& bytes, std::size_t& sound) {
    const exact_bytes payload(bytes);
    avro::datum datum;
    const error bad = avro::walk(plan, payload.span(), datum);
    const auto [event, event_bad] = decoder.decode(plan, payload.span());
    if (bad) {
        REQUIRE(event_bad == bad);
        return;
    }
    if (event_bad) { // of a bitmap
        REQUIRE(event_bad.code >= errc::bitmap_syntax);
        REQUIRE(event_bad.code <= errc::bitmap_parent_not_a_record);
        return;
    }
    ++sound;
    for (std::uint32_t member = 0; member < 12; ++member) REQUIRE(event.has_value(plan.child({0}, member)));
    for (std::uint32_t f = 0; f < plan.size(); ++f) {
        if (event.has_value({f}) != datum.has({f})) FAIL("field " << f << " is there for one of them only");
        if (!datum.has({f})) continue;
        const avro::value value(plan.schema(), plan[avro::field{f}].node, payload.span(), datum.begin({f}));
        std::string_view a, b;
        std::int64_t i = 0, j = 0;
        if (event.value({f}).read(a) != value.read(b) || a != b) FAIL("field " << f << " has another text");
        if (event.value({f}).read(i) != value.read(j) || i != j) FAIL("field " << f << " has another number");
    }
}

} // namespace

TEST_CASE("listed: lists that are right, say too much or too little, or lie") {
    dice d;
    cdc::decoder decoder;
    std::size_t sound = 0, tried = 0;
    for (const std::size_t count : {4u, 11u, 62u, 63u, 64u, 73u, 127u, 128u, 300u}) {
        const auto [plan, bad_schema] = cdc::compile(schema_of(count - 1));
        REQUIRE_FALSE(bad_schema);
        REQUIRE(plan.field_count() == count);
        for (int round = 0; round < 250; ++round) {
            fields there(count);
            for (std::size_t n = d.below(6); n > 0; --n) {
                const std::size_t f = 1 + d.below(count - 1);
                there.top[f] = true;
                for (std::size_t c = 0; is_compound(f) && c < child_count; ++c) there.children[f][c] = d.one_in(2);
            }
            // Salesforce lists the children and not their compound.
            fields changed = there, nulled(count);
            for (std::size_t f = 1; f < count; ++f)
                if (is_compound(f) && !d.one_in(8)) changed.top[f] = false;
            const auto any = [&] { return 1 + d.below(count - 1); };
            if (d.one_in(3)) { // cleared fields are in both lists
                const std::size_t f = any();
                if (!there.top[f]) changed.top[f] = nulled.top[f] = true;
            }
            if (d.one_in(6)) changed.top[any()] = true;  // what is null, and not in the other list
            if (d.one_in(6)) changed.top[any()] = false; // what did not change, and is sent
            if (d.one_in(20)) nulled.top[any()] = true;
            if (d.one_in(40)) changed.top[0] = true;
            if (d.one_in(20) && count > 10) changed.children[10][d.below(child_count)] = true;
            made::header h = usual_header();
            h.changed = changed.bitmaps();
            if (d.one_in(2) || hex(nulled.top).find_first_not_of("0x") != std::string::npos)
                h.nulled = nulled.bitmaps();
            const std::string body = body_of(d, there), bytes = made::payload(h, body);
            check(plan, decoder, bytes, sound);
            for (int k = 0; k < 12; ++k, ++tried) { // and damaged
                std::string other = bytes;
                const std::size_t behind = bytes.size() - body.size(), at = behind + d.below(body.size());
                switch (d.below(4)) {
                case 0: other.resize(at); break;
                case 1: other[at] = static_cast<char>(other[at] ^ 1 << d.below(8)); break;
                case 2: other.insert(at, 1, static_cast<char>(d.below(256))); break;
                default: // as many zeros as before, in other places
                    std::swap(other[at], other[behind + d.below(body.size())]);
                    break;
                }
                check(plan, decoder, other, sound);
            }
        }
    }
    CHECK(sound > 6000);
    CHECK(sound < tried);
}

TEST_CASE("listed: a schema of nothing but a header") {
    const auto [wide, bad_wide] = cdc::compile(schema_of(70));
    const auto [plan, bad_schema] = cdc::compile(schema_of(0));
    REQUIRE_FALSE((bad_wide || bad_schema));
    cdc::decoder decoder;
    std::size_t sound = 0;
    // Long ones: the straight way through the header wants some bytes behind its texts.
    for (const char* const last : {"", "0", "1", "2"}) {
        made::header h = usual_header();
        check(wide, decoder, made::payload(h, std::string(70, '\0')), sound); // something to be left over
        if (*last != '\0') h.changed = {"0x" + std::string(29, '0') + last};
        check(plan, decoder, made::payload(h, ""), sound);
        check(plan, decoder, made::payload(h, std::string(1, '\0')), sound);
    }
    CHECK(sound == 4 + 3);
}

TEST_CASE("listed: children of a compound whose value is another branch of its union") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    std::size_t sound = 0;
    const std::string nulls(3, '\0');
    made::header h = usual_header();
    reference::avro_writer person; // something to be left over: the name as a record, its last part far behind
    person.integer(2).integer(1).text(std::string(5000, 'f')).integer(1).text("Doe");
    check(plan, decoder, made::payload(h, nulls + person.bytes() + '\0'), sound);
    reference::avro_writer text;
    text.integer(1).text("ldt");
    for (const std::vector<std::string>& lists : std::vector<std::vector<std::string>>{
             {"4-0x02"}, {"4-0x03"}, {"0x10"}, {"0x10", "4-0x02"}, {"4-0x01", "5-0x01"}}) {
        h.changed = lists;
        check(plan, decoder, made::payload(h, nulls + text.bytes() + '\0'), sound);
        check(plan, decoder, made::payload(h, nulls + person.bytes() + '\0'), sound);
    }
    CHECK(sound == 11);
}

TEST_CASE("listed: a header with one more member") {
    std::string schema = made::schema();
    const std::string last = R"({"name":"changedFields","type":{"type":"array","items":"string"}})";
    schema.insert(schema.find(last) + last.size(), R"(,{"name":"later","type":"string"})");
    const auto [plan, bad_schema] = cdc::compile(schema);
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    std::size_t sound = 0;
    made::header h = usual_header();
    for (const char* const list : {"0x02", "0x0A", "0x00"}) { // what is there, too much, nothing
        h.changed = {list};
        reference::avro_writer behind;
        behind.text("new member").integer(1).text("+1");
        const std::string bytes = made::payload(h, behind.bytes() + std::string(4, '\0'));
        check(plan, decoder, bytes, sound);
        const exact_bytes payload(bytes);
        const auto [event, bad] = decoder.decode(plan, payload.span());
        REQUIRE_FALSE(bad);
        CHECK(event.get<std::string_view>(plan.find("ChangeEventHeader.later")).value == "new member");
    }
    CHECK(sound == 3);
}

TEST_CASE("listed: an event cut at every byte, and with one behind it") {
    dice d;
    const auto [plan, bad_schema] = cdc::compile(schema_of(40));
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    for (const std::size_t last : {1u, 35u, 38u, 39u, 40u}) { // the last value, some bytes in front of the end
        fields there(41);
        there.top[last] = there.top[10] = true;
        there.children[10][1] = true;
        if (is_compound(last)) there.children[last][2] = true;
        fields changed = there;
        changed.top[10] = false;
        made::header h = usual_header();
        h.changed = changed.bitmaps();
        const std::string bytes = made::payload(h, body_of(d, there));
        std::size_t sound = 0;
        check(plan, decoder, bytes, sound);
        CHECK(sound == 1);
        for (std::size_t n = 0; n < bytes.size(); ++n) check(plan, decoder, bytes.substr(0, n), sound);
        check(plan, decoder, bytes + '\0', sound);
        CHECK(sound == 1);
    }
}
