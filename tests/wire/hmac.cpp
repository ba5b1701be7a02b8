#include "catch.hpp"
#include "exact_bytes.hpp"

#include <string>

#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/hmac.hpp>

using namespace sfcdc;

namespace {

std::string hmac_digits(std::string_view key, std::string_view text) {
    const exact_bytes key_block(key), text_block(text);
    std::string out;
    wire::append_hex(out, wire::hmac_sha256(key_block.text()).of(text_block.text()));
    return out;
}

} // namespace

// The cases of RFC 4231, sections 4.2 to 4.8; of case 5 the RFC gives the first 128 bits.
TEST_CASE("hmac-sha-256 of the RFC's examples") {
    CHECK(hmac_digits(std::string(20, '\x0b'), "Hi There")
          == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hmac_digits("Jefe", "what do ya want for nothing?")
          == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hmac_digits(std::string(20, '\xaa'), std::string(50, '\xdd'))
          == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    std::string counted;
    for (int i = 1; i <= 25; ++i) counted.push_back(static_cast<char>(i));
    CHECK(hmac_digits(counted, std::string(50, '\xcd'))
          == "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    CHECK(hmac_digits(std::string(20, '\x0c'), "Test With Truncation").substr(0, 32)
          == "a3b6167473100ee06e0c796c2955552b");
    CHECK(hmac_digits(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")
          == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hmac_digits(std::string(131, '\xaa'),
                      "This is a test using a larger than block-size key and a larger than block-size data. The key "
                      "needs to be hashed before being used by the HMAC algorithm.")
          == "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("hmac-sha-256: a key of 64 bytes is taken as it is, a longer one is not") {
    const std::string key(64, 'k');
    CHECK(hmac_digits(key, "text") == hmac_digits(key, "text"));
    CHECK(hmac_digits(key, "text") != hmac_digits(key + "k", "text"));
    CHECK(hmac_digits("", "") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
