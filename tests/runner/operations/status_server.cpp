#include "operations/status_server.hpp"

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

using namespace sfcdc::runner;
using namespace std::chrono_literals;

namespace {

std::uint16_t wait_for_port(const status_server& server) {
    for (int i = 0; i < 3000 && server.port() == 0; ++i) std::this_thread::sleep_for(10ms);
    REQUIRE(server.port() != 0);
    return server.port();
}

class connection {
  public:
    explicit connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience{30, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    }
    ~connection() { ::close(socket_); }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    bool connected() const { return connected_; }
    // False when the other side has closed it.
    bool send(const std::string& text) {
        return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    // All that comes until the other side closes it.
    std::string read() {
        std::string out;
        char some[4096];
        for (ssize_t n = 0; (n = ::recv(socket_, some, sizeof some, 0)) > 0;) out.append(some, n);
        return out;
    }

  private:
    int socket_;
    bool connected_ = false;
};

std::string ask(std::uint16_t port, const std::string& request) {
    connection c(port);
    (void)c.send(request);
    return c.read();
}
std::string get(std::uint16_t port, const std::string& path, const std::string& more = "") {
    return ask(port, "GET " + path + " HTTP/1.1\r\nHost: evil.example\r\n" + more + "\r\n");
}

} // namespace

TEST_CASE("status server: its routes") {
    pipeline_counts counts;
    metrics all(5s, 1 << 20);
    all.add({"p", "/t", "zerobus", "a.b.c", "salesforce"}, counts);
    const status_server server({"127.0.0.1", 0}, all);
    const std::uint16_t port = wait_for_port(server);

    const std::string page = get(port, "/");
    CHECK(page.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(page.find("Content-Security-Policy: default-src 'none'; ") != page.npos);
    CHECK(page.find("<title>sfcdc</title>") != page.npos);
    CHECK(page.find("http://www.w3.org/2000/svg") != page.npos); // a name, and the only one
    CHECK(page.find("https://") == page.npos);
    const std::string numbers = get(port, "/metrics");
    CHECK(numbers.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != numbers.npos);
    CHECK(numbers.find("\nsfcdc_credits{pipeline=\"p\",topic=\"/t\"} 0\n") != numbers.npos);
    const std::string status = get(port, "/status?x=1");
    CHECK(nlohmann::json::parse(status.substr(status.find("\r\n\r\n")))["pipelines"][0]["name"] == "p");
    CHECK(get(port, "/healthz").ends_with("\r\n\r\nalive\n"));
    CHECK(get(port, "/readyz").ends_with("\r\n\r\nready\n"));
    counts.stalled_since = pipeline_counts::steady_ms() - 6'000;
    const std::string not_ready = get(port, "/readyz");
    CHECK(not_ready.starts_with("HTTP/1.1 503 "));
    CHECK(not_ready.find("p: the position could not move for 6 s; starting\n") != not_ready.npos);
    for (const std::string& answer : {page, numbers, status, not_ready}) {
        CHECK(answer.find("evil") == answer.npos); // Host says nothing
        CHECK(answer.find("Cache-Control: no-store\r\n") != answer.npos);
        CHECK(answer.find("Access-Control") == answer.npos);
    }
}

TEST_CASE("status server: what it refuses") {
    const metrics all(5s, 0);
    const status_server server({"127.0.0.1", 0}, all);
    const std::uint16_t port = wait_for_port(server);

    const std::string head = ask(port, "HEAD /healthz HTTP/1.1\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(head.ends_with("\r\n\r\n"));
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
        const std::string answer = ask(port, std::string(method) + " / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
        CHECK(answer.starts_with("HTTP/1.1 405 "));
        CHECK(answer.find("Allow: GET, HEAD\r\n") != answer.npos);
    }
    CHECK(get(port, "/none").starts_with("HTTP/1.1 404 "));
    CHECK(get(port, "/../../etc/passwd").starts_with("HTTP/1.1 404 "));
    CHECK(ask(port, "NONSENSE\r\n\r\n").find("200 OK") == std::string::npos);

    // Ranges and compression would be work, or more than the whole.
    std::string ranges = "Range: bytes=0-0";
    while (ranges.size() < 4000) ranges += ",0-0";
    const std::string whole = get(port, "/", "Accept-Encoding: br, gzip\r\n" + ranges + "\r\n");
    CHECK(whole.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(whole.find("</html>") != whole.npos);

    // Headers without an end, as one line and as many.
    for (const std::string& endless : {"X: " + std::string(100'000, 'x'), [] {
                                           std::string lines;
                                           while (lines.size() < 100'000) lines += "X: y\r\n";
                                           return lines;
                                       }()})
        CHECK(get(port, "/", endless).find("200 OK") == std::string::npos);
    CHECK(get(port, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("status server: slow clients hold it up for a bounded time") {
    const metrics all(5s, 0);
    const status_server server({"127.0.0.1", 0, 300ms}, all);
    const std::uint16_t port = wait_for_port(server);
    std::vector<std::unique_ptr<connection>> slow;
    for (int i = 0; i < 40; ++i) {
        slow.push_back(std::make_unique<connection>(port));
        (void)slow.back()->send("GET / HT");
    }
    // One more byte now and then is no reason to wait longer.
    std::jthread drip([&slow](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            for (const auto& c : slow) (void)c->send("T");
            std::this_thread::sleep_for(50ms);
        }
    });
    CHECK(get(port, "/healthz").starts_with("HTTP/1.1 200 OK\r\n")); // behind all of them
}

TEST_CASE("status server: who only holds connections open keeps nobody from an answer") {
    const metrics all(5s, 0);
    const status_server server({"127.0.0.1", 0, 10min}, all); // a request may take so long while there is room
    const std::uint16_t port = wait_for_port(server);
    connection patient(port);
    REQUIRE(patient.send("GET /healthz HT"));
    std::this_thread::sleep_for(400ms);
    REQUIRE(patient.send("TP/1.1\r\nHost: a\r\n\r\n")); // nobody has waited behind it
    CHECK(patient.read().starts_with("HTTP/1.1 200 OK\r\n"));
    std::vector<std::unique_ptr<connection>> holding;
    for (int i = 0; i < 40; ++i) {
        holding.push_back(std::make_unique<connection>(port));
        (void)holding.back()->send("GET / HT");
    }
    CHECK(get(port, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("status server: it ends while requests are under way") {
    const metrics all(5s, 0);
    std::vector<std::unique_ptr<connection>> slow;
    auto begin = std::chrono::steady_clock::now();
    {
        const status_server server({"127.0.0.1", 0, 1h}, all);
        const std::uint16_t port = wait_for_port(server);
        // All threads have one, and some wait; with more the kernel would let this thread wait.
        for (int i = 0; i < 10; ++i) slow.push_back(std::make_unique<connection>(port));
        std::this_thread::sleep_for(100ms);
        begin = std::chrono::steady_clock::now();
    }
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
}

TEST_CASE("status server: a port that is taken is tried again") {
    const metrics all(5s, 0);
    auto first = std::make_unique<status_server>(status_server_options{"127.0.0.1", 0}, all);
    const std::uint16_t port = wait_for_port(*first);
    const status_server second({"127.0.0.1", port, 10s, 20ms}, all);
    std::this_thread::sleep_for(200ms);
    CHECK(second.port() == 0);
    first.reset();
    CHECK(wait_for_port(second) == port);
    CHECK(get(port, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("status server: an address that this machine does not have is no end") {
    const metrics all(5s, 0);
    const status_server server({"192.0.2.1", 0, 10s, 20ms}, all);
    std::this_thread::sleep_for(100ms);
    CHECK(server.port() == 0);
}
