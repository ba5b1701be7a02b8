#include "schema.hpp"

#include <pipeline/hidden_fields.hpp>

namespace sfcdc_python {

std::shared_ptr<const schema> schema::of(std::string json_text) {
    auto [plan, bad] = sfcdc::cdc::compile(json_text);
    if (bad)
        throw std::invalid_argument("the schema is none of an event: byte " + std::to_string(bad.offset) + ": "
                                    + bad.message());
    auto out = std::make_shared<schema>();
    const sfcdc::avro::schema& types = plan.schema();
    out->id = sfcdc::avro::schema_id(types);
    out->name = types.full_name(types[types.root()]);
    out->entity = sfcdc::runner::entity_of(plan);
    out->json = std::move(json_text);
    out->plan = std::move(plan);
    return out;
}

} // namespace sfcdc_python
