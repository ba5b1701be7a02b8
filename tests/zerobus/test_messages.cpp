// The messages that a user's test writes with the library are those that Zerobus writes: byte for byte, and read again.
#include "catch.hpp"

#include <sfcdc/zerobus/test_messages.hpp>

using namespace sfcdc;
using namespace std::string_view_literals;

namespace {

template<class Message> std::string served_message(const Message& message) {
    std::string out = "before";
    zerobus::append_response(message, out);
    REQUIRE(out.starts_with("before"));
    REQUIRE(zerobus::parse_response(out.substr(6)).ok());
    return out.substr(6);
}

} // namespace

TEST_CASE("responses as Zerobus writes them") {
    using zerobus::close_stream_signal, zerobus::create_ingest_stream_response, zerobus::ingest_record_response;
    CHECK(served_message(create_ingest_stream_response{"id"}) == "\x0a\x04\x0a\x02id"sv);
    CHECK(served_message(create_ingest_stream_response{}) == "\x0a\x00"sv);
    CHECK(served_message(ingest_record_response{300}) == "\x12\x03\x08\xac\x02"sv);
    CHECK(served_message(ingest_record_response{0}) == "\x12\x02\x08\x00"sv); // the first request, not nothing
    CHECK(served_message(ingest_record_response{}) == "\x12\x00"sv);
    CHECK(served_message(close_stream_signal{}) == "\x1a\x00"sv);
    CHECK(served_message(close_stream_signal{zerobus::duration{5, 6}}) == "\x1a\x06\x0a\x04\x08\x05\x10\x06"sv);
    CHECK(served_message(close_stream_signal{zerobus::duration{}}) == "\x1a\x02\x0a\x00"sv);
}
