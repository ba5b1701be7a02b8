// How long does it take from a schema's text to a plan? Once for each schema id, so it matters for the first event only.
#include <memory>
#include <string>
#include <vector>

#include <sfcdc/sfcdc.hpp>

#include "avro_c.hpp"
#include "questions.hpp"

namespace bench {

void add_schema(const schema_text& schema, std::vector<contender>& out) {
    const auto [p, bad] = sfcdc::cdc::compile(*schema.json);
    if (bad) throw wrong_answer(schema.name + ": " + bad.message());
    const avro_c reference(*schema.json);
    if (p.field_count() != avro_schema_record_size(reference.schema()))
        throw wrong_answer(schema.name + ": other fields");
    for (std::uint32_t i = 0; i < p.field_count(); ++i)
        if (p.name({i}) != avro_schema_record_field_name(reference.schema(), static_cast<int>(i)))
            wrong("schema compile", schema.name, i, std::string(p.name({i})));

    const std::string counterpart = "schema compile, Apache Avro C";
    out.push_back(timed("schema compile", 1, schema.json->size(), [json = schema.json] {
        const auto compiled = sfcdc::cdc::compile(*json);
        if (compiled.error) throw wrong_answer("schema compile");
        keep(compiled);
    }));
    // The schema and the class that values are made from: what has to be there before the first event.
    out.push_back(timed(counterpart, 1, schema.json->size(), [json = schema.json] {
        const avro_c compiled(*json);
        keep(compiled);
    }));
    for (contender& c : out) c.against = counterpart;
}

} // namespace bench
