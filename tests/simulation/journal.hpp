// What happened, for whoever has to understand a failing seed. Nothing is written in the usual run: a seed is replayed
// exactly, so the one that fails is run again with the journal on.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <deque>
#include <stdexcept>
#include <string>

#include "schedule.hpp"

namespace simulation {

// An invariant that does not hold.
struct violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class journal {
  public:
    journal(const schedule& clock, bool on) : clock_(clock), on_(on) {}

    bool on() const { return on_; }

    [[gnu::format(printf, 2, 3)]] void note(const char* format, ...) {
        if (!on_) return;
        char line[400];
        const double seconds = std::chrono::duration<double>(clock_.now().time_since_epoch()).count();
        const int head = std::snprintf(line, sizeof line, "%12.3f  ", seconds);
        std::va_list values;
        va_start(values, format);
        std::vsnprintf(line + head, sizeof line - static_cast<std::size_t>(head), format, values);
        va_end(values);
        if (lines_.size() == kept) lines_.pop_front(), ++dropped_;
        lines_.emplace_back(line);
    }

    [[noreturn]] [[gnu::format(printf, 2, 3)]] void fail(const char* format, ...) {
        char text[400];
        std::va_list values;
        va_start(values, format);
        std::vsnprintf(text, sizeof text, format, values);
        va_end(values);
        note("VIOLATION: %s", text);
        throw violation(text);
    }

    const std::deque<std::string>& lines() const { return lines_; }

    // The last lines, oldest first.
    void print(std::FILE* to) const {
        if (dropped_ > 0) std::fprintf(to, "(%zu lines before)\n", dropped_);
        for (const std::string& line : lines_) std::fprintf(to, "%s\n", line.c_str());
    }

  private:
    static constexpr std::size_t kept = 400;

    const schedule& clock_;
    bool on_;
    std::size_t dropped_ = 0;
    std::deque<std::string> lines_;
};

} // namespace simulation
