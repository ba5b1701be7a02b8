#include "catch.hpp"
#include "exact_bytes.hpp"
#include "reference/sha256.hpp"

#include <string>

#include <sfcdc/wire/digest.hpp>
#include <sfcdc/wire/hex.hpp>

using namespace sfcdc;

namespace {

std::string digits_of(std::string_view text) {
    const exact_bytes block(text);
    std::string out;
    wire::append_hex(out, wire::sha256(block.text()));
    return out;
}

} // namespace

TEST_CASE("sha256 of the standard's examples") {
    CHECK(digits_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digits_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digits_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
          == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(digits_of(std::string(1'000'000, 'a'))
          == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 of every length around two blocks") {
    std::string text;
    for (int i = 0; i < 200; ++i) {
        if (digits_of(text) != reference::sha256(text)) FAIL("length " << i);
        text.push_back(static_cast<char>(i * 37));
    }
    CHECK(wire::sha256({}) == wire::sha256(""));
}
