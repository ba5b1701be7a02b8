// Writes the messages that Zerobus sends, so that a test of a user's own loop can play the service. A program that talks to Databricks
// does not need this header. Names and numbers are those of proto/zerobus_service.proto.
#pragma once

#include <string>

#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/protobuf.hpp>
#include <sfcdc/zerobus/messages.hpp>

namespace sfcdc::inline v0::zerobus {

// append_response() appends one EphemeralStreamResponse with this payload to `out`, without a length in front. An optional that is empty
// is not written; one that holds 0 is.
inline void append_response(const create_ingest_stream_response& created, std::string& out) {
    wire::appender to(out);
    wire::protobuf_writer write(to);
    write.nested(1, [&] {
        if (created.stream_id) write.bytes(1, *created.stream_id);
    });
}

inline void append_response(const ingest_record_response& ack, std::string& out) {
    wire::appender to(out);
    wire::protobuf_writer write(to);
    write.nested(2, [&] {
        if (ack.durability_ack_up_to_offset) write.int64(1, *ack.durability_ack_up_to_offset);
    });
}

inline void append_response(const close_stream_signal& signal, std::string& out) {
    wire::appender to(out);
    wire::protobuf_writer write(to);
    write.nested(3, [&] {
        if (signal.duration)
            write.nested(1, [&] {
                if (signal.duration->seconds != 0) write.int64(1, signal.duration->seconds);
                if (signal.duration->nanos != 0) write.int64(2, signal.duration->nanos);
            });
    });
}

} // namespace sfcdc::inline v0::zerobus
