// How long does it take from a changedFields element to the names of its fields?
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/sfcdc.hpp>

#include "avro_c.hpp"
#include "field_names.hpp"
#include "questions.hpp"

namespace bench {

void add_bitmaps(const bitmap_set& data, std::vector<contender>& out) {
    auto [compiled, bad_schema] = sfcdc::cdc::compile(*data.schema_json);
    if (bad_schema) throw wrong_answer(data.name + ": " + bad_schema.message());
    const auto p = std::make_shared<const sfcdc::cdc::plan>(std::move(compiled));
    sfcdc::cdc::field_list_memory memory;
    memory.prepare(*p);

    const avro_c reference(*data.schema_json);
    const field_names names(reference.schema());
    // One behind the other, as elements stand in payloads: behind a hundred bytes of other members.
    const auto text = std::make_shared<std::string>(128, ' ');
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (const std::string_view element : data.elements) {
        places.emplace_back(text->size(), element.size());
        *text += element;
    }
    for (std::size_t i = 0; i < data.elements.size(); ++i) {
        const guarded_copy element(std::as_bytes(std::span(data.elements[i])));
        const auto check = [&](std::string_view at, std::size_t in_front) {
            memory.clear(*p);
            const auto bad = memory.add(*p, at, in_front);
            if (bad != sfcdc::errc::none) wrong("bitmap", data.name, i, sfcdc::message(bad));
            std::vector<std::string> found;
            for (const std::string_view name : memory.list(*p)) found.emplace_back(name);
            if (found != names.expand(std::vector{data.elements[i]})) wrong("bitmap", data.name, i, "other names");
        };
        check(element.text(), 0);
        check(std::string_view(*text).substr(places[i].first, places[i].second), places[i].first); // as it is timed
    }
    out.push_back(
        timed("bitmap to names", data.elements.size(), data.element_bytes, [text, places, p, memory]() mutable {
            const sfcdc::cdc::plan& plan = *p; // locals: what keep() might change is loaded again for each element
            const char* const characters = text->data();
            for (const auto& [at, size] : places) {
                memory.clear(plan);
                if (memory.add(plan, {characters + at, size}, at) != sfcdc::errc::none) throw wrong_answer("bitmap");
                for (const std::string_view name : memory.list(plan)) keep(name);
            }
        }));
}

} // namespace bench
