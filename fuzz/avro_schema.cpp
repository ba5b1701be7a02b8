// Any text as a schema. What compiles has a canonical form that compiles, and whose own canonical form is itself. (The
// first one need not be: it writes a type of the empty namespace without one, and within another namespace such a name
// reads as one of that. Salesforce's schemas of 2023 are of this kind.)
#include "fuzz.hpp"

#include <sfcdc/avro/compile.hpp>
#include <sfcdc/avro/schema_id.hpp>

using namespace sfcdc;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::exact_bytes input({data, size});
    const auto [parsed, bad] = avro::parse_schema(input.text());
    if (bad) {
        fuzz::require(bad.offset <= size && std::strlen(bad.message()) > 0);
        return 0;
    }
    const std::string canonical = avro::canonical_form(parsed);
    const auto [again, bad_again] = avro::parse_schema(canonical);
    fuzz::require(!bad_again);
    fuzz::require(avro::schema_id(parsed).size() == 22);
    const std::string settled = avro::canonical_form(again);
    const auto [third, bad_third] = avro::parse_schema(settled);
    fuzz::require(!bad_third && avro::canonical_form(third) == settled);

    const auto [plan, bad_plan] = avro::compile(input.text());
    if (bad_plan) return 0;
    for (std::uint32_t f = 0; f < plan.size(); ++f) {
        const avro::field field{f};
        fuzz::require(plan.find(plan.name(field)) == field || plan.name(field).find('.') != std::string_view::npos);
        fuzz::require(plan[field].child_count == 0
                      || plan[field].first_child + plan[field].child_count <= plan.size());
    }
    return 0;
}
