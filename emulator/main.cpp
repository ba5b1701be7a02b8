// sfcdc-emulator: prints where it can be reached as one line of JSON, and runs until SIGTERM or SIGINT.
#include "emulator.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// Option values are counts of milliseconds or seconds.
template<typename duration>
CLI::Option* add_duration(CLI::App& app, const std::string& name, duration& to, const std::string& text) {
    return app
        .add_option_function<std::int64_t>(
            name, [&to](const std::int64_t& count) { to = duration(count); }, text)
        ->check(CLI::NonNegativeNumber)
        ->default_str(std::to_string(to.count()));
}

// Whoever has read the line of JSON finds the whole text in the file.
void print(const std::string& configuration, const std::string& file) {
    if (file == "-") {
        std::cerr << configuration << std::flush;
        return;
    }
    std::ofstream out(file);
    if (!(out << configuration << std::flush))
        throw std::runtime_error("the configuration cannot be written to " + file);
}

} // namespace

int main(int argc, char** argv) {
    emulator::options chosen;
    std::string log_level = "info", config_file;
    CLI::App app{"A Salesforce org and a Databricks workspace on loopback, with faults on demand."};
    app.add_option("--listen", chosen.listen, "Address to listen at")->capture_default_str();
    app.add_option("--lake", chosen.lake_path, "SQLite file for the tables; a temporary one without");
    app.add_flag("--tls", chosen.tls, "Speak TLS, with a CA made at start");
    app.add_option("--publish", chosen.publish, "Publish so many events");
    app.add_option("--publish-rate", chosen.publish_rate, "Events a second; 0 is at once")
        ->check(CLI::NonNegativeNumber);
    app.add_flag("--publish-before-subscribe", chosen.publish_before_subscribe,
                 "Do not wait for the first subscriber");
    app.add_option("--seed", chosen.seed, "The same seed makes the same events")->capture_default_str();
    app.add_option("--changing-entities", chosen.changing_entities,
                   "So many entities whose schemas change; --publish publishes their events")
        ->check(CLI::Range(0, 3844)); // as many key prefixes as there are
    app.add_option("--schema-changes", chosen.schema_changes, "Changes of schemas in what --publish publishes");
    app.add_flag("--keep-history", chosen.keep_history, "Keep what the events of these entities state, in a file");
    app.add_option_function<std::size_t>(
        "--retention-events", [&](const std::size_t& count) { chosen.retention_events = count; },
        "Keep only so many events; all without");
    add_duration(app, "--keepalive-ms", chosen.keepalive, "An idle subscription gets an empty response so often");
    add_duration(app, "--credit-timeout-ms", chosen.credit_timeout, "A subscription without credits ends after this");
    app.add_option_function<std::vector<std::string>>(
        "--managed-subscription",
        [&](const std::vector<std::string>& texts) {
            try {
                for (const std::string& text : texts)
                    chosen.managed.push_back(emulator::managed_declaration::parse(text));
            } catch (const std::invalid_argument& e) {
                throw CLI::ValidationError("--managed-subscription", e.what());
            }
        },
        "NAME=TOPIC[=ID]: a subscription whose position the org keeps; without an ID it gets one");
    app.add_option_function<std::string>(
           "--managed-default-replay",
           [&](const std::string& preset) {
               chosen.managed_default_replay =
                   preset == "latest" ? emulator::replay_preset::latest : emulator::replay_preset::earliest;
           },
           "Where a managed subscription starts without a position, or when it has expired")
        ->check(CLI::IsMember({"earliest", "latest"}))
        ->default_str("earliest");
    add_duration(app, "--commit-timeout-ms", chosen.commit_timeout,
                 "A managed subscription ends after this without a commit");
    add_duration(app, "--ack-delay-ms", chosen.ack_delay, "From storing rows to acknowledging them");
    add_duration(app, "--latency-ms", chosen.latency,
                 "Added to every answer, and to every message of a stream in both directions");
    add_duration(app, "--token-lifetime-s", chosen.token_lifetime, "Of the tokens of both sides");
    app.add_option("--client-id", chosen.client_id, "Salesforce client")->capture_default_str();
    app.add_option("--client-secret", chosen.client_secret)->capture_default_str();
    app.add_option("--username", chosen.username, "Salesforce user, who has approved the client")
        ->capture_default_str();
    app.add_option("--password", chosen.password, "For SOAP's login()")->capture_default_str();
    app.add_option("--security-token", chosen.security_token, "Behind the password; empty: none is asked for")
        ->capture_default_str();
    app.add_option("--databricks-client-id", chosen.databricks_client_id, "Databricks service principal")
        ->capture_default_str();
    app.add_option("--databricks-client-secret", chosen.databricks_client_secret)->capture_default_str();
    app.add_option("--warehouse-id", chosen.warehouse_id, "SQL warehouse")->capture_default_str();
    app.add_flag("--allow-cdc-publish", chosen.allow_cdc_publish, "Let clients publish to /data/ topics");
    app.add_flag("--strict-tables", chosen.strict_tables, "Refuse fields that an existing table has no column for");
    app.add_flag("--count-rows", chosen.count_rows,
                 "Count rows instead of storing them, so that the lake costs little; their columns are not checked");
    app.add_option("--checksum-without", chosen.checksum_without,
                   "A column that the checksum of a counted row leaves out");
    app.add_option("--unknown-table", chosen.unknown_tables, "A table that does not exist");
    app.add_option("--forbid-table", chosen.forbidden_tables, "A table that the principal has no grants on");
    app.add_option("--print-config", config_file,
                   "Write an sfcdc.toml that leads to this emulator into this file; - is standard error");
    app.add_option("--port-salesforce", chosen.port_salesforce);
    app.add_option("--port-pubsub", chosen.port_pubsub);
    app.add_option("--port-databricks", chosen.port_databricks);
    app.add_option("--port-zerobus", chosen.port_zerobus);
    app.add_option("--port-control", chosen.port_control);
    app.add_option("--log-level", log_level)->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
    CLI11_PARSE(app, argc, argv);

    // stdout belongs to the one line of JSON.
    spdlog::set_default_logger(spdlog::stderr_logger_mt("emulator"));
    spdlog::set_level(spdlog::level::from_str(log_level));

    // Blocked before any thread starts, so that all inherit it and only sigwait sees the signals.
    sigset_t endings;
    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    pthread_sigmask(SIG_BLOCK, &endings, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    try {
        emulator::running_emulator running(chosen);
        for (const auto& one : running.state().managed.all())
            spdlog::info("the managed subscription {} to {} has the id {}", one.name(), one.topic_name(), one.id());
        if (!config_file.empty()) print(running.state().configuration, config_file);
        std::cout << running.description().dump() << '\n' << std::flush;
        int signal = 0;
        sigwait(&endings, &signal);
        spdlog::info("stopping");
    } catch (const std::exception& e) {
        spdlog::error("{}", e.what());
        return 1;
    }
    return 0;
}
