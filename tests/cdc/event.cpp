#include "catch.hpp"
#include "cdc/made_event.hpp"

#include <memory>
#include <random>
#include <vector>

#include <sfcdc/cdc/decoder.hpp>

using namespace sfcdc;
using cdc::field_state;

namespace {

struct decoded {
    cdc::plan plan;
    cdc::decoder decoder;
    exact_bytes payload;
    cdc::event event;

    decoded(const std::string& schema, const std::string& bytes)
        : plan(std::move(cdc::compile(schema).value)), payload(bytes) {
        REQUIRE(plan.size() != 0);
        const auto [e, bad] = decoder.decode(plan, payload.span());
        INFO(bad.message() << " at " << bad.offset);
        REQUIRE_FALSE(bad);
        event = e;
    }
    explicit decoded(const made::header& h, const std::string& body = std::string(5, '\0'))
        : decoded(made::schema(), made::payload(h, body)) {}

    field_state state(const char* name) const {
        const avro::field f = plan.find(name);
        REQUIRE(f);
        return event.state(f);
    }
};

made::header of_type(int change_type, std::vector<std::string> changed = {}, std::vector<std::string> nulled = {}) {
    made::header h;
    h.change_type = change_type;
    h.changed = std::move(changed);
    h.nulled = std::move(nulled);
    return h;
}

// Phone "1", Address {City "B"}, Amount null, Name "N", Place null
const std::string some_values = reference::avro_writer()
                                    .byte(2)
                                    .text("1")
                                    .byte(2)
                                    .byte(0)
                                    .byte(2)
                                    .text("B")
                                    .byte(0)
                                    .byte(2)
                                    .text("N")
                                    .byte(0)
                                    .bytes();

std::vector<std::string> list(const cdc::string_list& texts) {
    std::vector<std::string> out;
    for (const std::string_view s : texts) out.emplace_back(s);
    CHECK(out.size() == texts.size());
    CHECK(out.empty() == texts.empty());
    return out;
}

} // namespace

TEST_CASE("change type: every symbol, and one that came later") {
    const std::pair<const char*, cdc::change_type> all[] = {{"CREATE", cdc::change_type::create},
                                                            {"UPDATE", cdc::change_type::update},
                                                            {"DELETE", cdc::change_type::delete_},
                                                            {"UNDELETE", cdc::change_type::undelete},
                                                            {"GAP_CREATE", cdc::change_type::gap_create},
                                                            {"GAP_UPDATE", cdc::change_type::gap_update},
                                                            {"GAP_DELETE", cdc::change_type::gap_delete},
                                                            {"GAP_UNDELETE", cdc::change_type::gap_undelete},
                                                            {"GAP_OVERFLOW", cdc::change_type::gap_overflow},
                                                            {"SNAPSHOT", cdc::change_type::snapshot},
                                                            {"LATER", cdc::change_type::unknown}};
    int index = 0;
    for (const auto& [symbol, type] : all) {
        CHECK(cdc::change_type_from(symbol) == type);
        const decoded d(of_type(index++));
        CHECK(d.event.header().change_type() == type);
        CHECK(d.event.header().change_type_name() == symbol);
    }
    CHECK(cdc::change_type_from("") == cdc::change_type::unknown);
    CHECK(cdc::change_type_from("create") == cdc::change_type::unknown);
    // The schema's symbols decide, not their usual order.
    const decoded other(made::schema(R"("DELETE","CREATE")"), made::payload(of_type(0)));
    CHECK(other.event.header().change_type() == cdc::change_type::delete_);
}

TEST_CASE("header: every getter") {
    made::header h;
    h.ids = {"001*", ""};
    h.sequence = -7;
    h.timestamp = -1;
    h.number = INT64_MAX;
    h.nulled = {"0x02"};
    h.diff = {"0x08"};
    h.changed = {"2-0x01", "0x0A"};
    const decoded d(h);
    const cdc::event_header header = d.event.header();
    CHECK(header.entity_name() == "Thing");
    CHECK(list(header.record_ids()) == h.ids);
    CHECK(header.change_origin() == "com/example");
    CHECK(header.transaction_key() == "key");
    CHECK(header.sequence_number() == -7);
    CHECK(header.commit_timestamp() == -1);
    CHECK(header.commit_number() == INT64_MAX);
    CHECK(header.commit_user() == "005xx0000000001AAA");
    CHECK(list(header.nulled_fields()) == h.nulled);
    CHECK(list(header.diff_fields()) == h.diff);
    CHECK(list(header.changed_fields()) == h.changed);
    CHECK(d.event.has_header());
    CHECK(&d.event.plan() == &d.plan);
    CHECK(d.event.payload().data() == d.payload.span().data());
}

TEST_CASE("header: record ids in several blocks, with sizes, and none") {
    made::header h;
    h.ids = {};
    CHECK(list(decoded(h).event.header().record_ids()).empty());
    // The writer's own form of the array: blocks of two, one, and with a size in front.
    reference::avro_writer w;
    w.text("Thing").integer(2).text("a").text("").integer(1).text("c").integer(-1).integer(2).text("d").integer(0);
    const std::string rest = made::payload(h).substr(6 + 1);
    const decoded d(made::schema(), w.bytes() + rest);
    CHECK(list(d.event.header().record_ids()) == std::vector<std::string>{"a", "", "c", "d"});
    CHECK(d.event.header().commit_number() == 42);
}

TEST_CASE("header: lengths of one, two and three bytes, cut at every byte") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    for (const std::size_t n : {63u, 64u, 8191u, 8192u}) {
        made::header h;
        // First the long one, then several: the fast way through the header may end at any of them.
        for (int which = 0; which < 7; ++which) {
            std::string* const texts[] = {&h.entity, &h.origin, &h.key, &h.user};
            if (which < 4) *texts[which] = std::string(n, 'x');
            if (which == 4) h.ids = {std::string(n, 'a'), "b", std::string(n, 'c')};
            if (which == 5) h.changed = {"0x" + std::string(n, '0') + "2"};
            if (which == 6) h.nulled = h.diff = {"0x02", "0x" + std::string(n, '0')};
            const std::string whole = made::payload(h);
            {
                const exact_bytes payload(whole);
                const auto [event, bad] = decoder.decode(plan, payload.span());
                REQUIRE_FALSE(bad);
                CHECK(event.header().entity_name() == h.entity);
                CHECK(event.header().commit_user() == h.user);
                CHECK(list(event.header().record_ids()) == h.ids);
                CHECK(list(event.header().diff_fields()) == h.diff);
            }
            for (std::size_t cut = 0; cut < whole.size(); cut += cut % 512 == 300 && n > 1000 ? 200 : 1) {
                const exact_bytes payload(std::string_view(whole).substr(0, cut));
                const error bad = decoder.decode(plan, payload.span()).error;
                if (!bad || bad.offset > cut) REQUIRE((bad && bad.offset <= cut));
            }
            // Where the payload ends with the first byte of a length.
            for (std::size_t at = 0; at < whole.size(); ++at) {
                if (static_cast<unsigned char>(whole[at]) < 0x80) continue;
                const exact_bytes payload(std::string_view(whole).substr(0, at + 1));
                CHECK(decoder.decode(plan, payload.span()).error);
            }
        }
    }
}

TEST_CASE("header: of a platform event there is nothing") {
    const std::string schema =
        R"({"type":"record","name":"X__e","fields":[{"name":"CreatedDate","type":"long"},{"name":"Text__c","type":["null","string"]},{"name":"Other__c","type":["null","string"]}]})";
    const decoded d(schema, reference::avro_writer().integer(5).byte(2).text("t").byte(0).bytes());
    CHECK_FALSE(d.event.has_header());
    const cdc::event_header header = d.event.header();
    CHECK(header.entity_name().empty());
    CHECK(header.change_type() == cdc::change_type::unknown);
    CHECK(header.change_type_name().empty());
    CHECK(header.change_origin().empty());
    CHECK(header.transaction_key().empty());
    CHECK(header.commit_user().empty());
    CHECK(header.sequence_number() == 0);
    CHECK(header.commit_timestamp() == 0);
    CHECK(header.commit_number() == 0);
    CHECK(list(header.record_ids()).empty());
    CHECK(list(header.changed_fields()).empty());
    CHECK(list(header.nulled_fields()).empty());
    CHECK(list(header.diff_fields()).empty());
    CHECK(d.event.changed_fields().empty());
    CHECK(d.event.nulled_fields().empty());
    CHECK(d.event.diff_fields().empty());
    CHECK(d.state("CreatedDate") == field_state::value);
    CHECK(d.state("Text__c") == field_state::value);
    CHECK(d.state("Other__c") == field_state::null); // an event is whole: what has no value is null
}

TEST_CASE("state: CREATE, UNDELETE and SNAPSHOT are whole, so what has no value is empty") {
    for (const int type : {0, 3, 9}) {
        const decoded d(of_type(type), some_values);
        CHECK(d.state("Phone") == field_state::value);
        CHECK(d.state("Address") == field_state::value);
        CHECK(d.state("Address.City") == field_state::value);
        CHECK(d.state("Address.Street") == field_state::null);
        CHECK(d.state("Amount") == field_state::null);
        CHECK(d.state("Place") == field_state::null);
        CHECK(d.state("Place.X") == field_state::null);
    }
}

TEST_CASE("state: DELETE and gaps say nothing of a field without a value, whatever their lists say") {
    for (const int type : {2, 4, 5, 6, 7, 8, 10}) {
        const decoded d(of_type(type, {"0x0A"}, {"0x02"}));
        for (const char* const name : {"Phone", "Address", "Address.City", "Amount", "Name", "Place.X"})
            CHECK(d.state(name) == field_state::unchanged);
        // Enrichment puts values even there.
        CHECK(decoded(of_type(type), some_values).state("Phone") == field_state::value);
    }
}

TEST_CASE("state: UPDATE tells cleared from unchanged") {
    const decoded d(of_type(1, {"0x0A", "2-0x01"}));
    CHECK(d.state("Phone") == field_state::null);
    CHECK(d.state("Amount") == field_state::null);
    CHECK(d.state("Name") == field_state::unchanged);
    CHECK(d.state("Address") == field_state::unchanged);
    CHECK(d.state("Address.Street") == field_state::null);
    CHECK(d.state("Address.City") == field_state::unchanged);

    const decoded nulled(of_type(1, {}, {"0x02", "2-0x02"})); // in nulledFields alone
    CHECK(nulled.state("Phone") == field_state::null);
    CHECK(nulled.state("Address.City") == field_state::null);
    CHECK(nulled.state("Amount") == field_state::unchanged);

    const decoded parent(of_type(1, {"0x04"})); // the parent's own bit speaks for the children
    CHECK(parent.state("Address") == field_state::null);
    CHECK(parent.state("Address.Street") == field_state::null);
    CHECK(parent.state("Address.City") == field_state::null);
    CHECK(parent.state("Place.X") == field_state::unchanged);

    const decoded enriched(of_type(1, {"0x08"}), some_values); // values that did not change
    CHECK(enriched.state("Phone") == field_state::value);
    CHECK_FALSE(enriched.event.changed_fields().contains(enriched.plan.find("Phone")));
    CHECK(enriched.state("Amount") == field_state::null);
    CHECK(enriched.state("Address.City") == field_state::value);
    CHECK(enriched.state("Address.Street") == field_state::unchanged);

    const decoded diff_only(made::schema(), made::payload([] {
                                made::header h;
                                h.diff = {"0x02"};
                                return h;
                            }()));
    CHECK(diff_only.state("Phone") == field_state::unchanged);
}

TEST_CASE("get: value, wrong type, null and unchanged are four things") {
    const decoded d(of_type(1, {"0x08"}), some_values);
    const auto phone = d.plan.find("Phone");
    CHECK(d.event.get<std::string_view>(phone).value == "1");
    CHECK(static_cast<bool>(d.event.get<std::string_view>(phone)));
    CHECK(d.event.get<std::int64_t>(phone).state == field_state::wrong_type);
    CHECK_FALSE(static_cast<bool>(d.event.get<std::int64_t>(phone)));
    CHECK(d.event.get<bool>(phone).state == field_state::wrong_type);
    CHECK(d.event.get<double>(d.plan.find("Amount")).state == field_state::null);
    CHECK(d.event.get<std::string_view>(d.plan.find("Amount")).state
          == field_state::null); // no value, so no wrong type
    CHECK(d.event.get<double>(d.plan.find("Place.X")).state == field_state::unchanged);
    CHECK(d.event.get<std::string_view>(d.plan.find("Address")).state == field_state::wrong_type); // a record
    CHECK(d.event.get<std::string_view>(d.plan.find("Address.City")).value == "B");
    CHECK(d.event.get<std::string_view>(d.plan.find("Name")).value == "N"); // a union of three
    CHECK(d.event.get<std::int64_t>(d.plan.find("ChangeEventHeader.commitNumber")).value == 42);
    CHECK(d.event.value(d.plan.find("Amount")).type() == avro::type::null);
    CHECK(d.event.value(d.plan.find("Address")).type() == avro::type::record);
    CHECK(d.event.has_value(phone));
    CHECK_FALSE(d.event.has_value(d.plan.find("Amount")));
}

TEST_CASE("get: a field that was not found is unchanged") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    for (const int type : {0, 1, 2}) { // CREATE, UPDATE, DELETE
        made::header h;
        h.change_type = type;
        h.changed = {"0x02"};
        const exact_bytes payload(made::payload(h));
        const auto [event, bad] = decoder.decode(plan, payload.span());
        REQUIRE_FALSE(bad);
        for (const avro::field f : {plan.find("Industry"), avro::field{plan.size()}, avro::field{10'000}}) {
            CHECK_FALSE(event.has_value(f));
            CHECK(event.state(f) == cdc::field_state::unchanged);
            CHECK(event.get<std::string_view>(f).state == cdc::field_state::unchanged);
            CHECK(event.value(f).type() == avro::type::null);
        }
    }
}

TEST_CASE("decoder: an error leaves nothing behind for the next event") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    cdc::decoder decoder;
    const exact_bytes wrong(made::payload(of_type(1, {"0x3F", "0x40"}), some_values));
    const exact_bytes right(made::payload(of_type(1, {"0x08"})));
    CHECK(decoder.decode(plan, wrong.span()).error.code == errc::bitmap_bit_beyond_fields);
    const auto [event, bad] = decoder.decode(plan, right.span());
    REQUIRE_FALSE(bad);
    CHECK(event.changed_fields().size() == 1);
    CHECK_FALSE(event.has_value(plan.find("Phone")));
}

TEST_CASE("header: its lists can be walked by either increment") {
    made::header h = of_type(1);
    h.ids = {"a", "", "b"};
    const decoded d(h);
    const cdc::string_list ids = d.event.header().record_ids();
    auto id = ids.begin();
    CHECK(*id == "a");
    id++;
    CHECK(*id == "");
    ++id;
    CHECK(*id == "b");
    id++;
    CHECK(id == ids.end());
    CHECK(ids.size() == 3);
}

TEST_CASE("decode_each: as one at a time and in order, however long and sound the payloads around each are") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    const auto seen = [&](const result<cdc::event>& r) {
        std::string out = std::to_string(static_cast<int>(r.error.code)) + "@" + std::to_string(r.error.offset);
        if (r.error) return out;
        for (const std::string_view name : r.value.changed_fields()) out.append(" ").append(name);
        for (std::uint32_t f = 0; f < plan.size(); ++f)
            if (std::string_view text; r.value.has_value({f}) && r.value.value({f}).read(text))
                out.append("|").append(text);
        return out;
    };
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        std::vector<std::unique_ptr<exact_bytes>> blocks;
        std::vector<std::span<const std::byte>> payloads;
        const std::size_t count = random() % 60;
        for (std::size_t i = 0; i < count; ++i) {
            // From a body of nulls, which is walked alone, to long texts, which are walked two at a time.
            std::string body(5, '\0');
            if (random() % 2 == 0) {
                reference::avro_writer w;
                w.byte(2).text(std::string(random() % 6'000, static_cast<char>('a' + i % 26)));
                w.byte(2).byte(2).text("street " + std::to_string(i)).byte(random() % 2 == 0 ? 0 : 2);
                if (w.bytes().back() == 2) w.text("city");
                body = w.byte(0).byte(2).text("name").byte(0).bytes();
            }
            std::string bytes = made::payload(of_type(1, {random() % 8 == 0 ? "0x40" : "0x0A"}), body);
            if (random() % 6 == 0) bytes.resize(random() % bytes.size());
            if (random() % 12 == 0) bytes += "trailing";
            blocks.push_back(std::make_unique<exact_bytes>(bytes));
            payloads.push_back(blocks.back()->span());
        }
        cdc::decoder each, alone;
        std::size_t next = 0;
        each.decode_each(plan, payloads, [&](std::size_t i, const result<cdc::event>& r) {
            REQUIRE(i == next++);
            REQUIRE(seen(r) == seen(alone.decode(plan, payloads[i])));
        });
        REQUIRE(next == count);
    }
}

TEST_CASE("event: an empty one answers as one that says nothing") {
    const cdc::event empty;
    CHECK(empty.plan().size() == 0);
    CHECK(empty.plan().name({0}).empty());
    CHECK(empty.payload().empty());
    CHECK_FALSE(empty.has_header());
    CHECK(empty.header().entity_name().empty());
    CHECK(empty.header().change_type() == cdc::change_type::unknown);
    CHECK(list(empty.header().changed_fields()).empty());
    for (const cdc::field_list& fields :
         {empty.changed_fields(), empty.nulled_fields(), empty.diff_fields(), cdc::field_list()}) {
        CHECK(fields.empty());
        CHECK(fields.begin() == fields.end());
        CHECK_FALSE(fields.contains({0}));
        CHECK_FALSE(fields.contains_all_children({0}));
        const cdc::field_list::parent_range parents = fields.parents();
        CHECK(parents.begin() == parents.end());
    }
    for (const avro::field f : {avro::field{0}, avro::field{100}, avro::field{}}) {
        CHECK_FALSE(empty.has_value(f));
        CHECK(empty.value(f).type() == avro::type::null);
        CHECK(empty.state(f) == field_state::unchanged);
        CHECK(empty.get<std::string_view>(f).state == field_state::unchanged);
    }
    CHECK(empty.field_states().all_named().empty());
    CHECK_FALSE(empty.field_states().few()); // It has no header, as a platform event, which is whole.
}

TEST_CASE("decoder: an empty plan has events of no bytes") {
    const cdc::plan empty;
    cdc::decoder decoder;
    CHECK_FALSE(decoder.decode(empty, std::string_view()).error);
    CHECK(decoder.decode(empty, std::string_view("x")).error == error{errc::trailing_bytes, 0});
    const std::string long_text(5000, 'x');
    CHECK(decoder.decode(empty, long_text).error == error{errc::trailing_bytes, 0});
    // It does not matter what was decoded before, nor that payloads are dense.
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    const std::string bytes = made::payload(made::header());
    CHECK_FALSE(decoder.decode(plan, bytes).error);
    const std::vector<std::span<const std::byte>> payloads(3, wire::as_bytes(long_text));
    std::size_t calls = 0;
    decoder.decode_each(empty, payloads, [&](std::size_t, const result<cdc::event>& e) {
        ++calls;
        CHECK(e.error == error{errc::trailing_bytes, 0});
        CHECK(e.value.plan().size() == 0);
    });
    CHECK(calls == 3);
}

TEST_CASE("decoder: payloads in every form") {
    const auto [plan, bad_schema] = cdc::compile(made::schema());
    REQUIRE_FALSE(bad_schema);
    const std::string text = made::payload(made::header());
    const std::vector<std::uint8_t> numbers(text.begin(), text.end());
    cdc::decoder decoder;
    const auto entity = [&](wire::byte_view payload) {
        const auto [event, bad] = decoder.decode(plan, payload);
        return bad ? std::string_view("wrong") : event.header().entity_name();
    };
    CHECK(entity(text) == "Thing");
    CHECK(decoder.decode(plan, text).value.header().entity_name() == "Thing");
    CHECK(decoder.decode(plan, numbers).value.header().entity_name() == "Thing");
    CHECK(decoder.decode(plan, std::string_view(text)).value.header().entity_name() == "Thing");
    CHECK(decoder.decode(plan, std::span(numbers)).value.header().entity_name() == "Thing");
    CHECK(cdc::read_header(text).value.entity_name() == "Thing");
    CHECK(cdc::read_header(numbers).value.entity_name() == "Thing");
}
