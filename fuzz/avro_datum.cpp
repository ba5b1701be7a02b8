// A schema and any bytes as its datum. The walk along the plan and the one that knows only the schema agree on what is
// sound and on every value; so do one payload at a time and two in turns.
#include "fuzz.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/json.hpp>

#include <array>
#include <string>

using namespace sfcdc;

namespace {

std::string shown(const cdc::event& event) {
    std::string out;
    row::append_datum_json(event, out);
    row::append_event_json(event, out);
    for (const std::string_view name : event.changed_fields()) out += name;
    return out;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [schema, datum] = fuzz::split({data, size});
    const fuzz::exact_bytes text(schema), payload(datum);
    const auto [plan, bad_plan] = cdc::compile(text.text());
    if (bad_plan) return 0;
    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, payload);
    fuzz::require(bad.offset <= datum.size());

    avro::cursor in(payload);
    avro::skipper(plan.schema(), in).skip(plan.schema().root());
    const bool sound = !in.failed() && in.remaining() == 0;
    const bool by_walk = !bad || (bad.code >= errc::bitmap_syntax && bad.code <= errc::bitmap_parent_not_a_record);
    // The two count depth and empty items from different places.
    const auto bounded = [](errc code) { return code == errc::datum_too_deep || code == errc::too_many_empty_items; };
    fuzz::require(sound == by_walk || bounded(bad.code) || bounded(in.error().code));
    if (!bad && sound && !plan.has_header()) {
        std::string by_plan, by_schema;
        row::append_body_json(event, by_plan);
        {
            wire::appender appended(by_schema);
            row::json_writer(appended, row::json_numbers::fractional)
                .value(avro::value(plan.schema(), plan.schema().root(), payload, 0));
        }
        fuzz::require(by_plan == by_schema);
    }

    // An event is walked by its lists, where they fit; without them it is the same.
    avro::datum walked;
    const error bad_walk = avro::walk(plan, payload, walked);
    fuzz::require(by_walk == !bad_walk && (by_walk || bad == bad_walk));
    for (std::uint32_t f = 0; !bad && f < plan.size(); ++f) {
        fuzz::require(event.has_value({f}) == walked.has({f}));
        if (!walked.has({f})) continue;
        const avro::value there(plan.schema(), plan[avro::field{f}].node, payload, walked.begin({f}));
        std::string_view it, it_there;
        std::int64_t number = 0, number_there = 0;
        fuzz::require(event.value({f}).read(it) == there.read(it_there) && it.data() == it_there.data());
        fuzz::require(event.value({f}).read(number) == there.read(number_there) && number == number_there);
    }

    const std::string once = bad ? std::string() : shown(event);

    const fuzz::exact_bytes copy(datum);
    const std::array<std::span<const std::byte>, 3> both = {payload, copy, payload};
    decoder.decode_each(plan, both, [&, error = bad](std::size_t, const result<cdc::event>& again) {
        fuzz::require(again.error == error);
        if (!error) fuzz::require(shown(again.value) == once);
    });
    return 0;
}
