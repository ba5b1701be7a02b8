// The command line. Each subcommand is one file: it adds itself, with its options, and says what is to be done when it was chosen.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace sfcdc::runner {

struct command_line {
    CLI::App& app;
    std::function<int()> chosen{}; // returns the exit code, or throws failure; set by the subcommand that was parsed
    std::string log_level = "info";
};

void add_run(command_line& to);
void add_check(command_line& to);
void add_decode(command_line& to);
void add_tables(command_line& to);
void add_options(command_line& to);
void add_tail(command_line& to);
void add_position(command_line& to);
void add_schema(command_line& to);
void add_dead_letters(command_line& to);
void add_explain(command_line& to);
void add_top(command_line& to);
void add_completion(command_line& to);
void add_doctor(command_line& to);
void add_topics(command_line& to);

// In the order of `sfcdc --help`.
inline constexpr void (*subcommands[])(command_line&) = {
    add_run,          add_check, add_doctor, add_top,    add_topics,  add_tables,  add_position,
    add_dead_letters, add_tail,  add_schema, add_decode, add_explain, add_options, add_completion,
};

// Returns a message about the first word that is neither a subcommand nor an option, with the known word that is most like it. It is empty if
// all words are known.
std::string unknown_words(const CLI::App& at);

} // namespace sfcdc::runner
