#include "commands/explain_text.hpp"

#include "../../golden/golden.hpp"
#include "catch.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace {

using sfcdc::runner::explain;
using sfcdc::runner::explanation;

const golden::event& golden_event(const std::string& what) {
    return *std::find_if(golden::events().begin(), golden::events().end(),
                         [&](const golden::event& e) { return e.what == what; });
}
explanation explained(const golden::event& e, const std::string& payload, const char* layout = "sfcdc") {
    const std::string replay_id = "\x01\x02";
    const auto plan = sfcdc::cdc::compile(e.schema_json).value;
    return explain(plan, sfcdc::wire::as_bytes(payload),
                   {.schema_id = e.schema_id, .replay_id = sfcdc::wire::as_bytes(replay_id)},
                   *sfcdc::runner::layout_named(layout, plan));
}
bool has(const explanation& e, const std::string& part) { return e.text.find(part) != e.text.npos; }

} // namespace

TEST_CASE("explain: a platform event, whole") {
    const auto e = explained(golden_event("platform event"), golden_event("platform event").payload, "lakeflow");
    CHECK(e.whole);
    CHECK(has(e, "schema com.sforce.eventbus.Door_Opened__e, 5 fields, id "));
    CHECK(has(e, "replay id 0102 (base64 AQI=)\n"));
    CHECK(has(e, R"(fields
  offset  bytes  field
       0      6  #0 CreatedDate: long = 1760000000000
       6     19  #1 CreatedById: string = "005xx000000007GAAQ"
      25      7  #2 Door__c (branch 1 of 2): string = "north"
      32      9  #3 Seconds__c (branch 1 of 2): double = 2.5
      41      1  #4 Forced__c (branch 0 of 2): null
)"));
    CHECK(has(e, "  00000020  02 00 00 00 00 00 00 04 40 00                    |........@.|\n"));
    CHECK(has(e, "\nrows\n  {\"replay_id\":\"AQI=\""));
}

TEST_CASE("explain: header and bitmaps, bit by bit") {
    const auto& event = golden_event("one child of an address, and the time of the change");
    const auto e = explained(event, event.payload);
    CHECK(e.whole);
    CHECK(has(e, "  changeType       UPDATE\n"));
    CHECK(has(e, "\nchangedFields\n"));
    CHECK(has(e, ": fields of the event\n    bit "));
    CHECK(has(e, ": members of ShippingAddress (bit 6)\n    bit 0    ShippingAddress.Street\n"));
    CHECK(has(e, "\nnulledFields\n  none\n"));
    CHECK(has(e, "commitTimestamp  1760000000000 (2025-10-09T08:53:20Z)\n"));
}

TEST_CASE("a time as text") {
    using sfcdc::runner::time_text;
    CHECK(time_text(1'760'000'000'999) == "2025-10-09T08:53:20Z");
    CHECK(time_text(0) == "1970-01-01T00:00:00Z");
    CHECK(time_text(-1) == "1969-12-31T23:59:59Z");
    for (const std::int64_t edge : {INT64_MIN, INT64_MAX}) CHECK_FALSE(time_text(edge).empty());
}

// Each field that the decoder lists stands in the text with its bit.
TEST_CASE("explain: every golden event in every layout") {
    for (const golden::event& event : golden::events()) {
        INFO(event.what);
        for (const char* layout : {"sfcdc", "salesforce_zerobus", "lakeflow", "typed"})
            CHECK(explained(event, event.payload, layout).whole);
        const auto e = explained(event, event.payload);
        const auto plan = sfcdc::cdc::compile(event.schema_json).value;
        sfcdc::cdc::decoder decoder;
        const auto decoded = decoder.decode(plan, event.payload).value;
        for (const auto& list : {decoded.changed_fields(), decoded.nulled_fields(), decoded.diff_fields()})
            for (const std::string_view name : list) CHECK(has(e, " " + std::string(name) + "\n"));
    }
}

TEST_CASE("explain: where an event cannot be decoded, and what stands there") {
    const auto& event = golden_event("a bitmap wider than 64 bits");
    for (std::size_t size = 0; size < event.payload.size(); ++size) {
        const auto e = explained(event, event.payload.substr(0, size));
        REQUIRE_FALSE(e.whole);
        REQUIRE(has(e, "decoding ends at byte "));
    }
    const auto cut = explained(event, event.payload.substr(0, 20));
    CHECK(has(cut, "<- reading ends here"));
    CHECK(has(cut, "#0 entityName: string = \"Account\""));
    CHECK(
        has(explained(event, event.payload + "x"), "decoding ends at byte " + std::to_string(event.payload.size())));
    // Bitmaps that the schema has no fields for are shown as they stand.
    const auto& nested = golden_event("one child of an address, and the time of the change");
    for (const auto& [from, to, said] : {std::array{"6-0x01", "7-0x01", "beyond the fields of the schema"},
                                         std::array{"6-0x01", "6-0xZ1", "a character that is no hexadecimal digit"},
                                         std::array{"6-0x01", "x-0x01", "it names no field of the event"}}) {
        std::string wrong = nested.payload;
        const std::size_t at = wrong.find(from);
        REQUIRE(at != wrong.npos);
        wrong.replace(at, std::string(to).size(), to);
        const auto e = explained(nested, wrong);
        CHECK_FALSE(e.whole);
        CHECK(has(e, said));
        CHECK(has(e, "decoding ends at byte "));
    }
}
