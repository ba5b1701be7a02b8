// An event's schema, compiled: what Python's sfcdc.Schema is.
#pragma once

#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/cdc/plan.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sfcdc_python {

// Immutable, and shared by Python's objects: decoders look into the plan.
struct schema {
    std::string json;
    sfcdc::cdc::plan plan;
    std::string id;     // as Salesforce computes it from the schema's canonical form
    std::string name;   // "com.sforce.eventbus.AccountChangeEvent"
    std::string entity; // "Account"; of a platform event the name of the event

    // Throws std::invalid_argument that says what is wrong with the text, and where.
    static std::shared_ptr<const schema> of(std::string json_text);
};

} // namespace sfcdc_python
