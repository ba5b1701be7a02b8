// An HTTP server on loopback that gives the answers that a test lines up, one to each connection, and keeps what was asked.
#pragma once

#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace test {

struct http_answer {
    std::string head; // the status and further lines: "200 OK\r\nRetry-After: 1\r\n"
    std::string body;
};

class http_server {
  public:
    explicit http_server(std::vector<http_answer> answers)
        : http_server([&](const std::string&) { return std::move(answers); }) {}
    // Answers that know the address of the server.
    explicit http_server(const std::function<std::vector<http_answer>(const std::string& url)>& answers)
        : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const plain = reinterpret_cast<sockaddr*>(&address);
        if (listening_ < 0 || ::bind(listening_, plain, size) != 0 || ::listen(listening_, 8) != 0
            || ::getsockname(listening_, plain, &size) != 0)
            throw std::runtime_error("no port on loopback");
        port_ = ntohs(address.sin_port);
        answers_ = answers(url());
        thread_ = std::thread([this] {
            for (const http_answer& a : answers_) serve(a);
        });
    }
    ~http_server() {
        ::shutdown(listening_, SHUT_RDWR);
        thread_.join();
        ::close(listening_);
    }
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    // Head and body of each request so far.
    std::vector<std::string> asked() const {
        const std::scoped_lock lock(mutex_);
        return asked_;
    }

  private:
    void serve(const http_answer& given) {
        const int peer = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) return;
        std::string request;
        char piece[4096];
        while (!whole(request)) {
            const ssize_t n = ::recv(peer, piece, sizeof piece, 0);
            if (n <= 0) break;
            request.append(piece, static_cast<std::size_t>(n));
        }
        {
            const std::scoped_lock lock(mutex_);
            asked_.push_back(std::move(request));
        }
        const std::string answer = "HTTP/1.1 " + given.head + "Connection: close\r\nContent-Length: "
                                   + std::to_string(given.body.size()) + "\r\n\r\n" + given.body;
        for (std::size_t at = 0; at < answer.size();) {
            const ssize_t n = ::send(peer, answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
            if (n <= 0) break;
            at += static_cast<std::size_t>(n);
        }
        ::close(peer);
    }
    static bool whole(std::string_view request) {
        constexpr std::string_view length = "Content-Length: ";
        const std::size_t body = request.find("\r\n\r\n"), at = request.find(length);
        if (body == std::string_view::npos) return false;
        const std::size_t wanted = at < body ? std::stoul(std::string(request.substr(at + length.size(), 8))) : 0;
        return request.size() >= body + 4 + wanted;
    }

    std::vector<http_answer> answers_;
    int listening_;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> asked_;
    std::thread thread_;
};

} // namespace test
