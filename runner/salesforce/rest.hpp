// The REST API of an org: what it has and what is left of its limits. Each request is sent once; whoever needs patience asks again.
// Source: Salesforce, REST API Developer Guide; Tooling API.
#pragma once

#include "login.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner::salesforce {

enum class rest_fault : std::uint8_t {
    session_refused, // a new login may help
    no_right,        // the user lacks a permission
    limit_reached,   // waiting helps: minutes, or hours where the limit is a daily one
    not_found,       // unknown, or the user may not know of it
    bad_request,     // the request is wrong
    unavailable,     // there was no answer, or none of this API
};

struct rest_refusal {
    rest_fault what = rest_fault::unavailable;
    std::string code{};    // as the service names it: "INVALID_SESSION_ID"; empty: it did not
    std::string message{}; // one line, without secrets
};

// Reads an answer that is no success; `status` is of HTTP, 0 where there was no answer, and `body` then says why. A body is an array of
// objects, or of any form where something between has answered.
rest_refusal read_rest_refusal(long status, std::string_view body);

// A value, or why there is none; then the value is empty.
template<class T> struct rest_outcome {
    T value{};
    std::optional<rest_refusal> refused{};
};

// What a server says without a session.
struct rest_service {
    std::string newest_version{}; // "68.0": the newest of those that this program knows and the org has
    // How far the server's clock is ahead of this machine's, to about a second; nothing where it does not say.
    std::optional<std::chrono::seconds> clock_ahead{};
};
rest_outcome<rest_service> look_at_rest_service(const salesforce_config& config, const std::string& instance_url,
                                                const std::stop_token& stop);

// The requests of one session. Used by one thread at a time; blocks for as long as http::send. Answers are bounded: 4 MiB each, 10,000
// records of a query.
class rest {
  public:
    // `version` is one that the org has: "68.0". `config` outlives it.
    rest(const salesforce_config& config, session s, const std::string& version, std::stop_token stop = {});

    struct limit {
        std::int64_t max = 0, remaining = 0;
    };
    // By name. A limit whose numbers cannot be read is left out.
    rest_outcome<std::vector<std::pair<std::string, limit>>> limits();

    // The records of a SOQL statement on the Tooling API, or on the org's data, with all of their pages.
    rest_outcome<std::vector<nlohmann::json>> tooling_query(const std::string& statement);
    rest_outcome<std::vector<nlohmann::json>> query(const std::string& statement);

    // The names of the fields of an object that the user may see.
    rest_outcome<std::vector<std::string>> field_names(const std::string& object);

  private:
    rest_outcome<nlohmann::json> get(const std::string& path);
    rest_outcome<std::vector<nlohmann::json>> all_pages(const std::string& first);

    const salesforce_config& config_;
    const session session_;
    const std::string base_; // "/services/data/v68.0"
    const std::stop_token stop_;
};

// A member of a record as a text; empty where it is absent, null or of another type.
std::string text_of(const nlohmann::json& record, const char* member);

} // namespace sfcdc::runner::salesforce
