#include "catch.hpp"

#include <string>
#include <type_traits>

#include <sfcdc/pubsub/replay_id.hpp>

using namespace sfcdc;
using pubsub::replay_id;

namespace {

// Equality is all there is: an order would invite somebody to compare positions.
template<class T>
concept ordered = requires(const T& a, const T& b) { a < b; };
static_assert(!ordered<replay_id>);
static_assert(std::equality_comparable<replay_id>);
static_assert(std::is_nothrow_move_constructible_v<replay_id>);

} // namespace

TEST_CASE("replay id: bytes, hexadecimal and base64 are the same id") {
    const std::string bytes("\x00\x00\x00\x00\x00\x17\x90\x50\x00\x00", 10);
    const auto [id, bad] = replay_id::from_bytes(bytes);
    REQUIRE_FALSE(bad);
    CHECK(id.bytes() == bytes);
    CHECK(id.hex() == "00000000001790500000");
    CHECK(id.base64() == "AAAAAAAXkFAAAA==");
    CHECK(replay_id::from_hex("00000000001790500000").value == id);
    CHECK(replay_id::from_base64("AAAAAAAXkFAAAA==").value == id);
    CHECK(replay_id::from_base64("AAAAAAAXkFAAAA").value == id);
    CHECK_FALSE(id.empty());
}

TEST_CASE("replay id: zeros count, at either end") {
    CHECK_FALSE(replay_id::from_hex("00").value == replay_id::from_hex("0000").value);
    CHECK_FALSE(replay_id::from_hex("01").value == replay_id::from_hex("0100").value);
    CHECK(replay_id::from_hex("0aFF").value == replay_id::from_hex("0Aff").value);
    CHECK(replay_id().empty());
    CHECK(replay_id() == replay_id::from_hex("").value);
    CHECK(replay_id().hex().empty());
    CHECK(replay_id().base64().empty());
}

TEST_CASE("replay id: errors") {
    CHECK(replay_id::from_hex("001").error == error{errc::bad_hex, 3});
    CHECK(replay_id::from_hex("zz").error == error{errc::bad_hex, 0});
    CHECK(replay_id::from_base64("A").error == error{errc::bad_base64, 1});
    CHECK(replay_id::from_base64("AA A").error == error{errc::bad_base64, 2});
    const std::string longest(limits::replay_id_bytes, 'x');
    CHECK(replay_id::from_bytes(longest).value.bytes() == longest);
    CHECK(replay_id::from_bytes(longest + "x").error.code == errc::replay_id_too_long);
    CHECK(replay_id::from_bytes(longest + "x").value.empty());
    CHECK(replay_id::from_hex(std::string(2 * limits::replay_id_bytes, '0')).value.bytes().size()
          == limits::replay_id_bytes);
    CHECK(replay_id::from_hex(std::string(2 * limits::replay_id_bytes + 2, '0')).error.code
          == errc::replay_id_too_long);
}
