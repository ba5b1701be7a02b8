#include "service_manager.hpp"

#include "log.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

constexpr std::size_t longest_status = 400;

std::optional<std::uint64_t> number_of(const char* variable) {
    const char* const text = std::getenv(variable);
    if (text == nullptr) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, bad] = std::from_chars(text, text + std::strlen(text), value);
    if (bad != std::errc() || *end != '\0') return std::nullopt;
    return value;
}

std::string microseconds_of(std::chrono::seconds time) {
    return std::to_string(std::chrono::microseconds(time).count());
}

} // namespace

service_manager::service_manager(const std::string& socket, std::optional<std::chrono::microseconds> watchdog) {
    if (socket.size() < 2 || socket.size() >= sizeof(sockaddr_un::sun_path)) return;
    if (socket[0] != '/' && socket[0] != '@') return;
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor_ < 0) return;
    address_ = socket;
    if (address_[0] == '@') address_[0] = '\0';
    if (watchdog && watchdog->count() > 0) watchdog_ = watchdog;
}

service_manager service_manager::from_environment() {
    const char* const socket = std::getenv("NOTIFY_SOCKET");
    std::optional<std::chrono::microseconds> watchdog;
    constexpr std::uint64_t longest = std::uint64_t{1} << 50; // thirty years: no sum with a time of a clock overflows
    if (const auto time = number_of("WATCHDOG_USEC"); time && *time < longest) watchdog.emplace(*time);
    // Set by a manager that watches another process, such as a shell around this one.
    if (std::getenv("WATCHDOG_PID") != nullptr && number_of("WATCHDOG_PID") != static_cast<std::uint64_t>(::getpid()))
        watchdog.reset();
    return service_manager(socket != nullptr ? socket : "", watchdog);
}

service_manager::~service_manager() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

service_manager::service_manager(service_manager&& other) noexcept
    : address_(std::move(other.address_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      watchdog_(other.watchdog_),
      status_(std::move(other.status_)) {}

bool service_manager::status(std::string_view text) {
    if (!present()) return true;
    std::string line = log::one_line(text);
    if (line.size() > longest_status) {
        std::size_t end = longest_status;
        while ((static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end; // not in the middle of a character
        line.resize(end);
        line += "...";
    }
    if (line == status_) return true;
    if (!send("STATUS=" + line)) return false;
    status_ = std::move(line);
    return true;
}

bool service_manager::starting(std::chrono::seconds may_take) const {
    return send("EXTEND_TIMEOUT_USEC=" + microseconds_of(may_take));
}
bool service_manager::ready() const { return send("READY=1"); }
bool service_manager::keep_alive() const { return send("WATCHDOG=1"); }
bool service_manager::stopping(std::chrono::seconds may_take) const {
    return send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + microseconds_of(may_take));
}

bool service_manager::send(std::string_view message) const {
    if (!present()) return true;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    return ::sendto(descriptor_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&to), length)
           == static_cast<ssize_t>(message.size());
}

} // namespace sfcdc::runner
