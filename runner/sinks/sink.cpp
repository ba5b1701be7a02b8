#include "sink.hpp"

#include "../operations/failure.hpp"
#include "ndjson.hpp"
#include "sqlite.hpp"
#include "zerobus.hpp"

namespace sfcdc::runner {

bool sink::ready_for_columns(std::string_view, const cdc::plan&) {
    throw failure(exit_code::bad_config,
                  "A row that Databricks has refused can be sent again to Databricks only; give the pipeline "
                  "sink = \"zerobus\".");
}
std::vector<std::string> sink::add_columns(std::string_view, const cdc::plan&, const nlohmann::ordered_json&) {
    return {};
}

std::unique_ptr<sink> make_sink(const pipeline_config& pipeline, databricks::workspace* workspace, inbox& in) {
    switch (pipeline.sink) {
    case sink_kind::zerobus: return std::make_unique<zerobus_sink>(pipeline, *workspace, in);
    case sink_kind::ndjson: return std::make_unique<ndjson_sink>(pipeline);
    case sink_kind::sqlite: break;
    }
    return std::make_unique<sqlite_sink>(pipeline);
}

} // namespace sfcdc::runner
