#include "sink.hpp"

#include "ndjson.hpp"
#include "sqlite.hpp"
#include "zerobus.hpp"

namespace sfcdc::runner {

std::unique_ptr<sink> make_sink(const stream_config& stream, const databricks_config& databricks, inbox& in) {
    switch (stream.sink) {
    case sink_kind::zerobus: return std::make_unique<zerobus_sink>(stream, databricks, in);
    case sink_kind::ndjson: return std::make_unique<ndjson_sink>(stream);
    case sink_kind::sqlite: break;
    }
    return std::make_unique<sqlite_sink>(stream);
}

} // namespace sfcdc::runner
