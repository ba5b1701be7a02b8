#include "commands/command_line.hpp"
#include "commands/output.hpp"
#include "operations/failure.hpp"
#include "operations/log.hpp"

#include <sfcdc/version.hpp>

#include <exception>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

// A process may be started with closed standard descriptors, and the next file that is opened would take their place: the log would go
// into a lock or a database. What takes it here refuses what a closed descriptor refuses, but for the log, which nobody wants then.
void occupy_standard_descriptors() {
    for (const auto& [descriptor, mode] :
         {std::pair{STDIN_FILENO, O_WRONLY}, {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_WRONLY}})
        if (::fcntl(descriptor, F_GETFD) < 0) [[maybe_unused]]
            const int lowest = ::open("/dev/null", mode);
}

// Tokens and customer data are in the memory, and a dump would put them on a disk. The limit alone does not hold for a dump that is
// piped into a program.
void forbid_core_dumps() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

} // namespace

int main(int argc, char** argv) {
    using namespace sfcdc::runner;
    occupy_standard_descriptors();
    forbid_core_dumps();

    CLI::App app("sfcdc streams Salesforce change events into Databricks tables.", "sfcdc");
    app.set_version_flag("--version", sfcdc::version);
    app.require_subcommand(1);
    app.footer("Exit codes: 0 done; 1 something failed; 2 bad command line or configuration, nothing was connected;\n"
               "3 Salesforce or Databricks refuses; 4 only you can decide how to go on.");
    command_line line{app};
    for (const auto add : subcommands) add(line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (const std::string unknown = unknown_words(app); !unknown.empty() && e.get_exit_code() != 0) {
            log::last_words(unknown, true);
            return static_cast<int>(exit_code::bad_config);
        }
        return app.exit(e) == 0 ? 0 : static_cast<int>(exit_code::bad_config);
    }

    log::start(line.log_level);
    try {
        return line.chosen();
    } catch (const reader_gone&) { // only where SIGPIPE is ignored: otherwise the signal has ended the process
        return static_cast<int>(exit_code::failed);
    } catch (const failure& f) {
        log::last_words(f.what(), f.code() == exit_code::bad_config);
        return static_cast<int>(f.code());
    } catch (const std::bad_alloc&) {
        log::last_words("There is no memory left.");
        return static_cast<int>(exit_code::failed);
    } catch (const std::exception& e) {
        log::last_words(e.what());
        return static_cast<int>(exit_code::failed);
    }
}
