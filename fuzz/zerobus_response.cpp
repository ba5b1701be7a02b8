// Responses of Zerobus: any bytes are read or refused within the message, views stay inside it, and what was read is
// read again from the bytes that say only that.
#include "fuzz.hpp"

#include <sfcdc/zerobus/messages.hpp>

using namespace sfcdc;

namespace {

void write(const zerobus::ephemeral_stream_response& r, std::string& out) {
    wire::appender to(out);
    wire::protobuf_writer w(to);
    if (const auto* created = std::get_if<zerobus::create_ingest_stream_response>(&r)) {
        w.nested(1, [&] {
            if (created->stream_id) w.bytes(1, *created->stream_id);
        });
    } else if (const auto* ack = std::get_if<zerobus::ingest_record_response>(&r)) {
        w.nested(2, [&] {
            if (ack->durability_ack_up_to_offset) w.int64(1, *ack->durability_ack_up_to_offset);
        });
    } else if (const auto* signal = std::get_if<zerobus::close_stream_signal>(&r)) {
        w.nested(3, [&] {
            if (!signal->duration) return;
            w.nested(1, [&] {
                w.int64(1, signal->duration->seconds);
                w.int64(2, signal->duration->nanos);
            });
        });
    }
}

bool same(const zerobus::ephemeral_stream_response& a, const zerobus::ephemeral_stream_response& b) {
    if (a.index() != b.index()) return false;
    if (const auto* created = std::get_if<zerobus::create_ingest_stream_response>(&a))
        return created->stream_id == std::get<zerobus::create_ingest_stream_response>(b).stream_id;
    if (const auto* ack = std::get_if<zerobus::ingest_record_response>(&a))
        return ack->durability_ack_up_to_offset
               == std::get<zerobus::ingest_record_response>(b).durability_ack_up_to_offset;
    if (const auto* signal = std::get_if<zerobus::close_stream_signal>(&a))
        return signal->duration == std::get<zerobus::close_stream_signal>(b).duration;
    return true;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::exact_bytes input({data, size});
    const auto [response, bad] = zerobus::parse_response(input.text());
    if (bad) {
        fuzz::require(bad.offset <= size);
        return 0;
    }
    if (const auto* created = std::get_if<zerobus::create_ingest_stream_response>(&response))
        if (created->stream_id)
            fuzz::require(created->stream_id->data() >= input.text().data()
                          && created->stream_id->data() + created->stream_id->size() <= input.text().data() + size);
    // A move of the bytes away from under the views would show here, and so would a field that is not written.
    std::string again;
    write(response, again);
    fuzz::require(same(zerobus::parse_response(again).value, response));
    return 0;
}
