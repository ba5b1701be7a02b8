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
using names = std::vector<std::string>;

// Fields of the made event: 1 Phone, 2 Address (0 Street, 1 City).
bool keeps(const event_filter_config& config, const made::header& h) {
    const auto plan = sfcdc::cdc::compile(made::schema());
    REQUIRE_FALSE(plan.error);
    const std::string payload = made::payload(h);
    sfcdc::cdc::decoder decoder;
    const auto event = decoder.decode(plan.value, sfcdc::wire::as_bytes(payload));
    REQUIRE_FALSE(event.error);
    return event_filter(config).keeps(event.value);
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

TEST_CASE("what is no update is never left out for its fields") {
    const event_filter_config phone{{}, {}, names{"Phone"}};
    for (const int change_type : {0, 2, 3, 4, 5, 6, 7, 8}) {
        INFO(change_type);
        made::header h = changing({"0x02"});
        h.change_type = change_type;
        CHECK(keeps(phone, h));
    }
}
