#include "termination.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

// What the handlers need. They run between any two instructions, so that nothing but these and system calls is used.
int wake_descriptor = -1;
std::atomic<int> signals_seen = 0;
std::atomic<int> end_code = 0;
std::atomic<bool> end_asked = false;
std::atomic<bool> receiving = false;
std::atomic<bool> shortened = false;
std::atomic<bool> reload_asked = false;
std::atomic<int> longest_end = 0; // seconds
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_descriptor, &one, sizeof one);
}

void ask_once() {
    if (end_asked.exchange(true)) return;
    ::alarm(static_cast<unsigned>(receiving ? longest_end.load() : static_cast<int>(shortest_end.count())));
    wake();
}

void on_hangup(int) {
    const int before = errno;
    reload_asked = true;
    wake();
    errno = before;
}

void on_signal(int) {
    const int before = errno;
    if (signals_seen.fetch_add(1) > 0) ::_exit(128 + SIGTERM);
    ask_once();
    errno = before;
}

// The time is over. What is said is said only if somebody reads it.
void on_alarm(int) {
    constexpr std::string_view said =
        "sfcdc: not everything ended in time; what is not durable is fetched again by the next run\n";
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    if (receiving && ::poll(&out, 1, 0) == 1) [[maybe_unused]]
        const auto written = ::write(STDERR_FILENO, said.data(), said.size());
    ::_exit(end_code);
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
}

} // namespace

termination::termination(std::chrono::seconds drain_time) {
    longest_end = static_cast<int>((drain_time + closing_time).count());
    wake_descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_descriptor < 0) throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
    for (const int ignored : {SIGPIPE, SIGXFSZ}) handle(ignored, SIG_IGN);
    handle(SIGALRM, on_alarm);
    for (const int asks : {SIGTERM, SIGINT, SIGHUP}) {
        struct sigaction before{};
        ::sigaction(asks, nullptr, &before);
        if (asks != SIGHUP || before.sa_handler != SIG_IGN) handle(asks, on_signal); // nohup has decided about SIGHUP
    }
}

void termination::reload_on_hangup() {
    struct sigaction before{};
    ::sigaction(SIGHUP, nullptr, &before);
    if (before.sa_handler != SIG_IGN && ::isatty(STDIN_FILENO) == 0) handle(SIGHUP, on_hangup);
}

bool termination::take_reload() { return reload_asked.exchange(false); }

bool termination::wait(std::chrono::milliseconds time) const {
    if (end_asked) return true;
    pollfd woken{wake_descriptor, POLLIN, 0};
    std::uint64_t signals = 0;
    if (::poll(&woken, 1, static_cast<int>(time.count())) == 1) [[maybe_unused]]
        const auto read = ::read(wake_descriptor, &signals, sizeof signals); // what it was about, the flags say
    return end_asked;
}

void termination::exit_with(int exit_code) { end_code = exit_code; }
void termination::end(int exit_code) {
    exit_with(exit_code);
    ask_once();
}

void termination::events_received() { receiving = true; }

void termination::nothing_is_held() {
    if (shortened.exchange(true)) return; // winding it up again and again would be no end
    if (const unsigned left = ::alarm(0); left != 0)
        ::alarm(std::min(left, static_cast<unsigned>(shortest_end.count())));
}

} // namespace sfcdc::runner
