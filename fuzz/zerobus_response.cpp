// Responses of Zerobus: any bytes are read or refused within the message, views stay inside it, and what was read is
// read again from the bytes that say only that.
#include "fuzz.hpp"

#include <sfcdc/zerobus/messages.hpp>
#include <sfcdc/zerobus/test_messages.hpp>

using namespace sfcdc;

namespace {

void write(const zerobus::ephemeral_stream_response& r, std::string& out) {
    if (const auto* created = std::get_if<zerobus::create_ingest_stream_response>(&r))
        append_response(*created, out);
    else if (const auto* ack = std::get_if<zerobus::ingest_record_response>(&r))
        append_response(*ack, out);
    else if (const auto* signal = std::get_if<zerobus::close_stream_signal>(&r))
        append_response(*signal, out);
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
