// The service manager's end of NOTIFY_SOCKET.
#pragma once

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace test {

// Takes messages under a path or an abstract name ("@name"). Reads nothing by itself.
class notify_listener {
  public:
    explicit notify_listener(std::string name) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (name[0] == '@') name[0] = '\0';
        std::memcpy(address.sun_path, name.data(), name.size());
        descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        REQUIRE(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()))
                == 0);
    }
    ~notify_listener() { ::close(descriptor_); }
    notify_listener(const notify_listener&) = delete;
    notify_listener& operator=(const notify_listener&) = delete;

    // The next message; empty when there is none.
    std::string next() {
        std::array<char, 4096> message{};
        const ssize_t n = ::recv(descriptor_, message.data(), message.size(), 0);
        return n < 0 ? std::string() : std::string(message.data(), static_cast<std::size_t>(n));
    }

  private:
    int descriptor_;
};

} // namespace test
