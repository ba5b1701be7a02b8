// Compiled again and again by misuse.py, with MISUSE set to another number each time: 0 must compile, the others not.
#include <sfcdc/sfcdc.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

inline std::string_view wire_text(std::span<const std::byte> bytes) { return sfcdc::wire::as_chars(bytes); }

inline sfcdc::error use(std::string_view schema_json, std::span<const std::byte> payload) {
    sfcdc::cdc::decoder decoder;
    auto [plan, bad_schema] = sfcdc::cdc::compile(schema_json);
#if MISUSE == 0
    const auto [event, bad] = decoder.decode(plan, payload); // the control: the same words, used well
    const sfcdc::cdc::field_list changed = event.changed_fields();
    for (const std::string_view name : changed.parents()) static_cast<void>(name);
    std::int64_t number = 0;
    event.value(plan.find("a")).read(number);
    const std::string text(wire_text(payload)); // payloads that outlive the event may be owned by anything
    const std::vector<unsigned char> bytes(text.begin(), text.end());
    static_cast<void>(decoder.decode(plan, text));
    static_cast<void>(decoder.decode(plan, bytes));
    static_cast<void>(decoder.decode(plan, std::string_view(text)));
    static_cast<void>(sfcdc::cdc::read_header(bytes));
    static_cast<void>(plan.project({"a", "b"}));
    return bad;
#elif MISUSE == 1 // the event would look into a plan that is gone
    return decoder.decode(sfcdc::cdc::compile(schema_json).value, payload).error;
#elif MISUSE == 2
    return decoder.decode(std::move(plan), payload).error;
#elif MISUSE == 3  // the range would look into a list that is gone
    const auto [event, bad] = decoder.decode(plan, payload);
    for (const std::string_view name : event.changed_fields().parents()) static_cast<void>(name);
    return bad;
#elif MISUSE == 4  // a result that nobody looks at
    decoder.decode(plan, payload);
    return bad_schema;
#elif MISUSE == 5  // an error is not a number
    const int code = decoder.decode(plan, payload).error;
    return {static_cast<sfcdc::errc>(code), 0};
#elif MISUSE == 6  // positions have no order
    return {sfcdc::pubsub::replay_id() < sfcdc::pubsub::replay_id() ? sfcdc::errc::none : sfcdc::errc::bad_hex, 0};
#elif MISUSE == 7  // no Avro type is an unsigned integer
    const auto [event, bad] = decoder.decode(plan, payload);
    unsigned number = 0;
    event.value(plan.find("a")).read(number);
    return bad;
#elif MISUSE == 8  // the event would look into a decoder that is gone
    return sfcdc::cdc::decoder().decode(plan, payload).error;
#elif MISUSE == 9  // the states would look into an event that is gone
    return sfcdc::cdc::event(decoder.decode(plan, payload).value).field_states().few() ? sfcdc::error{} : bad_schema;
#elif MISUSE == 10 // the event would look into a payload that is gone
    return decoder.decode(plan, std::string(wire_text(payload))).error;
#elif MISUSE == 11
    const auto read_payload = [&] { return std::vector<std::byte>(payload.begin(), payload.end()); };
    return decoder.decode(plan, read_payload()).error;
#elif MISUSE == 12 // so would the header
    return sfcdc::cdc::read_header(std::string(wire_text(payload))).error;
#elif MISUSE == 13 // a string literal ends with a byte that is none of the payload
    return decoder.decode(plan, "0").error;
#elif MISUSE == 14 // no field is read as an unsigned integer, and the compiler says what it may be read as
    const auto [event, bad] = decoder.decode(plan, payload);
    static_cast<void>(event.get<unsigned>(plan.find("a")));
    return bad;
#elif MISUSE == 15 // nor as a string that owns its bytes
    const auto [event, bad] = decoder.decode(plan, payload);
    static_cast<void>(event.get<std::string>(plan.find("a")));
    return bad;
#elif MISUSE == 16 // a code that nobody looks at
    const auto release = [](sfcdc::pubsub::subscription& from) { from.release(1); };
    static_cast<void>(release);
    return bad_schema;
#elif MISUSE == 17 // an error that nobody looks at
    const auto error_of = [&] { return bad_schema; };
    error_of();
    return bad_schema;
#elif MISUSE == 18 // a result in a condition would mean the opposite of an error in one
    const auto decoded = decoder.decode(plan, payload);
    return decoded ? decoded.error : bad_schema;
#elif MISUSE == 19 // the batch would look into a bound layout that is gone
    const auto [event, bad] = decoder.decode(plan, payload);
    sfcdc::row::arrow_batch batch(sfcdc::row::layout{});
    static_cast<void>(batch.append(sfcdc::row::bind(batch.layout(), plan), event, {}));
    return bad;
#elif MISUSE == 20 // the names would be those of an event that is gone
    const sfcdc::row::layout layout;
    const sfcdc::row::bound_layout bound = sfcdc::row::bind(layout, plan);
    for (const std::string_view name : sfcdc::row::columns_to_update(bound, decoder.decode(plan, payload).value))
        static_cast<void>(name);
    return bad_schema;
#endif
}

int main() { return use("", {}) ? 0 : 1; }
