// The ways to log in to Salesforce. A grant is one source file of this folder: it says which keys of [salesforce] it has and what is wrong
// with them, asks for a token, and registers itself. The reader of the configuration and the login go through the registry;
// besides, only the descriptions of keys (config/options) name a grant, and the reader the one that holds without any key.
#pragma once

#include "answers.hpp"
#include "login_settings.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner::salesforce {

enum class key_kind : std::uint8_t {
    text,
    secret, // is hidden in the log
    file,   // the path of a file, whose content is secret
};
struct grant_key {
    std::string_view name;
    key_kind kind = key_kind::text;
    bool required = true;
};

// The expanded texts of a grant's keys. They contain secrets and must not be logged.
class login_texts {
  public:
    // Empty for a key that is not there.
    const std::string& operator[](std::string_view key) const {
        static const std::string none;
        const auto found = texts_.find(key);
        return found == texts_.end() ? none : found->second;
    }
    void set(std::string_view key, std::string text) { texts_[std::string(key)] = std::move(text); }

  private:
    std::map<std::string, std::string, std::less<>> texts_;
};

// What is wrong with one key, in words that follow "[salesforce] KEY: ".
struct mistake {
    std::string_view key;
    std::string what;
};

struct grant {
    std::string_view name;       // what the key `grant` says
    std::string_view own_key;    // no other grant has it: it shows the grant where the key `grant` is missing
    std::vector<grant_key> keys; // besides host_key
    std::string_view host_key = "login_url"; // the key that becomes login_settings::login_url

    // Finds what cannot work before anything is connected. Empty texts are those that the configuration complains about itself.
    std::vector<mistake> (*check)(const login_settings& settings, const login_texts& own);

    // Asks for a token, or reads it. Blocks for as long as http::send. The answer is not checked yet: see check_token(). Throws
    // failure(refused) when the credentials are refused, http::unavailable when another try may help.
    token_answer (*ask)(const login_settings& settings, const login_texts& own, const std::stop_token& stop);

    // Says what to do when Salesforce accepts a given token no longer. nullptr: the grant asks for tokens, and a new one is accepted.
    std::string (*token_ended)(const login_settings& settings) = nullptr;

    const grant_key* find(std::string_view key) const;
};

// Adds a grant to the registry. Static objects of this type stand in the source file of each grant; the library of the grants is
// linked as a whole for that reason.
struct registration {
    explicit registration(grant added);
};

// All grants by name. Constant after main() has begun.
const std::vector<grant>& all_grants();
// nullptr: there is none of this name.
const grant* find_grant(std::string_view name);

// The names of the grants that have this key, as in "\"jwt_bearer\" and \"soap\"". Empty: no grant has it.
std::string grants_with(std::string_view key);

// What makes the host of a login wrong for every grant, in words that follow "KEY: ". Empty: nothing.
std::string wrong_host(const std::string& url);

// True for the hosts that are shared by all orgs, login.salesforce.com and test.salesforce.com.
bool is_shared_host(const std::string& url);

// Expands the keys of a grant, and hides the secret ones in the log from then on. Throws http::unavailable, which names section and key,
// where a text cannot be read now.
login_texts read_texts(const grant& of, const login_settings& settings);

// Equal for equal credentials, also if they are in files. It contains secrets.
std::string identity_of(const grant& of, const login_settings& settings);

} // namespace sfcdc::runner::salesforce
