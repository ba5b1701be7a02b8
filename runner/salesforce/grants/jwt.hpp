// JSON Web Tokens signed by RS256 (RFC 7515, RFC 7518 section 3.3), by OpenSSL.
#pragma once

#include <chrono>
#include <memory>
#include <string>

struct evp_pkey_st; // OpenSSL's EVP_PKEY

namespace sfcdc::runner::salesforce {

// The private key of an app.
class rsa_key {
  public:
    // Reads PEM text (PKCS #1 or PKCS #8, encrypted or not). Where that fails the key is empty and `bad` says why, for a message; `bad`
    // never contains a part of the text.
    static rsa_key read(const std::string& pem, const std::string& passphrase);

    explicit operator bool() const noexcept { return key_ != nullptr; }
    std::string bad;

    // Returns the signature of the text (RSASSA-PKCS1-v1_5 with SHA-256), as bytes. Precondition: there is a key. Throws std::runtime_error
    // when OpenSSL cannot.
    std::string sign(const std::string& text) const;

  private:
    struct release {
        void operator()(evp_pkey_st* key) const noexcept;
    };
    std::unique_ptr<evp_pkey_st, release> key_;
};

// What the JWT bearer flow asserts. Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow".
struct jwt_claims {
    std::string iss; // the consumer key of the app
    std::string sub; // the user name
    std::string aud; // the authorisation server
    std::chrono::sys_seconds exp;
};
// HEADER.CLAIMS.SIGNATURE in base64url. The result is a secret while it is valid.
std::string make_jwt(const jwt_claims& claims, const rsa_key& key);

} // namespace sfcdc::runner::salesforce
