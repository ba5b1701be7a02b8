// Where an ingest stream goes, and its limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sfcdc/backoff.hpp>
#include <sfcdc/zerobus/messages.hpp>

namespace sfcdc::zerobus {

struct ingest_stream_options {
    using milliseconds = std::chrono::milliseconds;

    std::string table_name{};       // catalog.schema.table
    std::string descriptor_proto{}; // row::descriptor_proto(); empty for JSON
    zerobus::record_type record_type = zerobus::record_type::proto;

    // What is held until it is durable, sent or not; add() refuses more. 256 batches of 100 rows at 200 ms for an ack are
    // 128,000 rows a second, above Databricks' quota for a stream; a batch may have 10 MB, hence the bound on bytes.
    std::size_t requests = 256;
    std::size_t bytes = 64u << 20;

    milliseconds open_time{15'000}; // from open_call to create_stream_response; as Databricks' clients
    milliseconds ack_time{60'000};  // for each request from its sending; as Databricks' clients
    milliseconds drain_time{2'000}; // from half_close to the end of the call; acks take 200 to 500 ms

    // In a row, with nothing acknowledged in between. Waits are up to 30 s, so these retries last about three days.
    unsigned retries = 10'000;
    unsigned token_renewals = 3;
    // What worked before, and is refused now (token, permission, table), is tried again so often, with this wait in between, before
    // the stream has failed. A new stream fails at the first.
    unsigned refusals = 3;
    milliseconds refused_wait{60'000};
    // If so many rows in a row are bad, it is not the rows: the table has changed.
    unsigned rejections = 100;

    // Of the jitter; another one for each process.
    std::uint64_t seed = 0;
    backoff::options waits{}; // 0.5 to 30 s
};

} // namespace sfcdc::zerobus
