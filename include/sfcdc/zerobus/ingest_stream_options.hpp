// Where an ingest stream goes, and its limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sfcdc/call/patience.hpp>
#include <sfcdc/zerobus/messages.hpp>

namespace sfcdc::inline v0::zerobus {

// The table, the form of its rows, and how much may be in flight.
struct ingest_stream_options {
    using milliseconds = std::chrono::milliseconds;

    std::string table_name{};       // catalog.schema.table
    std::string descriptor_proto{}; // row::descriptor_proto(); empty for JSON
    zerobus::record_type record_type = zerobus::record_type::proto;

    // What is held until it is durable, sent or not; add() refuses more. 256 batches of 100 rows at 200 ms for an ack are
    // 128,000 rows a second, above Databricks' quota for a stream; a batch may have 10 MB, hence the bound on bytes.
    std::size_t requests = 256;
    std::size_t bytes = 64u << 20;

    milliseconds open_limit{15'000}; // from open_call to create_stream_response; as Databricks' clients
    milliseconds ack_limit{60'000};  // for each request from its sending; as Databricks' clients
    milliseconds drain_limit{2'000}; // from half_close to the end of the call; acks take 200 to 500 ms

    // Of the jitter: another one for each process.
    std::uint64_t seed = 0;

    // Waits between calls, and how many of them may end. Health is an acknowledgement.
    call::patience_options patience{};
    // If so many rows in a row are bad, it is not the rows: the table has changed.
    unsigned rejections = 100;
};

namespace detail {

// Whether a stream can work with these options.
inline bool is_valid(const ingest_stream_options& o) noexcept {
    const bool lacks_descriptor = o.record_type == record_type::proto && o.descriptor_proto.empty();
    return is_table_name(o.table_name) && !lacks_descriptor && o.patience.valid();
}

} // namespace detail

} // namespace sfcdc::inline v0::zerobus
