// What the process tells the service manager that has started it: systemd's protocol of sd_notify(3), without its library.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sfcdc::runner {

// Each message is one datagram to the socket that NOTIFY_SOCKET names. Nothing blocks: a message that the socket does not take at once is
// lost, which the functions say, so that the caller sends it again later. Without such a socket nothing is sent, and all is well. Used by one thread.
class service_manager {
  public:
    // `socket` is a path ("/run/systemd/notify") or an abstract name ("@name"); anything else, and an empty text, is no socket. `watchdog`
    // is the time after the last keep_alive() in which the manager ends the process; nothing: it does not watch.
    explicit service_manager(const std::string& socket,
                             std::optional<std::chrono::microseconds> watchdog = std::nullopt);
    // By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which count where they are for this process.
    static service_manager from_environment();
    ~service_manager();
    service_manager(service_manager&& other) noexcept;
    service_manager& operator=(service_manager&&) = delete;

    bool present() const noexcept { return descriptor_ >= 0; }
    std::optional<std::chrono::microseconds> watchdog() const noexcept { return watchdog_; }

    // What `systemctl status` shows, in one line. Text of peers is made safe, as for the log, and bounded. The same text twice is sent once.
    bool status(std::string_view text);
    // The start is still going on, and may take so long from now.
    bool starting(std::chrono::seconds may_take) const;
    // The start is over: what is ordered behind this service may start.
    bool ready() const;
    bool keep_alive() const;
    // The process has begun to end, and will have ended in `may_take`.
    bool stopping(std::chrono::seconds may_take) const;

  private:
    bool send(std::string_view message) const;

    std::string address_; // as the kernel takes it
    int descriptor_ = -1;
    std::optional<std::chrono::microseconds> watchdog_;
    std::string status_; // that was sent last
};

} // namespace sfcdc::runner
