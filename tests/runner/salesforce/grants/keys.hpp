// Private keys of one test run, in PEM.
#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace test {

using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline key_ptr rsa_key(unsigned bits = 2048) { return {EVP_RSA_gen(bits), EVP_PKEY_free}; }

// Encrypted where there is a passphrase.
inline std::string pem_of(EVP_PKEY* key, const std::string& passphrase = "") {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    const bool encrypted = !passphrase.empty();
    PEM_write_bio_PKCS8PrivateKey(out.get(), key, encrypted ? EVP_aes_256_cbc() : nullptr,
                                  encrypted ? passphrase.data() : nullptr, static_cast<int>(passphrase.size()),
                                  nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}
inline std::string public_pem_of(EVP_PKEY* key) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_PUBKEY(out.get(), key);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

} // namespace test
