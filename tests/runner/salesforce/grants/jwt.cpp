#include "salesforce/grants/jwt.hpp"

#include "catch.hpp"
#include "keys.hpp"

#include <sfcdc/wire/base64.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace sfcdc::runner::salesforce;

namespace {

std::vector<std::string> parts_of(const std::string& token) {
    std::vector<std::string> parts(1);
    for (const char c : token)
        if (c == '.')
            parts.emplace_back();
        else
            parts.back() += c;
    return parts;
}
// The library reads the standard alphabet.
std::string decoded(std::string text) {
    for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
    while (text.size() % 4 != 0) text += '=';
    return sfcdc::wire::from_base64(text).value;
}

} // namespace

TEST_CASE("an assertion: header, claims and signature") {
    const test::key_ptr key = test::rsa_key();
    const auto read = rsa_key::read(test::pem_of(key.get()), "");
    REQUIRE(read);
    const std::string token =
        make_jwt({"3MVG9.consumer", "o'brien+\"x\"@acme.example", "https://login.salesforce.com",
                  std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000))},
                 read);
    const auto parts = parts_of(token);
    REQUIRE(parts.size() == 3);
    CHECK(decoded(parts[0]) == R"({"alg":"RS256"})");
    CHECK(
        decoded(parts[1])
        == R"({"iss":"3MVG9.consumer","sub":"o'brien+\"x\"@acme.example","aud":"https://login.salesforce.com","exp":1700000000})");
    const std::string signed_text = parts[0] + "." + parts[1];
    const auto good = [&](const std::string& text, const std::string& signature) {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        return EVP_DigestVerifyInit(c.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1
               && EVP_DigestVerify(c.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                                   signature.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size())
                      == 1;
    };
    CHECK(good(signed_text, decoded(parts[2])));
    CHECK_FALSE(good(signed_text + "x", decoded(parts[2])));
    CHECK(token.find_first_of("+/=\n") == std::string::npos);
}

TEST_CASE("a key that cannot sign says why, and nothing of itself") {
    const test::key_ptr key = test::rsa_key(), small = test::rsa_key(1024), curve(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::string pem = test::pem_of(key.get()), locked = test::pem_of(key.get(), "open sesame");
    CHECK(rsa_key::read(locked, "open sesame"));
    CHECK(rsa_key::read(pem, "a passphrase that is not needed"));
    const std::vector<std::pair<std::string, const char*>> wrong = {
        {"", "has no private key in PEM form"},
        {"3MVG9", "has no private key in PEM form"},
        {test::public_pem_of(key.get()), "has a certificate or a public key"},
        {"-----BEGIN CERTIFICATE-----\n", "has a certificate or a public key"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "OpenSSH"},
        {locked, "is encrypted, and private_key_passphrase is missing"},
        {pem.substr(0, pem.size() / 2) + "-----END PRIVATE KEY-----", "has a private key that cannot be read"},
        {test::pem_of(small.get()), "has an RSA key of 1024 bits"},
        {test::pem_of(curve.get()), "has no RSA key"},
    };
    for (const auto& [text, why] : wrong) {
        const auto read = rsa_key::read(text, "");
        INFO(why);
        CHECK_FALSE(read);
        CHECK(read.bad.find(why) != std::string::npos);
    }
    CHECK(rsa_key::read(locked, "wrong").bad == "cannot be decrypted with private_key_passphrase");
    CHECK(rsa_key::read(locked, std::string(5'000, 'x')).bad == "cannot be decrypted with private_key_passphrase");
}
