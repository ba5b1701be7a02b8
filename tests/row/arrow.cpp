// Batches of Arrow arrays hold what the JSON rows of the same events hold.
#include "catch.hpp"

#include "golden/golden.hpp"
#include "row/arrow_reader.hpp"
#include "row/random_event.hpp"
#include "row/typed_event.hpp"

#include <cerrno>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <sfcdc/row/arrow.hpp>
#include <sfcdc/row/arrow_stream.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/typed_layout.hpp>

using namespace sfcdc;
using nlohmann::ordered_json;
using typed_event::decoded;
using typed_event::number;
using typed_event::real;
using typed_event::text;

namespace {

const row::envelope around{.event_id = "e-1",
                           .schema_id = "schema-1",
                           .topic_name = "/data/ChangeEvents",
                           .org_id = "00Dxx0000000001",
                           .schema_json = "{}",
                           .received_timestamp = 1'760'000'001'234};

// A batch that is read and released by the test.
struct closed_batch {
    ArrowSchema schema;
    ArrowArray array;

    explicit closed_batch(row::arrow_batch& from) {
        std::memset(&schema, 0xa5, sizeof schema); // a consumer does not clear them
        std::memset(&array, 0xa5, sizeof array);
        row::export_schema(from.layout(), &schema);
        from.close(&array);
    }
    ~closed_batch() {
        if (array.release != nullptr) array.release(&array);
        if (schema.release != nullptr) schema.release(&schema);
    }
    ordered_json operator[](std::int64_t row) const { return arrow_reader::row_of(schema, array, row); }
    void check_nulls() const {
        for (std::int64_t i = 0; i < array.n_children; ++i)
            arrow_reader::check_nulls(*schema.children[i], *array.children[i]);
    }
};

ordered_json json_of(const row::layout& l, const cdc::event& e, const row::record& of) {
    std::string json;
    row::append_json(row::bind(l, e.plan()), e, around, json, of);
    ordered_json out = ordered_json::parse(json);
    for (const row::column& c : l.columns()) // JSON has numbers of one kind
        if (c.type() == row::column_type::double_ && !out.at(c.name).is_null())
            out[c.name] = out.at(c.name).get<double>();
    return out;
}

// The rows of these events, each by itself as JSON.
std::vector<ordered_json> rows_of(const row::layout& l, const cdc::event& e) {
    std::vector<ordered_json> out;
    row::for_each_row(l, e, [&](const row::record& of) { out.push_back(json_of(l, e, of)); });
    return out;
}

} // namespace

TEST_CASE("arrow: golden events, in every layout and as typed rows, are the JSON rows") {
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const decoded d(e.schema_json, e.payload);
        for (const row::layout& l : {row::layout::sfcdc(), row::layout::salesforce_zerobus(), row::layout::lakeflow(),
                                     row::typed_layout(d.plan).value}) {
            row::arrow_batch batch(l);
            const row::bound_layout bound = row::bind(batch.layout(), d.plan);
            REQUIRE(batch.append(bound, d.event, around) == errc::none);
            const closed_batch closed(batch);
            const std::vector<ordered_json> expected = rows_of(l, d.event);
            REQUIRE(closed.array.length == static_cast<std::int64_t>(expected.size()));
            for (std::size_t i = 0; i < expected.size(); ++i) {
                ordered_json found = closed[static_cast<std::int64_t>(i)];
                for (const row::column& c : l.columns()) // JSON rows have bytes as base64
                    if (c.type() == row::column_type::binary) {
                        CHECK(found.at(c.name) == e.payload);
                        found[c.name] = expected[i].at(c.name);
                    }
                CHECK(found == expected[i]);
            }
        }
    }
}

TEST_CASE(
    "arrow: the columns that a new record sets, also those whose names are not ASCII or whose values do not fit") {
    auto [p, bad] = cdc::compile(typed_event::schema());
    REQUIRE(bad == error{});
    const row::layout typed = row::typed_layout(p).value;
    made::header fresh;
    fresh.change_type = 0;
    const std::string payloads[] = {typed_event::payload(fresh, {{"Employees", typed_event::number(6)}}),
                                    typed_event::payload(fresh, {{"CreatedDate", typed_event::number(INT64_MAX)}}),
                                    typed_event::payload(fresh, {})};
    for (const row::layout& l : {typed, typed
                                            .renamed("Employees", "Besch\xc3\xa4"
                                                                  "ftigte")
                                            .value}) {
        row::arrow_batch batch(l);
        const row::bound_layout bound = row::bind(batch.layout(), p);
        cdc::decoder decoder;
        std::vector<ordered_json> expected;
        for (const std::string& payload : payloads) {
            const auto [e, bad_event] = decoder.decode(p, payload);
            REQUIRE(bad_event == error{});
            REQUIRE(batch.append(bound, e, around) == errc::none);
            batch.flush();
            expected.push_back(rows_of(l, e).front());
        }
        const closed_batch closed(batch);
        for (std::size_t i = 0; i < expected.size(); ++i) CHECK(closed[static_cast<std::int64_t>(i)] == expected[i]);
        const std::size_t all = expected[0].at("_sf_columns_to_update").size();
        CHECK(all > 10);
        CHECK(expected[1].at("_sf_columns_to_update").size() == all - 1);
    }
}

TEST_CASE("arrow: random events, dense and sparse, in batches of all sizes") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    auto [p, bad] = cdc::compile(typed_event::schema());
    REQUIRE(bad == error{});
    const row::decimal_field amount[] = {{"Amount__c", 20, 2}};
    const row::layout typed = row::typed_layout(p, {.decimals = amount, .multi_picklist_arrays = true}).value;
    row::arrow_batch batch(typed, 100);
    const row::bound_layout bound = row::bind(batch.layout(), p);
    cdc::decoder decoder;
    std::uint32_t replaced = 0;
    std::unique_ptr<closed_batch> kept; // the memory of a batch that is not released is not reused
    for (const std::size_t size : {1, 0, 63, 64, 65, 127, 300, 2, 500, 129}) {
        const double chance = size % 2 == 0 ? 0.05 : 0.6;
        std::vector<std::unique_ptr<exact_bytes>> payloads;
        std::vector<ordered_json> expected;
        while (expected.size() < size) {
            payloads.push_back(std::make_unique<exact_bytes>(typed_event::random_payload(random, chance)));
            const auto [e, bad_event] = decoder.decode(p, payloads.back()->span());
            REQUIRE(bad_event == error{});
            REQUIRE(batch.append(bound, e, around) == errc::none);
            for (ordered_json& row : rows_of(typed, e)) expected.push_back(std::move(row));
            if (random() % 50 == 0) { // the payloads may go then
                batch.flush();
                payloads.clear();
            }
        }
        REQUIRE(batch.rows() == expected.size());
        auto closed = std::make_unique<closed_batch>(batch);
        REQUIRE(closed->array.length == static_cast<std::int64_t>(expected.size()));
        for (std::size_t i = 0; i < expected.size(); ++i) {
            INFO("row " << i << " of " << expected.size());
            const ordered_json found = (*closed)[static_cast<std::int64_t>(i)];
            if (found != expected[i]) CHECK(found == expected[i]);
        }
        closed->check_nulls();
        CHECK(batch.replaced() >= replaced);
        replaced = batch.replaced();
        if (random() % 2 == 0) kept = std::move(closed);
    }
    CHECK(replaced > 0);
}

TEST_CASE("arrow: a batch of more events than are noted at once, with columns of many values and of few") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    auto [p, bad] = cdc::compile(typed_event::schema());
    REQUIRE(bad == error{});
    row::arrow_batch batch(row::typed_layout(p).value, 100);
    const row::bound_layout bound = row::bind(batch.layout(), p);
    cdc::decoder decoder;
    std::vector<std::unique_ptr<exact_bytes>> payloads;
    std::vector<ordered_json> expected;
    for (int i = 0; i < 2500; ++i) { // long runs of sparse events, then dense ones, then both
        const double chance = i % 900 < 500 ? 0.02 : i % 900 < 700 ? 0.9 : random() % 8 == 0 ? 0.6 : 0.02;
        payloads.push_back(std::make_unique<exact_bytes>(typed_event::random_payload(random, chance)));
        const auto [e, bad_event] = decoder.decode(p, payloads.back()->span());
        REQUIRE(bad_event == error{});
        REQUIRE(batch.append(bound, e, around) == errc::none);
        for (ordered_json& row : rows_of(batch.layout(), e)) expected.push_back(std::move(row));
    }
    const closed_batch closed(batch);
    REQUIRE(closed.array.length == static_cast<std::int64_t>(expected.size()));
    for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO("row " << i);
        const ordered_json found = closed[static_cast<std::int64_t>(i)];
        if (found != expected[i]) REQUIRE(found == expected[i]);
    }
    closed.check_nulls();
}

TEST_CASE(
    "arrow: members of the header, which each row has, in batches that end where their lists do and elsewhere") {
    auto [p, bad] = cdc::compile(typed_event::schema());
    REQUIRE(bad == error{});
    using enum row::column_source;
    row::arrow_batch batch(row::layout::make({{"entity", entity_name},
                                              {"ids", record_ids},
                                              {"type", change_type},
                                              {"origin", change_origin},
                                              {"key", transaction_key},
                                              {"sequence", sequence_number},
                                              {"ms", commit_ms},
                                              {"number", commit_number},
                                              {"user", commit_user}})
                               .value,
                           16);
    const row::bound_layout bound = row::bind(batch.layout(), p);
    cdc::decoder decoder;
    // Lists of ids that are copied in one go, and all others: none, several, and texts that are long or not ASCII.
    const std::vector<std::string> ids[] = {
        {"001xx0000000001AAA"}, {},         {"a", "", "b"},         {std::string(33, 'x')},
        {std::string(32, 'y')}, {"\u00fc"}, {std::string(200, 'z')}};
    for (const int size : {1, 63, 64, 128, 129, 256, 300}) {
        std::vector<std::unique_ptr<exact_bytes>> payloads;
        std::vector<ordered_json> expected;
        for (int i = 0; i < size; ++i) {
            made::header h;
            h.ids = ids[i % 3 != 0 ? 0 : i / 3 % 7];
            h.change_type = i % 3;
            h.origin = i % 5 == 0 ? "" : std::string(static_cast<std::size_t>(i % 70), 'o');
            h.key = i % 128 == 127 ? "" : "key " + std::to_string(i);
            h.user = i == 64 ? "" : "J\u00f6rg";
            h.sequence = 1 - i;
            h.timestamp += 1'000'000'007 * i;
            h.number <<= i % 50;
            payloads.push_back(std::make_unique<exact_bytes>(typed_event::payload(h, {})));
            const auto [e, bad_event] = decoder.decode(p, payloads.back()->span());
            REQUIRE(bad_event == error{});
            REQUIRE(batch.append(bound, e, around) == errc::none);
            expected.push_back(json_of(batch.layout(), e, {}));
            if (i == 127 || i == 200) batch.flush();
        }
        const closed_batch closed(batch);
        REQUIRE(closed.array.length == size);
        for (int i = 0; i < size; ++i) {
            INFO("row " << i << " of " << size);
            const ordered_json found = closed[i];
            if (found != expected[static_cast<std::size_t>(i)]) CHECK(found == expected[static_cast<std::size_t>(i)]);
        }
        closed.check_nulls();
    }
}

TEST_CASE("arrow: events of several schemas in one batch") {
    auto [now, bad_now] = cdc::compile(typed_event::schema());
    auto [before, bad_before] = cdc::compile(typed_event::schema({"Employees", "BillingAddress"}, "\"string\""));
    REQUIRE((bad_now == error{} && bad_before == error{}));
    row::arrow_batch batch(row::typed_layout(now).value);
    const row::bound_layout bound_now = row::bind(batch.layout(), now),
                            bound_before = row::bind(batch.layout(), before);
    made::header h;
    h.change_type = 0;
    const exact_bytes a(typed_event::payload(h, {{"Employees", number(7)}, {"Amount__c", real(1.5)}}));
    const exact_bytes b(typed_event::payload(h, {{"Amount__c", text("1,5")}, {"Notes__c", text("n")}},
                                             {"Employees", "BillingAddress"}));
    std::vector<ordered_json> expected;
    cdc::decoder decoder;
    for (int i = 0; i < 200; ++i) {
        const bool old = i % 3 == 0;
        const auto [e, bad] = decoder.decode(old ? before : now, (old ? b : a).span());
        REQUIRE(bad == error{});
        REQUIRE(batch.append(old ? bound_before : bound_now, e, around) == errc::none);
        expected.push_back(json_of(batch.layout(), e, {0, h.ids[0]}));
    }
    const closed_batch closed(batch);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(closed[static_cast<std::int64_t>(i)] == expected[i]);
    CHECK(expected[0].at("_sf_rest") == R"({"Amount__c":"1,5"})");
}

TEST_CASE("arrow: a consumer may move columns away and release them when it likes") {
    const decoded d(typed_event::schema(),
                    typed_event::payload({}, {{"Notes__c", text("n")}, {"Tags__c", text("a;b")}}));
    auto batch = std::make_unique<row::arrow_batch>(row::typed_layout(d.plan, {.multi_picklist_arrays = true}).value);
    const row::bound_layout bound = row::bind(batch->layout(), d.plan);
    REQUIRE(batch->append(bound, d.event, around) == errc::none);
    auto closed = std::make_unique<closed_batch>(*batch);
    const auto column = [&](const char* name) {
        for (std::int64_t i = 0; i < closed->schema.n_children; ++i)
            if (std::string(closed->schema.children[i]->name) == name) return i;
        FAIL("no column " << name);
        return std::int64_t{};
    };
    const std::int64_t notes = column("Notes__c"), tags = column("Tags__c");
    ArrowArray moved[2] = {*closed->array.children[notes], *closed->array.children[tags]};
    ArrowSchema moved_schema[2] = {*closed->schema.children[notes], *closed->schema.children[tags]};
    for (const std::int64_t i : {notes, tags})
        closed->array.children[i]->release = nullptr, closed->schema.children[i]->release = nullptr;
    batch.reset();  // the batch first,
    closed.reset(); // then the parents
    CHECK(arrow_reader::value(moved_schema[0], moved[0], 0) == "n");
    CHECK(arrow_reader::value(moved_schema[1], moved[1], 0) == ordered_json({"a", "b"}));
    for (ArrowArray& a : moved) {
        a.release(&a);
        CHECK(a.release == nullptr);
    }
    for (ArrowSchema& s : moved_schema) {
        s.release(&s);
        CHECK(s.release == nullptr);
    }
}

TEST_CASE("arrow: memory that was released is used again") {
    const decoded d(typed_event::schema(), typed_event::payload({}, {{"Count__c", real(1)}}));
    row::arrow_batch batch(row::typed_layout(d.plan).value);
    const row::bound_layout bound = row::bind(batch.layout(), d.plan);
    const auto values = [&](const closed_batch& c) {
        for (std::int64_t i = 0; i < c.schema.n_children; ++i)
            if (std::string(c.schema.children[i]->name) == "Count__c") return c.array.children[i]->buffers[1];
        return static_cast<const void*>(nullptr);
    };
    const void* first = nullptr;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(batch.append(bound, d.event, around) == errc::none);
        const closed_batch closed(batch);
        if (i == 0) first = values(closed);
        CHECK(values(closed) == first);
    }
    REQUIRE(batch.append(bound, d.event, around) == errc::none);
    const closed_batch held(batch);
    REQUIRE(batch.append(bound, d.event, around) == errc::none);
    const closed_batch other(batch);
    CHECK(values(other) != values(held));
}

TEST_CASE("arrow: buffers begin at addresses that 64 divides") {
    const decoded d(typed_event::schema(),
                    typed_event::payload({}, {{"Count__c", real(1)}, {"Notes__c", text("n")}}));
    row::arrow_batch batch(row::typed_layout(d.plan).value);
    const row::bound_layout bound = row::bind(batch.layout(), d.plan);
    REQUIRE(batch.append(bound, d.event, around) == errc::none);
    const closed_batch closed(batch);
    for (std::int64_t i = 0; i < closed.array.n_children; ++i)
        for (std::int64_t k = 0; k < closed.array.children[i]->n_buffers; ++k)
            CHECK(reinterpret_cast<std::uintptr_t>(closed.array.children[i]->buffers[k]) % 64 == 0);
}

TEST_CASE("arrow: a stream repeats its schema and its end, and tells what went wrong") {
    const decoded d(typed_event::schema(), typed_event::payload({}, {{"Notes__c", text("n")}}));
    const row::layout l = row::typed_layout(d.plan).value;
    ArrowArrayStream s;
    std::memset(&s, 0xa5, sizeof s);
    auto batch = std::make_shared<row::arrow_batch>(l);
    row::export_stream(
        l,
        [&d, batch, n = 0, bound = row::bind(batch->layout(), d.plan)](ArrowArray* out, std::string& error) mutable {
            if (++n == 3) error = "the third one is missing";
            if (n == 5) throw std::runtime_error("thrown");
            if (n != 1 && n != 2) return false;
            if (batch->append(bound, d.event, around) != errc::none) return false;
            batch->close(out);
            return true;
        },
        &s);
    for (int i = 0; i < 2; ++i) {
        ArrowSchema schema;
        REQUIRE(s.get_schema(&s, &schema) == 0);
        CHECK(schema.n_children == static_cast<std::int64_t>(l.columns().size()));
        schema.release(&schema);
    }
    ArrowArray a[2];
    REQUIRE(s.get_next(&s, &a[0]) == 0);
    REQUIRE(s.get_next(&s, &a[1]) == 0);
    CHECK(s.get_last_error(&s) == nullptr);
    ArrowArray none;
    CHECK(s.get_next(&s, &none) == EIO);
    CHECK(none.release == nullptr);
    CHECK(std::string(s.get_last_error(&s)) == "the third one is missing");
    CHECK(s.get_next(&s, &none) == 0); // the end
    CHECK(none.release == nullptr);
    CHECK(s.get_next(&s, &none) == EIO);
    CHECK(std::string(s.get_last_error(&s)) == "thrown");
    s.release(&s);
    CHECK(s.release == nullptr);
    for (ArrowArray& each : a) { // batches outlive the stream
        CHECK(each.length == 1);
        each.release(&each);
    }
}

TEST_CASE("arrow: an index or a length of more bytes than it needs is read as any other reader does") {
    made::header h;
    h.change_type = 0;
    h.key = "";
    std::string bytes = typed_event::payload(h, {{"Name", text("Ann")}});
    const auto lengthen = [&](const std::string& before, std::size_t at) { // the number of one byte behind `before`
        const std::size_t place = bytes.find(before) + at;
        REQUIRE(place < bytes.size());
        bytes[place] = static_cast<char>(bytes[place] | 0x80);
        bytes.insert(place + 1, 1, '\0');
    };
    SECTION("the index of a union") {
        lengthen("\x02\x06"
                 "Ann",
                 0);
    }
    SECTION("the length of a text that is empty, which is a null") { lengthen("com/example", 11); }
    const decoded d(typed_event::schema(), bytes);
    const row::layout l = row::typed_layout(d.plan).value;
    row::arrow_batch batch(l);
    const row::bound_layout bound = row::bind(batch.layout(), d.plan);
    REQUIRE(batch.append(bound, d.event, around) == errc::none);
    const closed_batch closed(batch);
    const ordered_json wanted = rows_of(l, d.event).at(0);
    CHECK(wanted.at("Name") == "Ann");
    CHECK(closed[0] == wanted);
}

TEST_CASE("arrow: what is bound to another plan or layout is refused, and so is what no column can hold") {
    made::header h;
    h.change_type = 0;
    const decoded d(typed_event::schema(), typed_event::payload(h, {}));
    const decoded other(typed_event::schema(), typed_event::payload(h, {}));
    const row::layout l = row::typed_layout(d.plan).value;
    row::arrow_batch batch(l);
    const row::bound_layout bound = row::bind(batch.layout(), d.plan), foreign = row::bind(l, d.plan);
    CHECK(batch.append(bound, other.event, around) == errc::bound_to_another);
    CHECK(batch.append(foreign, d.event, around) == errc::bound_to_another);
    CHECK(batch.rows() == 0);
    REQUIRE(batch.append(bound, d.event, around) == errc::none);
    // An event of three records, each of whose rows has a text of 1 GiB: none of them is added.
    h.ids.assign(3, "001xx0000000001AAA");
    const std::string huge(1, 's');
    row::envelope with_text = around;
    with_text.schema_json = std::string_view(huge.data(), std::size_t{1} << 30); // its bytes are not looked at
    const exact_bytes three(typed_event::payload(h, {}));
    cdc::decoder decoder;
    const auto [e, bad] = decoder.decode(d.plan, three.span());
    REQUIRE(bad == error{});
    CHECK(batch.append(bound, e, with_text) == errc::batch_full);
    CHECK(batch.rows() == 1);
    CHECK(batch.append(bound, e, around) == errc::none);
    CHECK(batch.rows() == 4);
    closed_batch closed(batch);
    CHECK(closed.array.length == 4);
}
