#include "sink.hpp"

#include "ndjson.hpp"
#include "sqlite.hpp"
#include "zerobus.hpp"

namespace sfcdc::runner {

std::unique_ptr<sink> make_sink(const pipeline_config& pipeline, databricks::workspace* workspace, inbox& in) {
    switch (pipeline.sink) {
    case sink_kind::zerobus: return std::make_unique<zerobus_sink>(pipeline, *workspace, in);
    case sink_kind::ndjson: return std::make_unique<ndjson_sink>(pipeline);
    case sink_kind::sqlite: break;
    }
    return std::make_unique<sqlite_sink>(pipeline);
}

} // namespace sfcdc::runner
