#include "parts.hpp"

namespace sfcdc::runner {

void read_salesforce(const section& s, salesforce_config& c) {
    c.login_url = s.url("login_url", true);
    c.credentials = {s.secret_text("client_id", false), s.secret_text("client_secret", true)};
    c.pubsub_endpoint = s.endpoint("pubsub_endpoint", false, c.pubsub_endpoint);
    c.ca_file = s.ca_file();
    c.delivery_allocation = static_cast<std::uint64_t>(s.number("delivery_allocation", 1, std::int64_t{1} << 40, 0));
    for (const std::string_view host : {"login.salesforce.com", "test.salesforce.com"})
        if (c.login_url.find(host) != std::string::npos)
            s.wrong("login_url", "client credentials work on the org's My Domain host only "
                                 "(https://NAME.my.salesforce.com), not on "
                                     + std::string(host));
}

} // namespace sfcdc::runner
