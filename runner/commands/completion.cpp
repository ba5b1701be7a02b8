#include "command_line.hpp"
#include "output.hpp"

#include <sfcdc/version.hpp>

#include <memory>
#include <vector>

namespace sfcdc::runner {
namespace {

std::vector<const CLI::App*> subcommands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> words_of(const CLI::App& app) {
    std::vector<std::string> out;
    for (const CLI::App* sub : subcommands_of(app)) out.push_back(sub->get_name());
    for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
    return out;
}

// One case for each command, by the words in front of the one that is completed: "sfcdc tables sql".
void bash_cases(const CLI::App& app, const std::string& path, std::string& out) {
    out += "        \"" + path + "\") words=\"";
    for (const std::string& word : words_of(app)) out += (out.back() == '"' ? "" : " ") + word;
    out += "\" ;;\n";
    for (const CLI::App* sub : subcommands_of(app)) bash_cases(*sub, path + " " + sub->get_name(), out);
}

std::string bash(const CLI::App& app) {
    std::string out = "# bash completion for sfcdc\n"
                      "_sfcdc() {\n"
                      "    local path=sfcdc word words=\"\" current=${COMP_WORDS[COMP_CWORD]}\n"
                      "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                      "        case $word in -*) ;; *[!a-z-]*) ;; *) path+=\" $word\" ;; esac\n"
                      "    done\n"
                      "    case $path in\n";
    bash_cases(app, "sfcdc", out);
    out += "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
           "}\n"
           "complete -F _sfcdc sfcdc\n";
    return out;
}

// A text in the form of roff: a dot or an apostrophe at the begin of a line would be a request.
std::string roff(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if ((out.empty() || out.back() == '\n') && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\' || c == '-') out += '\\';
        out += c;
    }
    return out;
}

void man_of(const CLI::App& app, const std::string& path, std::string& out) {
    out += ".SS " + roff(path) + "\n" + roff(app.get_description()) + "\n";
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_name().empty() || option->check_lname("help")) continue;
        out += ".TP\n.B " + roff(option->get_name(false, true)) + "\n" + roff(option->get_description()) + "\n";
    }
    for (const CLI::App* sub : subcommands_of(app)) man_of(*sub, path + " " + sub->get_name(), out);
}

std::string man(const CLI::App& app) {
    std::string out = ".TH SFCDC 1 \"\" \"sfcdc " + roff(std::string(sfcdc::version)) + "\"\n.SH NAME\nsfcdc \\- "
                      + roff(app.get_description()) + "\n.SH SYNOPSIS\n.B sfcdc\nCOMMAND [OPTIONS]\n.SH COMMANDS\n";
    for (const CLI::App* sub : subcommands_of(app)) man_of(*sub, sub->get_name(), out);
    return out + ".SH EXIT STATUS\n" + roff(app.get_footer()) + "\n";
}

} // namespace

void add_completion(command_line& to) {
    CLI::App* const command = to.app.add_subcommand("completion", "Print the completion for bash, or the man page");
    const auto what = std::make_shared<std::string>();
    command->add_option("WHAT", *what, "bash or man")->required()->check(CLI::IsMember({"bash", "man"}));
    command->callback([&to, what] {
        to.chosen = [&to, what] {
            output out;
            out.write(*what == "bash" ? bash(to.app) : man(to.app));
            out.flush();
            return 0;
        };
    });
}

} // namespace sfcdc::runner
