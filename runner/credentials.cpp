#include "credentials.hpp"

#include "io/http.hpp"
#include "operations/log.hpp"

namespace sfcdc::runner {

client_credentials::texts client_credentials::read(const std::string& section) const {
    const auto text = [&](const secret& of, const char* key) {
        expansion now = of.read();
        if (now.bad.empty() && now.text.empty()) now.bad = "is empty";
        if (!now.bad.empty()) throw http::unavailable{section + " " + key + ": " + now.bad, {}};
        return now.text;
    };
    texts now{text(client_id, "client_id"), text(client_secret, "client_secret")};
    log::hide(now.client_secret, true);
    return now;
}

} // namespace sfcdc::runner
