#include "../config/options.hpp"
#include "command_line.hpp"

#include <vector>

namespace sfcdc::runner {

std::string unknown_words(const CLI::App& app) {
    const std::vector<std::string> written = app.remaining(true);
    if (written.empty()) return {};
    const CLI::App* at = &app;
    std::string name; // of the command, as the message has it behind "sfcdc: "
    for (auto parsed = at->get_subcommands(); !parsed.empty(); parsed = at->get_subcommands()) {
        at = parsed.front();
        name += (name.empty() ? "" : " ") + at->get_name();
    }
    const std::string& word = written.front();
    const bool is_option = word.starts_with('-');
    std::vector<std::string> known;
    if (is_option) {
        for (const CLI::Option* option : at->get_options())
            for (const std::string& long_name : option->get_lnames()) known.push_back("--" + long_name);
    } else {
        for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; }))
            known.push_back(sub->get_name());
    }
    const std::vector<std::string_view> views(known.begin(), known.end());
    const std::string_view nearest = nearest_word(word.substr(0, word.find('=')), views);
    return (name.empty() ? "unknown " : name + ": unknown ") + std::string(is_option ? "option" : "word") + " \""
           + word + "\""
           + (nearest.empty() ? "; see \"sfcdc " + name + (name.empty() ? "" : " ") + "--help\""
                              : "; did you mean \"" + std::string(nearest) + "\"?");
}

} // namespace sfcdc::runner
