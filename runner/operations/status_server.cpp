#include "status_server.hpp"

#include "thread.hpp"
#include <status_page.hpp> // made of status_page.html into the folder of the build

#include <httplib.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// A request has no body, and its headers are those of a browser behind a proxy at most.
constexpr std::size_t request_bytes = 8'000;
// Connections that wait for a thread. Further ones wait in the kernel, whose queue is short.
constexpr std::size_t connections_waiting = 8;

// How long a connection may keep a thread waiting while others want one. Who sends a request as a whole is not that slow, and who holds
// connections open, one for each thread, keeps no probe from its answer.
constexpr std::chrono::milliseconds patience_when_crowded{200};

// The connection of one request, which is over at a fixed time, however slowly the other side sends or reads.
class bounded_stream final : public httplib::Stream {
  public:
    // `crowd` is how many connections wait for a thread.
    bounded_stream(socket_t socket, steady::time_point until, const std::atomic<bool>& stopping,
                   const std::atomic<std::size_t>& crowd)
        : socket_(socket), until_(until), stopping_(stopping), crowd_(crowd) {}

    bool is_readable() const override { return begin_ < end_ || ready(POLLIN); }
    bool is_writable() const override { return ready(POLLOUT); }

    ssize_t read(char* to, size_t size) override {
        if (begin_ == end_) {
            const std::size_t most = std::min(sizeof buffer_, request_bytes - read_);
            if (most == 0 || !ready(POLLIN)) return -1;
            const ssize_t n = ::recv(socket_, buffer_, most, MSG_DONTWAIT);
            if (n <= 0) return n;
            begin_ = 0;
            end_ = static_cast<std::size_t>(n);
            read_ += end_;
        }
        const std::size_t n = std::min(size, end_ - begin_);
        std::memcpy(to, buffer_ + begin_, n);
        begin_ += n;
        return static_cast<ssize_t>(n);
    }
    ssize_t write(const char* from, size_t size) override {
        for (;;) {
            if (!ready(POLLOUT)) return -1;
            const ssize_t n = ::send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n >= 0 || (errno != EAGAIN && errno != EINTR)) return n;
        }
    }
    // Nobody is told who asks.
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return socket_; }

    // Closes the connection. What the other side has sent and nobody has read would make the kernel throw the answer away, so that a
    // little of it is waited for.
    void close() {
        ::shutdown(socket_, SHUT_WR);
        until_ = std::min(until_, steady::now() + 200ms);
        char rest[4096];
        for (int i = 0; i < 16 && ready(POLLIN) && ::recv(socket_, rest, sizeof rest, MSG_DONTWAIT) > 0; ++i) {
        }
        ::close(socket_);
    }

  private:
    // Waits in short steps, because nothing wakes it when the server ends.
    bool ready(short what) const {
        // A request that comes byte by byte waits as a whole; an answer has begun.
        const steady::time_point since = what == POLLIN ? begun_ : steady::now();
        for (;;) {
            const auto patience = what == POLLIN ? patience_when_crowded : 10 * patience_when_crowded;
            if (crowd_ > 0 && steady::now() - since > patience) return false;
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - steady::now());
            if (left <= 0ms || stopping_) return false;
            pollfd p{socket_, what, 0};
            const int n = ::poll(&p, 1, static_cast<int>(std::min(left, 100ms).count()));
            if (n > 0) return true;
            if (n < 0 && errno != EINTR) return false;
        }
    }

    socket_t socket_;
    steady::time_point until_;
    const std::atomic<bool>& stopping_;
    const std::atomic<std::size_t>& crowd_;
    const steady::time_point begun_ = steady::now();
    char buffer_[4096];
    std::size_t begin_ = 0, end_ = 0, read_ = 0;
};

// The connections that were accepted. Where httplib's own queue grows, this one lets the thread that accepts wait.
class bounded_queue final : public httplib::TaskQueue {
  public:
    // `crowd` is kept at how many connections wait for a thread.
    bounded_queue(const std::atomic<bool>& stopping, std::atomic<std::size_t>& crowd)
        : stopping_(stopping), crowd_(crowd) {
        try {
            for (std::size_t i = 0; i < status_server::threads; ++i) threads_.emplace_back([this] { work(); });
        } catch (...) {
            if (threads_.empty()) throw; // else those that there are will do
        }
    }

    void enqueue(std::function<void()> request) override {
        std::unique_lock lock(mutex_);
        while (waiting_.size() >= connections_waiting && !stopping_) room_.wait_for(lock, 100ms);
        waiting_.push_back(std::move(request));
        crowd_ = waiting_.size();
        more_.notify_one();
    }
    void shutdown() override {
        {
            const std::scoped_lock lock(mutex_);
            over_ = true;
            more_.notify_all();
        }
        threads_.clear();
    }

  private:
    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            more_.wait(lock, [this] { return over_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            const auto request = std::move(waiting_.front());
            waiting_.pop_front();
            crowd_ = waiting_.size();
            room_.notify_one();
            lock.unlock();
            request();
            lock.lock();
        }
    }

    const std::atomic<bool>& stopping_;
    std::atomic<std::size_t>& crowd_;
    std::mutex mutex_;
    std::condition_variable more_, room_;
    std::deque<std::function<void()>> waiting_;
    bool over_ = false;
    std::vector<std::jthread> threads_;
};

void answer(httplib::Response& to, int status, const std::string& text, const char* type) {
    to.status = status;
    to.set_content(text, type);
}

} // namespace

class status_server::http final : public httplib::Server {
  public:
    http(const metrics& of, std::chrono::milliseconds request_limit) : request_limit_(request_limit) {
        new_task_queue = [this] { return new bounded_queue(stopping_, crowd_); };
        // Not SO_REUSEPORT, which httplib sets: two processes would share the port.
        set_socket_options([](socket_t socket) {
            const int yes = 1;
            ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        set_default_headers({{"Cache-Control", "no-store"},
                             {"Content-Security-Policy", std::string(status_page_policy)},
                             {"Cross-Origin-Resource-Policy", "same-origin"},
                             {"Referrer-Policy", "no-referrer"},
                             {"X-Content-Type-Options", "nosniff"},
                             {"X-Frame-Options", "DENY"}});
        set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
            if (request.method == "GET" || request.method == "HEAD") return HandlerResponse::Unhandled;
            response.set_header("Allow", "GET, HEAD");
            answer(response, 405, "only GET and HEAD\n", "text/plain");
            return HandlerResponse::Handled;
        });
        set_exception_handler([](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
            answer(response, 500, "the answer could not be made\n", "text/plain");
        });
        Get("/", [](const httplib::Request&, httplib::Response& response) {
            answer(response, 200, std::string(status_page), "text/html; charset=utf-8");
        });
        Get("/metrics", [&of](const httplib::Request&, httplib::Response& response) {
            answer(response, 200, of.exposition(), "text/plain; version=0.0.4; charset=utf-8");
        });
        Get("/status", [&of](const httplib::Request&, httplib::Response& response) {
            const auto replace = nlohmann::json::error_handler_t::replace;
            answer(response, 200, of.status().dump(-1, ' ', false, replace) + "\n", "application/json");
        });
        Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
            answer(response, 200, "alive\n", "text/plain; charset=utf-8");
        });
        Get("/readyz", [&of](const httplib::Request&, httplib::Response& response) {
            std::string text;
            for (const std::string& reason : of.not_ready()) text += reason + "\n";
            answer(response, text.empty() ? 200 : 503, text.empty() ? "ready\n" : text, "text/plain; charset=utf-8");
        });
    }

    void end() {
        stopping_ = true;
        stop();
    }

  private:
    // One request for each connection. `socket` is closed when it returns.
    bool process_and_close_socket(socket_t socket) override {
        bounded_stream stream(socket, steady::now() + request_limit_, stopping_, crowd_);
        bool closed = false, done = false;
        try {
            // Many ranges of a long answer would be a longer one, and compression is work that anybody could ask for.
            done = process_request(stream, true, closed, [](httplib::Request& r) {
                r.ranges.clear();
                r.headers.erase("Accept-Encoding");
            });
        } catch (...) { // such as no memory: this connection's matter
        }
        stream.close();
        return done;
    }

    const std::chrono::milliseconds request_limit_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::size_t> crowd_ = 0;
};

status_server::status_server(status_server_options options, const metrics& of)
    : options_(std::move(options)), metrics_(of), thread_(start_thread([this] { serve(); })) {}

status_server::~status_server() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    // stop() does nothing to a server that does not listen yet.
    while (server_) {
        server_->end();
        changed_.wait_for(lock, 10ms);
    }
}

// True when the server is to end.
bool status_server::wait(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return stopping_; });
}

void status_server::serve() {
    const bool six = options_.host.find(':') != std::string::npos;
    const std::string host = six ? "[" + options_.host + "]" : options_.host;
    bool said = false;
    do {
        std::string bad;
        try {
            auto fresh = std::make_unique<http>(metrics_, options_.request_limit);
            errno = 0;
            const int port = options_.port == 0 ? fresh->bind_to_any_port(options_.host)
                             : fresh->bind_to_port(options_.host, options_.port) ? options_.port
                                                                                 : -1;
            if (port > 0) {
                port_ = static_cast<std::uint16_t>(port);
                spdlog::info("status: http://{}:{}/", host, port);
                said = false;
                http* const server = fresh.get();
                {
                    const std::scoped_lock lock(mutex_);
                    server_ = std::move(fresh);
                }
                try {
                    server->listen_after_bind();
                    bad = "it stopped listening";
                } catch (const std::exception& e) { // no thread, say
                    bad = e.what();
                }
                port_ = 0;
                const std::scoped_lock lock(mutex_);
                server_.reset();
                changed_.notify_all();
            } else {
                bad = errno != 0 ? std::generic_category().message(errno) : "the address is not to be had";
            }
        } catch (const std::exception& e) {
            bad = e.what();
        }
        if (!std::exchange(said, true) && !wait(0ms))
            spdlog::warn(
                "status: {}:{} cannot be listened on ({}); the pipelines go on without it, and it is tried again "
                "every {} s. [status] listen says another port.",
                host, options_.port, bad, std::chrono::ceil<std::chrono::seconds>(options_.retry).count());
    } while (!wait(options_.retry));
}

} // namespace sfcdc::runner
