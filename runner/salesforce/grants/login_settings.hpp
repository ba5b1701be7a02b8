// What one section [salesforce] says about its login.
#pragma once

#include "../../disk/text_file.hpp"

#include <functional>
#include <map>
#include <string>

namespace sfcdc::runner::salesforce {

struct login_settings {
    std::string section = "[salesforce]"; // as the file calls it, for messages
    std::string login_url{};              // scheme and host: https://acme.my.salesforce.com; or the key instance_url
    std::string grant = "client_credentials";
    // The keys of the grant by their names. Each text is expanded again at each login, so that a secret file that is replaced works
    // without a restart.
    std::map<std::string, secret, std::less<>> keys{};
    std::string ca_file{}; // PEM; empty: the system's roots
};

} // namespace sfcdc::runner::salesforce
