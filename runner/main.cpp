#include "commands/commands.hpp"
#include "operations/failure.hpp"
#include "operations/log.hpp"

#include <sfcdc/version.hpp>

#include <CLI/CLI.hpp>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include <fcntl.h>
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

} // namespace

int main(int argc, char** argv) {
    using namespace sfcdc::runner;
    occupy_standard_descriptors();

    CLI::App app("sfcdc streams Salesforce change events into Databricks tables.", "sfcdc");
    app.set_version_flag("--version", sfcdc::version);
    app.require_subcommand(1);
    app.footer("Exit codes: 0 done; 1 something failed; 2 bad command line or configuration, nothing was connected;\n"
               "3 Salesforce or Databricks refuses; 4 only you can decide how to go on.");

    run_options to_run;
    std::string level = "info";
    CLI::App* const run_command =
        app.add_subcommand("run", "Stream events as the configuration says, until SIGTERM, SIGINT or SIGHUP");
    run_command->add_option("--config", to_run.config, "The configuration (TOML)")->required();
    run_command
        ->add_option("--from", to_run.from,
                     "Where to start when no position is stored or Salesforce no longer knows it: earliest or latest")
        ->check(CLI::IsMember({"earliest", "latest"}));
    run_command->add_option("--log-level", level, "trace, debug, info, warn or error")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));

    decode_options to_decode;
    CLI::App* const decode_command = app.add_subcommand("decode", "Print payloads as JSON, one event a line");
    decode_command->add_option("--schema", to_decode.schema, "The Avro schema of the events (.avsc)")->required();
    decode_command
        ->add_option("--format", to_decode.format,
                     "json: all; changed: the field lists; header: the ChangeEventHeader")
        ->check(CLI::IsMember({"json", "changed", "header"}));
    decode_command->add_option("--in", to_decode.in, "raw: one payload a file; hex, base64: one a line")
        ->check(CLI::IsMember({"raw", "hex", "base64"}));
    decode_command->add_option("FILE", to_decode.files, "Payloads; standard input when there is none, or for -");

    tables_options of_tables;
    CLI::App* const tables_command = app.add_subcommand(
        "tables", "The tables of a configuration, or of schemas alone: what they are and should be");
    tables_command->require_subcommand(1);
    const auto tables_action = [&](CLI::App* under, const char* name, const char* action, const char* help) {
        CLI::App* const command = under->add_subcommand(name, help);
        command->add_option("--config", of_tables.config,
                            "The configuration (TOML); without it nothing is connected");
        command->add_option("--schema", of_tables.schemas, "An Avro schema of events (.avsc); may be given again");
        command->add_option("--table", of_tables.table, "Without --config: the table of an object")
            ->capture_default_str();
        command->callback([&of_tables, action] { of_tables.action = action; });
        return command;
    };
    tables_action(tables_command, "plan", "plan", "Print the SQL that would make and widen the tables");
    tables_action(tables_command, "apply", "apply", "Make and widen the tables");
    tables_action(tables_command, "show", "show", "Print the columns of the rows, and in what the tables differ");
    tables_action(tables_command, "privacy", "privacy",
                  "Print which field of which table is plain, a token or absent");
    CLI::App* const sql_command = tables_command->add_subcommand("sql", "Print SQL on typed tables");
    sql_command->require_subcommand(1);
    for (const auto& [name, help] : {std::pair{"current", "The current state of the records, deleted ones gone"},
                                     {"dedupe", "A view without the rows that came twice"}}) {
        CLI::App* const command = tables_action(sql_command, name, name, help);
        command->add_option("--into", of_tables.target, "The table or view that is made");
        command->add_option("--engine", of_tables.engine, "Whose SQL")
            ->check(CLI::IsMember({"databricks", "spark", "duckdb"}))
            ->capture_default_str();
    }

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : static_cast<int>(exit_code::bad_config);
    }

    log::start(level);
    try {
        if (tables_command->parsed()) return tables(of_tables);
        return run_command->parsed() ? run(to_run) : decode(to_decode);
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
