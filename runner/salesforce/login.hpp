// The session that every Pub/Sub call carries: OAuth 2.0 client credentials, and the org id from userinfo.
#pragma once

#include "../config.hpp"

#include <mutex>
#include <stop_token>
#include <string>

namespace sfcdc::runner::salesforce {

struct session {
    std::string access_token; // never logged
    std::string instance_url;
    std::string org_id;      // 18 characters
    unsigned generation = 0; // counts logins
};

// Shared by all streams; one login at a time.
class login {
  public:
    explicit login(salesforce_config config) : config_(std::move(config)) {}

    // The session; logs in when there is none, and waits out what is transient. Throws failure(refused) when the
    // credentials are refused.
    session current(const std::stop_token& stop);

    // A session that is not this one any more, which Salesforce did not accept: asks for a new one, once, unless somebody
    // else did already. Throws failure(refused), or http::unavailable when another try may help.
    session renewed(const session& refused, const std::stop_token& stop);

  private:
    session log_in(const std::stop_token& stop) const;
    void replace_session(const std::stop_token& stop); // with mutex_ held

    salesforce_config config_;
    std::mutex mutex_;
    session session_; // generation 0: none yet
};

} // namespace sfcdc::runner::salesforce
