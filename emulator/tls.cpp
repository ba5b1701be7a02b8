#include "tls.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace emulator {
namespace {

template<typename object, void (*release)(object*)> struct releaser {
    void operator()(object* held) const { release(held); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, releaser<EVP_PKEY, EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, releaser<X509, X509_free>>;

void check(bool done, const char* doing) {
    if (!done) throw std::runtime_error(std::string("OpenSSL cannot ") + doing);
}

void add_extension(X509* to, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    check(extension != nullptr, "make a certificate extension");
    X509_add_ext(to, extension, -1);
    X509_EXTENSION_free(extension);
}

certificate_ptr make_certificate(const char* name, long serial, EVP_PKEY* key) {
    certificate_ptr made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 30L * 24 * 3600);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    return made;
}

template<typename action> void write_file(const std::string& path, action write) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    check(file != nullptr, ("write " + path).c_str());
    const bool written = write(file) == 1;
    std::fclose(file);
    check(written, ("write " + path).c_str());
}

} // namespace

tls_files make_certificates(const std::string& folder) {
    const key_ptr ca_key(EVP_EC_gen("P-256"));
    const key_ptr key(EVP_EC_gen("P-256"));
    check(ca_key && key, "make a key");

    const certificate_ptr ca = make_certificate("sfcdc emulator CA", 1, ca_key.get());
    X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    check(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) > 0, "sign the CA");

    const certificate_ptr leaf = make_certificate("localhost", 2, key.get());
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
    add_extension(leaf.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), ca.get(), NID_ext_key_usage, "serverAuth");
    add_extension(leaf.get(), ca.get(), NID_authority_key_identifier, "keyid");
    add_extension(leaf.get(), ca.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    check(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) > 0, "sign the certificate");

    tls_files files{folder + "/ca.pem", folder + "/server.pem", folder + "/server.key"};
    write_file(files.ca_path, [&](std::FILE* f) { return PEM_write_X509(f, ca.get()); });
    write_file(files.certificate_path, [&](std::FILE* f) { return PEM_write_X509(f, leaf.get()); });
    write_file(files.key_path, [&](std::FILE* f) {
        return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return files;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace emulator
