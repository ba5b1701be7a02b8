// How the process shows a service who it is.
#pragma once

#include "disk/text_file.hpp"

#include <string>

namespace sfcdc::runner {

// The OAuth client credentials of one section. Each text is read again at each use: a secret file that is replaced works without a
// restart.
struct client_credentials {
    struct texts {
        std::string client_id, client_secret; // never logged
    };

    secret client_id{};
    secret client_secret{};

    // Throws http::unavailable, which names `section`, where they cannot be read now.
    texts read(const std::string& section) const;
    // Equal for equal credentials.
    std::string identity() const { return client_id.read().text + '\n' + client_secret.read().text; }
};

} // namespace sfcdc::runner
