#include "../config/config.hpp"
#include "../io/url.hpp"
#include "../operations/failure.hpp"
#include "../operations/top_view.hpp"
#include "command_line.hpp"
#include "output.hpp"

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t longest_status = 16u << 20; // a pipeline takes 2 KB
constexpr std::chrono::seconds patience{5};       // for the daemon's answer

struct top_options {
    std::filesystem::path config;
    std::string url;
    bool once = false;
    double interval = 1; // in seconds
};

// The host and port in front of /status: of --url, or where the daemon of the configuration listens. "Every address" is not one to
// connect to.
std::string address_of(const top_options& options) {
    if (!options.url.empty()) {
        const auto parts = url_parts::of(options.url);
        if (!parts || parts->scheme != "http" || parts->has_user || parts->has_query)
            throw failure(exit_code::bad_config,
                          "--url: what [status] listens at was expected, as in http://127.0.0.1:9464");
        return options.url.substr(0, options.url.find('/', sizeof("http://") - 1));
    }
    const status_config status = load_config(options.config, secrets::left_alone).status;
    if (status.host.empty() || status.port == 0)
        throw failure(exit_code::bad_config,
                      options.config.string()
                          + ": [status] listen: " + (status.host.empty() ? "missing" : "port 0 says no place")
                          + "; the daemon shows itself only there. Set it, as in \"127.0.0.1:9464\", or say --url");
    std::string host = status.host == "0.0.0.0" ? "127.0.0.1" : status.host == "::" ? "::1" : status.host;
    if (host.find(':') != host.npos) host = "[" + host + "]";
    return "http://" + host + ":" + std::to_string(status.port);
}

// Asked directly: a proxy of the environment is for the world outside.
top_sample sample(httplib::Client& daemon, const std::string& address) {
    top_sample out;
    std::string body;
    const auto answer = daemon.Get("/status", [&](const char* data, std::size_t size) {
        if (body.size() + size > longest_status) return false;
        body.append(data, size);
        return true;
    });
    out.at = clock::now();
    if (!answer)
        out.bad = address + "/status: no answer (" + httplib::to_string(answer.error()) + "); is the daemon running?";
    else if (answer->status != 200)
        out.bad = address + "/status: HTTP " + std::to_string(answer->status) + "; does something else listen there?";
    else if (out.status = nlohmann::json::parse(body, nullptr, false);
             !out.status.is_object() || !out.status.contains("pipelines"))
        out.bad = address + "/status: this is no status of sfcdc; does something else listen there?";
    return out;
}

top_size size_of_terminal() {
    winsize found{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_col == 0 || found.ws_row == 0) return {};
    return {found.ws_col, found.ws_row};
}

int top(const top_options& options) {
    const std::string address = address_of(options);
    httplib::Client daemon(address);
    daemon.set_connection_timeout(patience);
    daemon.set_read_timeout(patience);
    output out;
    if (options.once || ::isatty(STDOUT_FILENO) == 0) {
        const top_sample now = sample(daemon, address);
        if (!now.bad.empty()) throw failure(exit_code::failed, now.bad);
        out.write(top_frame(now, nullptr, {.columns = 160, .lines = 0}));
        out.flush();
        return 0;
    }
    // The signals are taken between two frames, so that none comes while one is written.
    sigset_t signals, before;
    ::sigemptyset(&signals);
    for (const int s : {SIGWINCH, SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, s);
    ::pthread_sigmask(SIG_BLOCK, &signals, &before);
    out.write("\x1b[?1049h\x1b[?25l"); // the other screen, without a cursor
    struct restored {
        output& out;
        ~restored() {
            try {
                out.write("\x1b[?25h\x1b[?1049l");
                out.flush();
            } catch (...) { // the terminal is gone
            }
        }
    } const at_the_end{out};
    const auto pause = std::chrono::nanoseconds(static_cast<std::int64_t>(options.interval * 1e9));
    std::optional<top_sample> last;
    top_sample now = sample(daemon, address);
    auto next = clock::now() + pause;
    for (;;) {
        out.write("\x1b[H" + top_screen(top_frame(now, last ? &*last : nullptr, size_of_terminal())));
        out.flush();
        const auto left = std::max(next - clock::now(), clock::duration::zero());
        const timespec wait{std::chrono::duration_cast<std::chrono::seconds>(left).count(),
                            static_cast<long>(left.count() % 1'000'000'000)};
        const int signal = ::sigtimedwait(&signals, nullptr, &wait);
        if (signal == SIGWINCH) continue; // the same numbers in the new size
        if (signal > 0) return 0;
        if (clock::now() < next) continue;
        if (now.bad.empty()) last = std::move(now);
        now = sample(daemon, address);
        next = clock::now() + pause;
    }
}

} // namespace

void add_top(command_line& to) {
    CLI::App* const command =
        to.app.add_subcommand("top", "Show in the terminal how a running daemon is, until Ctrl-C");
    const auto options = std::make_shared<top_options>();
    CLI::Option* const config = command->add_option(
        "--config", options->config, "The configuration (TOML) of the daemon, whose [status] has a listen");
    CLI::Option* const url =
        command->add_option("--url", options->url, "Where it listens instead, as in http://127.0.0.1:9464");
    config->excludes(url);
    command->add_flag("--once", options->once,
                      "Print one frame as plain text, as is done when standard output is no terminal");
    command->add_option("--interval", options->interval, "Seconds from one frame to the next")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    command->callback([&to, options] {
        if (options->config.empty() && options->url.empty()) throw CLI::RequiredError("--config or --url");
        to.chosen = [options] {
            try {
                return top(*options);
            } catch (const reader_gone&) {
                return 0;
            }
        };
    });
}

} // namespace sfcdc::runner
