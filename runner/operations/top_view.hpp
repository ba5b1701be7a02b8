// What `sfcdc top` draws: the pipelines of a /status as lines of text.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace sfcdc::runner {

struct top_sample {
    nlohmann::json status; // what /status answered; nothing in it is believed to be there
    std::string bad;       // not empty: why there is no answer
    std::chrono::steady_clock::time_point at;
};

struct top_size {
    std::size_t columns = 80;
    std::size_t lines = 24; // 0: as many as there are
};

// One frame, with a line feed behind each line, no control characters otherwise, and no line longer than the terminal is wide. Rates are
// those since the sample before; without one they are "-". Pipelines that are not well come first, so that they are seen where the
// terminal has too few lines for all.
std::string top_frame(const top_sample& now, const top_sample* before, top_size size);

// The same for a terminal whose cursor is at its upper left: what was there before is erased.
std::string top_screen(const std::string& frame);

} // namespace sfcdc::runner
