// The key pair of the app that clients log in to with a JWT. GnuTLS makes it and verifies with it: clients sign with OpenSSL, and the
// two are not to agree on a mistake.
#pragma once

#include <memory>
#include <mutex>
#include <string>

namespace emulator {

class app_key {
  public:
    app_key();
    ~app_key();
    app_key(const app_key&) = delete;
    app_key& operator=(const app_key&) = delete;

    // The private key as unencrypted PKCS #8 in PEM. The first call makes the pair, which takes a moment; there is none before.
    std::string private_pem();

    // Whether this is a signature of the text by RSA (PKCS #1 v1.5) with SHA-256. False while there is no pair.
    bool verifies(const std::string& text, const std::string& signature) const;

  private:
    struct pair;
    mutable std::mutex mutex_;
    std::unique_ptr<pair> pair_;
};

} // namespace emulator
