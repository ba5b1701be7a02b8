#include "app_key.hpp"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <stdexcept>

namespace emulator {
namespace {

void check(int result, const char* doing) {
    if (result < 0) throw std::runtime_error(std::string("GnuTLS cannot ") + doing + ": " + gnutls_strerror(result));
}

gnutls_datum_t datum(const std::string& bytes) {
    gnutls_datum_t out{};
    out.data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data())); // is not written to
    out.size = static_cast<unsigned>(bytes.size());
    return out;
}

} // namespace

struct app_key::pair {
    gnutls_x509_privkey_t private_key = nullptr;
    gnutls_privkey_t abstract_key = nullptr;
    gnutls_pubkey_t public_key = nullptr;

    pair() {
        check(gnutls_x509_privkey_init(&private_key), "make a key");
        check(gnutls_x509_privkey_generate(private_key, GNUTLS_PK_RSA, 2048, 0), "make a key");
        check(gnutls_privkey_init(&abstract_key), "make a key");
        check(gnutls_privkey_import_x509(abstract_key, private_key, 0), "make a key");
        check(gnutls_pubkey_init(&public_key), "make a public key");
        check(gnutls_pubkey_import_privkey(public_key, abstract_key, 0, 0), "make a public key");
    }
    ~pair() {
        gnutls_pubkey_deinit(public_key);
        gnutls_privkey_deinit(abstract_key);
        gnutls_x509_privkey_deinit(private_key);
    }
    pair(const pair&) = delete;
    pair& operator=(const pair&) = delete;
};

app_key::app_key() = default;
app_key::~app_key() = default;

std::string app_key::private_pem() {
    std::lock_guard lock(mutex_);
    if (!pair_) pair_ = std::make_unique<pair>();
    gnutls_datum_t pem{};
    check(
        gnutls_x509_privkey_export2_pkcs8(pair_->private_key, GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, &pem),
        "write a key");
    std::string text(reinterpret_cast<const char*>(pem.data), pem.size);
    gnutls_free(pem.data);
    return text;
}

bool app_key::verifies(const std::string& text, const std::string& signature) const {
    std::lock_guard lock(mutex_);
    if (!pair_) return false;
    const gnutls_datum_t data = datum(text), given = datum(signature);
    return gnutls_pubkey_verify_data2(pair_->public_key, GNUTLS_SIGN_RSA_SHA256, 0, &data, &given) >= 0;
}

} // namespace emulator
