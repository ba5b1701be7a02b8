#include "jwt.hpp"

#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <nlohmann/json.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace sfcdc::runner::salesforce {
namespace {

constexpr int least_bits = 2048; // RFC 7518, section 3.3

// OpenSSL's own callback would ask on the terminal.
int give_passphrase(char* to, int size, int, void* passphrase) {
    const auto& text = *static_cast<const std::string*>(passphrase);
    const auto n = std::min(text.size(), static_cast<std::size_t>(std::max(size, 0)));
    std::memcpy(to, text.data(), n);
    return static_cast<int>(n);
}

std::string base64url(std::string_view bytes) {
    std::string out;
    wire::append_base64(out, wire::as_bytes(bytes), wire::base64_alphabet::url);
    return out;
}

} // namespace

void rsa_key::release::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

rsa_key rsa_key::read(const std::string& pem, const std::string& passphrase) {
    rsa_key out;
    const auto has = [&](std::string_view word) { return pem.find(word) != pem.npos; };
    const auto wrong = [&](std::string what) {
        out.key_.reset();
        out.bad = std::move(what);
        ERR_clear_error();
        return std::move(out);
    };
    if (has("-----BEGIN OPENSSH PRIVATE KEY-----"))
        return wrong("has a key in the form of OpenSSH; `ssh-keygen -p -m PEM -f FILE` turns it into PEM");
    if (!has("PRIVATE KEY-----"))
        return wrong(has("-----BEGIN ")
                         ? "has a certificate or a public key; the private key that belongs to it was expected"
                         : "has no private key in PEM form");
    const bool encrypted = has("ENCRYPTED");
    if (encrypted && passphrase.empty()) return wrong("is encrypted, and private_key_passphrase is missing");

    const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         BIO_free);
    std::string given = passphrase;
    if (text) out.key_.reset(PEM_read_bio_PrivateKey(text.get(), nullptr, give_passphrase, &given));
    if (!out.key_)
        return wrong(encrypted ? "cannot be decrypted with private_key_passphrase"
                               : "has a private key that cannot be read");
    if (EVP_PKEY_get_base_id(out.key_.get()) != EVP_PKEY_RSA) return wrong("has no RSA key, which RS256 signs with");
    if (const int bits = EVP_PKEY_get_bits(out.key_.get()); bits < least_bits)
        return wrong("has an RSA key of " + std::to_string(bits) + " bits; RS256 takes " + std::to_string(least_bits)
                     + " at least");
    return out;
}

std::string rsa_key::sign(const std::string& text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* const data = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    std::string signature;
    bool done = context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1
                && EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) == 1;
    signature.resize(size);
    done =
        done
        && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, text.size())
               == 1;
    if (!done) {
        ERR_clear_error();
        throw std::runtime_error("OpenSSL cannot sign with the private key");
    }
    signature.resize(size);
    return signature;
}

std::string make_jwt(const jwt_claims& claims, const rsa_key& key) {
    const nlohmann::ordered_json body = {{"iss", claims.iss},
                                         {"sub", claims.sub},
                                         {"aud", claims.aud},
                                         {"exp", claims.exp.time_since_epoch().count()}};
    constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace; // bytes that are not UTF-8
    std::string token = base64url(R"({"alg":"RS256"})") + "." + base64url(body.dump(-1, ' ', false, replace));
    token += "." + base64url(key.sign(token));
    return token;
}

} // namespace sfcdc::runner::salesforce
