#include "catch.hpp"
#include "exact_bytes.hpp"
#include "reference/avro_writer.hpp"

#include <cmath>
#include <limits>

#include <sfcdc/avro/cursor.hpp>

using namespace sfcdc;
using reference::avro_writer;

namespace {

// The error after `read(cursor)` on exactly these bytes.
template<class Read> error after(const avro_writer& w, Read read) {
    const exact_bytes block(w.bytes());
    avro::cursor in(block.span());
    read(in);
    CHECK((!in.failed() || in.remaining() == 0)); // poisoned: nothing is left to read
    return in.error();
}

} // namespace

TEST_CASE("cursor: primitives") {
    avro_writer w;
    w.integer(-1)
        .integer(INT64_MAX)
        .integer(INT64_MIN)
        .integer(INT32_MIN)
        .byte(0)
        .byte(1)
        .float32(-1.5f)
        .float64(1e300)
        .text("ab")
        .text("");
    const exact_bytes block(w.bytes());
    avro::cursor in(block.span());
    CHECK(in.read_long() == -1);
    CHECK(in.read_long() == INT64_MAX);
    CHECK(in.read_long() == INT64_MIN);
    CHECK(in.read_int() == INT32_MIN);
    CHECK_FALSE(in.read_boolean());
    CHECK(in.read_boolean());
    CHECK(in.read_float() == -1.5f);
    CHECK(in.read_double() == 1e300);
    CHECK(in.read_string() == "ab");
    CHECK(in.read_string().empty());
    CHECK_FALSE(in.failed());
    CHECK(in.remaining() == 0);
    CHECK(in.offset() == w.size());
}

TEST_CASE("cursor: each error has its code, and the offset of the value") {
    const auto read_long = [](avro::cursor& in) { in.read_long(); };
    const auto read_int = [](avro::cursor& in) { in.read_int(); };
    const auto read_bytes = [](avro::cursor& in) { in.read_bytes(); };
    const auto read_block = [](avro::cursor& in) { in.read_block(); };
    CHECK(after(avro_writer(), read_long) == error{errc::end_of_data, 0});
    CHECK(after(avro_writer().raw("\x80"), read_long) == error{errc::end_of_data, 0});
    CHECK(after(avro_writer().raw(std::string(9, '\xff')).byte(2), read_long) == error{errc::varint_too_long, 0});
    CHECK(after(avro_writer().integer(std::int64_t{INT32_MAX} + 1), read_int) == error{errc::int_out_of_range, 0});
    CHECK(after(avro_writer().integer(std::int64_t{INT32_MIN} - 1), read_int) == error{errc::int_out_of_range, 0});
    CHECK(after(avro_writer().integer(INT32_MAX), read_int) == error{});
    CHECK(after(avro_writer().byte(2), [](avro::cursor& in) { in.read_boolean(); }) == error{errc::bad_boolean, 0});
    CHECK(after(avro_writer().byte(0xff), [](avro::cursor& in) { in.read_boolean(); })
          == error{errc::bad_boolean, 0});
    CHECK(after(avro_writer(), [](avro::cursor& in) { in.read_boolean(); }) == error{errc::end_of_data, 0});
    CHECK(after(avro_writer().integer(-1), read_bytes) == error{errc::negative_length, 0});
    CHECK(after(avro_writer().integer(INT64_MIN), read_bytes) == error{errc::negative_length, 0});
    CHECK(after(avro_writer().integer(2).raw("x"), read_bytes) == error{errc::length_beyond_end, 0});
    CHECK(after(avro_writer().integer(INT64_MAX), read_bytes) == error{errc::length_beyond_end, 0});
    CHECK(after(avro_writer().raw("abc"), [](avro::cursor& in) { in.read_float(); }) == error{errc::end_of_data, 0});
    CHECK(after(avro_writer().raw("abcdefg"), [](avro::cursor& in) { in.read_double(); })
          == error{errc::end_of_data, 0});
    CHECK(after(avro_writer().raw("ab"), [](avro::cursor& in) { in.skip(3); }) == error{errc::end_of_data, 0});
    CHECK(after(avro_writer().raw("ab"), [](avro::cursor& in) { in.skip(~std::uint64_t{0}); })
          == error{errc::end_of_data, 0});
    CHECK(after(avro_writer().integer(-1).integer(-1), read_block) == error{errc::bad_block_size, 0});
    CHECK(after(avro_writer().integer(-1).integer(1), read_block) == error{errc::bad_block_size, 0});
    CHECK(after(avro_writer().integer(1).integer(3).raw("ab"),
                [](avro::cursor& in) { in.read_long(), in.read_bytes(); })
          == error{errc::length_beyond_end, 1});
}

TEST_CASE("cursor: the first error sticks and everything after it reads as nothing") {
    const exact_bytes block(avro_writer().byte(7).raw("0123456789").bytes());
    avro::cursor in(block.span());
    in.read_boolean();
    const error first = in.error();
    CHECK(first == error{errc::bad_boolean, 0});
    CHECK(in.read_long() == 0);
    CHECK(in.read_int() == 0);
    CHECK(in.read_double() == 0);
    CHECK(in.read_bytes().empty());
    CHECK(in.read_block() == 0);
    CHECK_FALSE(in.read_boolean());
    in.fail(errc::bad_enum_index);
    CHECK(in.error() == first);
}

TEST_CASE("cursor: blocks") {
    const auto count = [](const avro_writer& w) {
        const exact_bytes block(w.bytes());
        avro::cursor in(block.span());
        return in.read_block();
    };
    CHECK(count(avro_writer().integer(0)) == 0);
    CHECK(count(avro_writer().integer(3)) == 3);
    CHECK(count(avro_writer().integer(-3).integer(2).raw("ab")) == 3); // with the block's size in front
    CHECK(count(avro_writer().integer(-3).integer(0)) == 3);
    CHECK(count(avro_writer().integer(INT64_MIN).integer(0)) == std::uint64_t{1} << 63);
}
