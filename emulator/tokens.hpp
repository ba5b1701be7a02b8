// Access tokens that were handed out: what each is for and until when.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace emulator {

class token_book {
  public:
    // scope: the one table that a Databricks token is good for; empty where there is none.
    std::string issue(std::string prefix, std::string scope, std::chrono::seconds lifetime);
    // The scope of a token that is valid now.
    std::optional<std::string> scope_of(const std::string& token) const;
    void expire_all();
    // False when there is no such token.
    bool revoke(const std::string& token);
    std::size_t issued() const;

  private:
    struct entry {
        std::string scope;
        std::chrono::steady_clock::time_point expires;
    };
    mutable std::mutex mutex_;
    std::map<std::string, entry> valid_;
    std::size_t issued_ = 0;
};

} // namespace emulator
