#include "pipeline/event_filter.hpp"

#include "catch.hpp"
#include "cdc/made_event.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <string>
#include <vector>

namespace {

using sfcdc::runner::event_filter;
using sfcdc::runner::event_filter_config;
using sfcdc::runner::left_out_by;
using names = std::vector<std::string>;

// Fields of the made event: 1 Phone, 2 Address (0 Street, 1 City).
left_out_by judge(const event_filter_config& config, const made::header& h) {
    const auto plan = sfcdc::cdc::compile(made::schema());
    REQUIRE_FALSE(plan.error);
    const std::string payload = made::payload(h);
    sfcdc::cdc::decoder decoder;
    const auto event = decoder.decode(plan.value, sfcdc::wire::as_bytes(payload));
    REQUIRE_FALSE(event.error);
    return event_filter(config).judge(event.value);
}
bool keeps(const event_filter_config& config, const made::header& h) {
    return judge(config, h) == left_out_by::nothing;
}

made::header of(const std::string& entity) {
    made::header h;
    h.entity = entity;
    return h;
}
made::header changing(const names& changed, const names& nulled = {}) {
    made::header h;
    h.changed = changed;
    h.nulled = nulled;
    return h;
}

} // namespace

TEST_CASE("without keys every event becomes rows") { CHECK(keeps({}, of("Account"))); }

TEST_CASE("entities are the ones that become rows, but for those that are excluded") {
    CHECK(keeps({names{"Account", "Contact"}, {}, {}}, of("Contact")));
    CHECK_FALSE(keeps({names{"Account", "Contact"}, {}, {}}, of("contact"))); // as Salesforce spells it
    CHECK_FALSE(keeps({names{"Account"}, {}, {}}, of("")));
    CHECK_FALSE(keeps({{}, names{"Contact"}, {}}, of("Contact")));
    CHECK(keeps({{}, names{"Contact"}, {}}, of("Account")));
    CHECK_FALSE(keeps({names{"Contact"}, names{"Contact"}, {}}, of("Contact")));
}

TEST_CASE("an update that changes only uninteresting fields is left out") {
    const event_filter_config phone{{}, {}, names{"Phone", "Address"}};
    CHECK_FALSE(keeps(phone, changing({"0x02"})));           // Phone
    CHECK_FALSE(keeps(phone, changing({"0x06"})));           // Phone and Address as a whole
    CHECK_FALSE(keeps(phone, changing({"0x02", "2-0x02"}))); // and Address.City
    CHECK_FALSE(keeps(phone, changing({"0x02"}, {"0x02"})));
    CHECK(keeps(phone, changing({"0x0a"})));           // Phone and Amount
    CHECK(keeps(phone, changing({"0x02"}, {"0x08"}))); // Amount was cleared
    CHECK(keeps(phone, changing({})));                 // nothing is known of it
    const event_filter_config city{{}, {}, names{"Address.City"}};
    CHECK_FALSE(keeps(city, changing({"2-0x02"})));
    CHECK(keeps(city, changing({"2-0x03"}))); // Street, too
}

TEST_CASE("an update that changes none of the fields of interest is left out") {
    event_filter_config phone;
    phone.only_if_changed = {"Phone"};
    CHECK(keeps(phone, changing({"0x02"})));           // Phone
    CHECK(keeps(phone, changing({"0x0a"})));           // Phone and Amount
    CHECK(keeps(phone, changing({"0x08"}, {"0x02"}))); // Phone was cleared
    CHECK(judge(phone, changing({"0x08"})) == left_out_by::fields);
    CHECK(keeps(phone, changing({}))); // nothing is known of it
    phone.only_if_changed = {"Address"};
    CHECK(keeps(phone, changing({"2-0x02"}))); // Address.City
    // Of both keys: a field of interest among those that are not listed as uninteresting.
    phone.skip_if_only = {"Phone"};
    CHECK_FALSE(keeps(phone, changing({"0x02"})));
    CHECK_FALSE(keeps(phone, changing({"0x08"})));
    CHECK(keeps(phone, changing({"2-0x02"})));
}

TEST_CASE("change types and origins leave events out by patterns") {
    event_filter_config gaps;
    gaps.exclude_change_types = {"GAP_*", "delete"};
    for (const int type : {0, 1, 3}) {
        made::header h;
        h.change_type = type;
        CHECK(keeps(gaps, h));
    }
    for (const int type : {2, 4, 5, 6, 7, 8}) {
        made::header h;
        h.change_type = type;
        CHECK(judge(gaps, h) == left_out_by::change_type);
    }
    event_filter_config own;
    own.exclude_origins = {"*;client=sfcdc"};
    made::header h;
    h.origin = "com/salesforce/api/rest/60.0;client=sfcdc";
    CHECK(judge(own, h) == left_out_by::origin);
    h.origin = "com/salesforce/api/rest/60.0;client=other";
    CHECK(keeps(own, h));
    own.exclude_entities = {"Thing"};
    CHECK(judge(own, h) == left_out_by::entity); // the first reason counts
}

TEST_CASE("what is no update is never left out for its fields") {
    const event_filter_config phone{{}, {}, names{"Phone"}};
    for (const int change_type : {0, 2, 3, 4, 5, 6, 7, 8}) {
        INFO(change_type);
        made::header h = changing({"0x02"});
        h.change_type = change_type;
        CHECK(keeps(phone, h));
    }
}
