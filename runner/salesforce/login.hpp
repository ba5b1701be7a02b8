// The session that every Pub/Sub call carries: a token by the grant of the configuration, and the id of its org.
#pragma once

#include "../config/config.hpp"
#include "../io/broker.hpp"

#include <sfcdc/backoff.hpp>

#include <stop_token>
#include <string>

namespace sfcdc::runner::salesforce {

struct session {
    std::string access_token; // never logged
    std::string instance_url;
    std::string org_id; // 18 characters

    bool good(time_point) const noexcept { return true; } // until a call shows otherwise
};
using sessions = broker<session>;

// Logs in once; a grant whose token is given reads it. Blocks for as long as two times http::send. Precondition: the grant exists. Throws failure(refused) when the credentials are refused, http::unavailable
// when another try may help.
session log_in(const salesforce_config& config, const std::stop_token& stop);

// One for an org, whatever the number of its pipelines. `config` outlives it.
sessions make_sessions(const salesforce_config& config);

} // namespace sfcdc::runner::salesforce
