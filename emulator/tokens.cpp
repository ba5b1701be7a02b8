#include "tokens.hpp"

#include "identifiers.hpp"

namespace emulator {

std::string token_book::issue(std::string prefix, std::string scope, std::chrono::seconds lifetime) {
    std::string token = std::move(prefix) + fresh_token(80);
    std::lock_guard lock(mutex_);
    valid_[token] = {std::move(scope), std::chrono::steady_clock::now() + lifetime};
    ++issued_;
    return token;
}

std::optional<std::string> token_book::scope_of(const std::string& token) const {
    std::lock_guard lock(mutex_);
    const auto found = valid_.find(token);
    if (found == valid_.end() || found->second.expires <= std::chrono::steady_clock::now()) return std::nullopt;
    return found->second.scope;
}

void token_book::expire_all() {
    std::lock_guard lock(mutex_);
    valid_.clear();
}

bool token_book::revoke(const std::string& token) {
    std::lock_guard lock(mutex_);
    return valid_.erase(token) > 0;
}

std::size_t token_book::issued() const {
    std::lock_guard lock(mutex_);
    return issued_;
}

} // namespace emulator
