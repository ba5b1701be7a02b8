// Where metrics are sent by OTLP, as the configuration says.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace sfcdc::runner {

struct otlp_options {
    std::string url{};                  // that takes metrics: ".../v1/metrics"
    std::vector<std::string> headers{}; // more lines of the head, "NAME: VALUE"; never logged
    std::chrono::seconds interval{60};

    bool operator==(const otlp_options&) const = default;
};

} // namespace sfcdc::runner
