#include "catch.hpp"
#include "exact_bytes.hpp"
#include "reference/protobuf_reader.hpp"

#include <sfcdc/wire/protobuf.hpp>

using namespace sfcdc;

namespace {

// What `write` puts behind `before`.
template<class Write> std::string written(Write write, std::string before = {}) {
    {
        wire::appender appended(before);
        wire::protobuf_writer w(appended);
        write(w, appended);
    }
    return before;
}

} // namespace

TEST_CASE("protobuf fields as the documentation spells them") {
    CHECK(written([](auto& w, auto&) { w.varint(1, 150); }) == "\x08\x96\x01");
    CHECK(written([](auto& w, auto&) { w.bytes(2, "testing"); }) == "\x12\x07testing");
    CHECK(written([](auto& w, auto&) { w.int64(1, -2); }) == "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    // zero is written: presence is the caller's business
    CHECK(written([](auto& w, auto&) { w.varint(16, 0); }) == std::string("\x80\x01\x00", 3));
    CHECK(written([](auto& w, auto&) { w.tag(0x1fffffff, wire::wire_type::fixed32); }) == "\xfd\xff\xff\xff\x0f");
}

TEST_CASE("a tag is written as its varint, whatever the field and type") {
    for (const std::uint32_t field :
         {1u, 15u, 16u, 2047u, 2048u, 262'143u, 262'144u, 33'554'431u, 33'554'432u, 0x1fff'ffffu})
        for (const wire::wire_type type :
             {wire::wire_type::varint, wire::wire_type::length_delimited, wire::wire_type::fixed32}) {
            char expected[wire::max_varint_bytes];
            const std::size_t n =
                wire::write_varint(expected, std::uint64_t{field} << 3 | static_cast<unsigned>(type));
            const std::string plain = written([&](auto& w, auto&) { w.tag(field, type); });
            CHECK(plain == std::string_view(expected, n));
        }
}

TEST_CASE("a protobuf string is written when it is UTF-8, and not at all when it is not") {
    const wire::protobuf_tag tag(300, wire::wire_type::length_delimited);
    for (std::size_t n = 0; n <= 150; ++n) {
        const auto check = [&](const std::string& text, bool right) {
            const exact_bytes block(text);
            bool taken = false;
            const std::string out = written([&](auto& w, auto&) { taken = w.text(tag, block.text()); }, "before");
            const std::string plain = written([&](auto& w, auto&) { w.bytes(300, text); }, "before");
            if (taken != right || out != (right ? plain : "before")) REQUIRE(out == (right ? plain : "before"));
        };
        check(std::string(n, 'a'), true);
        for (std::size_t at = 0; at < n; ++at) {
            std::string text(n, 'a');
            text[at] = '\xff';
            check(text, false);
            text.replace(at, 1, "\xc3\xa4");
            check(text, true);
        }
    }
    SUCCEED();
}

TEST_CASE("nested messages of every length class have the right length in front") {
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{127}, std::size_t{128},
                                std::size_t{16383}, std::size_t{16384}, std::size_t{2097152}}) {
        const std::string out = written(
            [&](auto& w, auto& appended) {
                w.nested(3, [&] { appended.append(std::string(n, 'x')); });
                w.varint(4, 7);
            },
            "before"); // appended to, not overwritten
        const auto fields = reference::read_protobuf(std::string_view(out).substr(6));
        REQUIRE(fields.size() == 2);
        CHECK(out.substr(0, 6) == "before");
        CHECK(fields[0].number == 3);
        CHECK(fields[0].bytes == std::string(n, 'x'));
        CHECK(fields[1].varint == 7);
    }
}

TEST_CASE("nested in nested: the inner length moves with the outer one") {
    const std::string out = written([](auto& w, auto&) {
        w.nested(1, [&] {
            w.nested(2, [&] { w.bytes(3, std::string(200, 'a')); });
            w.varint(4, 1);
        });
    });
    const auto outer = reference::read_protobuf(out);
    REQUIRE(outer.size() == 1);
    const auto middle = reference::read_protobuf(outer[0].bytes);
    REQUIRE(middle.size() == 2);
    const auto inner = reference::read_protobuf(middle[0].bytes);
    REQUIRE(inner.size() == 1);
    CHECK(inner[0].bytes == std::string(200, 'a'));
}

TEST_CASE("an appender writes behind what is there, in pieces of every length") {
    for (std::size_t n = 0; n < 1200; ++n) {
        std::string out = "before", piece(n, '\0');
        for (std::size_t i = 0; i < n; ++i) piece[i] = static_cast<char>('a' + i % 26);
        {
            wire::appender appended(out);
            appended.append(piece);
            appended.push_back('.');
            REQUIRE(appended.size() == 6 + n + 1);
            std::memcpy(appended.insert(6, 3), "gap", 3);
            appended[0] = 'B';
        }
        REQUIRE(out == "Beforegap" + piece + ".");
    }
}

TEST_CASE("the reader gives back what the writer wrote, and steps over what nobody asks for") {
    const std::string message = written([](auto& w, auto& appended) {
        w.varint(1, 150);
        w.int64(2, -2);
        w.bytes(3, "testing");
        w.tag(4, wire::wire_type::fixed32), appended.append(std::string_view("\x01\x02\x03\x04", 4));
        w.tag(5, wire::wire_type::fixed64), appended.append(std::string_view("\x01\0\0\0\0\0\0\x80", 8));
        w.varint(3, 9); // known by number, not by type
        w.bytes(0x1fffffff, "");
    });
    wire::protobuf_reader in(message);
    REQUIRE(in.next());
    CHECK((in.is(1, wire::wire_type::varint) && in.number() == 150));
    REQUIRE(in.next());
    CHECK((in.is(2, wire::wire_type::varint) && in.int64() == -2 && in.int32() == -2));
    REQUIRE(in.next());
    CHECK((in.is(3, wire::wire_type::length_delimited) && in.bytes() == "testing"));
    REQUIRE(in.next());
    CHECK((in.is(4, wire::wire_type::fixed32) && in.number() == 0x04030201));
    REQUIRE(in.next());
    CHECK((in.is(5, wire::wire_type::fixed64) && in.number() == 0x8000000000000001));
    REQUIRE(in.next());
    CHECK((in.field() == 3 && !in.is(3, wire::wire_type::length_delimited)));
    REQUIRE(in.next());
    CHECK((in.field() == 0x1fffffff && in.bytes().empty()));
    CHECK(!in.next());
    CHECK(!in.error());
    CHECK(!in.next());
}

TEST_CASE("the reader says what is wrong with a message, and where") {
    const auto read = [](std::string_view message) {
        const std::string exact(message); // ASan sees a read past the end
        wire::protobuf_reader in(exact);
        while (in.next()) {
        }
        CHECK(!in.next()); // the error sticks
        return in.error();
    };
    using namespace std::string_view_literals;
    CHECK(read("\x08"sv) == error{errc::message_truncated, 1});
    CHECK(read("\x08\x96"sv) == error{errc::message_truncated, 1});
    CHECK(read("\x08\x01\x88"sv) == error{errc::message_truncated, 2});
    CHECK(read("\x12\x02x"sv) == error{errc::message_truncated, 1});
    CHECK(read("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"sv) == error{errc::message_truncated, 1});
    CHECK(read("\x0d\x01\x02\x03"sv) == error{errc::message_truncated, 1});
    CHECK(read("\x09\x01\x02\x03\x04\x05\x06\x07"sv) == error{errc::message_truncated, 1});
    CHECK(read("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv) == error{errc::varint_too_long, 1});
    CHECK(read("\x08\x01\x00\x01"sv) == error{errc::message_bad_tag, 2}); // field 0
    CHECK(read("\x0b\x0c"sv) == error{errc::message_bad_tag, 0});         // a group
    CHECK(read("\x0e"sv) == error{errc::message_bad_tag, 0});
    CHECK(read("\x88\x80\x80\x80\x80\x01\x01"sv) == error{errc::message_bad_tag, 0}); // a tag of more than 32 bits
    CHECK(read("\x88\x80\x80\x80\x80\x00\x01"sv) == error{errc::message_bad_tag, 0}); // a small one in six bytes
}
