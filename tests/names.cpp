// Every public enum has names to print: each enumerator has one of its own, and a number that is no enumerator has "unknown".
#include "catch.hpp"

#include <sfcdc/sfcdc.hpp>

#include <set>
#include <string_view>

using namespace sfcdc;

namespace {

// Whether the numbers from `first` to that of `last` have names that differ, and the number behind `last` has none. So an enumerator that
// is added behind `last` makes it false until the test knows it; one without a name makes the compiler warn (-Wswitch).
template<class Enum> bool have_names(Enum last, std::string_view no_name = "unknown", int first = 0) {
    std::set<std::string_view> seen;
    for (int i = first; i <= static_cast<int>(last); ++i) {
        const std::string_view name = to_string(static_cast<Enum>(i));
        if (name.empty() || !seen.insert(name).second) return false;
    }
    return to_string(static_cast<Enum>(static_cast<int>(last) + 1)) == no_name;
}

static_assert(to_string(errc::schema_too_large) == "schema_too_large"); // It is a constant expression.

} // namespace

TEST_CASE("every enumerator has a name") {
    CHECK(have_names(errc::checkpoint_never_sent));
    CHECK(have_names(wire::varint_status::too_long));
    CHECK(have_names(wire::base64_alphabet::url));
    CHECK(have_names(wire::grpc_status::unauthenticated, "UNKNOWN"));
    CHECK(have_names(avro::type::fixed));
    CHECK(have_names(avro::op_kind::other));
    CHECK(have_names(cdc::change_type::unknown, "UNKNOWN"));
    CHECK(have_names(cdc::field_state::wrong_type));
    CHECK(have_names(cdc::header_member::changed_fields));
    CHECK(have_names(row::column_type::date, "UNKNOWN"));
    CHECK(have_names(row::column_source::rest_json));
    CHECK(have_names(row::granularity::record));
    CHECK(have_names(row::conversion::by_value));
    CHECK(have_names(row::sql_dialect::duckdb));
    CHECK(have_names(call::fault::row_without_event));
    CHECK(have_names(call::remedy::stop));
    CHECK(have_names(call::token_answer::unavailable));
    CHECK(have_names(pubsub::error_code::commit, "UNKNOWN"));
    CHECK(have_names(pubsub::replay_preset::custom, "UNKNOWN"));
    CHECK(have_names(pubsub::subscription_state::closed));
    CHECK(have_names(zerobus::record_type::json, "UNKNOWN", 1));
    CHECK(have_names(delivery_fault::mistake));
    // Its numbers are those of the wire, and have a gap.
    CHECK(to_string(wire::wire_type::varint) == "varint");
    CHECK(to_string(wire::wire_type::fixed64) == "fixed64");
    CHECK(to_string(wire::wire_type::length_delimited) == "length_delimited");
    CHECK(to_string(wire::wire_type::fixed32) == "fixed32");
}

TEST_CASE("names are those of the protocols where there are any") {
    CHECK(to_string(cdc::change_type::delete_) == "DELETE");
    CHECK(to_string(avro::type::int_) == "int");
    CHECK(to_string(row::column_type::integer) == "INT");
    CHECK(to_string(cdc::header_member::record_ids) == "recordIds");
    for (std::size_t i = 0; i < zerobus::status_rules.size(); ++i)
        CHECK(to_string(static_cast<wire::grpc_status>(i)) == zerobus::status_rules[i].name);
    for (int i = 0; i <= static_cast<int>(row::column_type::date); ++i) {
        const row::column c = row::column::of_field("c", "f", static_cast<row::column_type>(i));
        if (c.type() != row::column_type::decimal) CHECK(to_string(c.type()) == row::sql_type(c));
    }
}
