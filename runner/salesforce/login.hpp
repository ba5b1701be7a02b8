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

    // The session; logs in when there is none. Waits out what is transient. Throws failure(refused) when the
    // credentials are refused, at once the first time, later after a few tries a minute apart (a refusal too many
    // locks the user).
    session current(const std::stop_token& stop);

    // Says that Salesforce did not accept this session any more: the next current() logs in anew.
    void expired(const session& s);

  private:
    session log_in(const std::stop_token& stop);

    salesforce_config config_;
    std::mutex mutex_;
    session session_;
    bool valid_ = false;
};

} // namespace sfcdc::runner::salesforce
