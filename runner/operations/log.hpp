// The log of the process on standard error: one event a line. Text of peers passes through here, too, so a line is bounded, has
// no control characters and shows no secret, whatever the text was made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sfcdc::runner::log {

enum class form : std::uint8_t {
    text, // "2026-11-28T09:30:00.000Z info MESSAGE"
    json, // {"time":"2026-11-28T09:30:00.000Z","level":"info","message":"MESSAGE"}
};

// Sets up spdlog. May be called again while other threads write lines, and changes level and form then. `level` is a name that spdlog knows.
void start(const std::string& level, form as = form::text);

// Text from outside as it may stand in a line: control characters and line separators become '?', bytes that are not UTF-8 U+FFFD,
// secrets become "***", and what is longer than 2,000 bytes is cut with "...".
std::string one_line(std::string_view text);

// From now on this text shows as "***" in every line, as it is and as a form encodes it. Text of less than 8 bytes is not hidden:
// it would take ordinary words with it. Secrets `for_good` (those of the configuration) are never forgotten, of the others (tokens, which are
// renewed for months) at least the last 64 are known. From any thread.
void hide(std::string_view secret, bool for_good = false);

// Writes "sfcdc: TEXT" as the last line of a process, without spdlog. Text of `several_lines` (the mistakes of a configuration) is made safe
// line by line.
void last_words(std::string_view text, bool several_lines = false);

} // namespace sfcdc::runner::log
