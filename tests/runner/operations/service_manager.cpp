#include "operations/service_manager.hpp"

#include "catch.hpp"
#include "folder.hpp"
#include "notify_listener.hpp"
#include "operations/log.hpp"

#include <chrono>
#include <cstdlib>
#include <string>

#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using sfcdc::runner::service_manager;

// Sets a variable of the environment, or removes it, for the lifetime of the object.
class variable {
  public:
    variable(const char* name, const char* value) : name_(name) {
        if (value != nullptr)
            ::setenv(name, value, 1);
        else
            ::unsetenv(name);
    }
    ~variable() { ::unsetenv(name_); }
    variable(const variable&) = delete;
    variable& operator=(const variable&) = delete;

  private:
    const char* name_;
};

} // namespace

TEST_CASE("a service manager is told in one datagram each") {
    const test::folder folder;
    const bool abstract = GENERATE(false, true);
    const std::string path = abstract ? "@sfcdc-test-" + std::to_string(::getpid()) : (folder / "notify").string();
    test::notify_listener at(path);
    service_manager manager(path, 2s);
    REQUIRE(manager.present());
    CHECK(manager.watchdog() == std::chrono::microseconds(2s));
    CHECK(manager.starting(45s));
    CHECK(at.next() == "EXTEND_TIMEOUT_USEC=45000000");
    CHECK(manager.ready());
    CHECK(at.next() == "READY=1");
    CHECK(manager.keep_alive());
    CHECK(at.next() == "WATCHDOG=1");
    CHECK(manager.status("2 pipelines are up"));
    CHECK(at.next() == "STATUS=2 pipelines are up");
    CHECK(manager.status("2 pipelines are up"));
    CHECK(at.next().empty());
    CHECK(manager.stopping(30s));
    CHECK(at.next() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000");
}

TEST_CASE("a status is one bounded line without secrets, whatever a peer has written into it") {
    const test::folder folder;
    test::notify_listener at((folder / "notify").string());
    service_manager manager((folder / "notify").string());
    sfcdc::runner::log::hide("correct-horse-battery");
    CHECK(manager.status("refused\nMAINPID=1\nfor correct-horse-battery"));
    CHECK(at.next() == "STATUS=refused?MAINPID=1?for ***");
    std::string umlauts;
    while (umlauts.size() < 1000) umlauts += "\xc3\xbc";
    CHECK(manager.status("x" + umlauts)); // the limit is in the middle of a character
    CHECK(at.next() == "STATUS=x" + umlauts.substr(0, 398) + "...");
}

TEST_CASE("a service manager that does not read blocks nobody, and is told later") {
    const test::folder folder;
    test::notify_listener at((folder / "notify").string());
    service_manager manager((folder / "notify").string(), 1s);
    const auto begin = std::chrono::steady_clock::now();
    int sent = 0;
    while (manager.keep_alive() && sent < 100'000) ++sent;
    REQUIRE(sent < 100'000);
    CHECK_FALSE(manager.ready());
    CHECK_FALSE(manager.status("full"));
    CHECK(std::chrono::steady_clock::now() - begin < 20s);
    while (!at.next().empty()) {
    }
    CHECK(manager.status("full"));
    CHECK(at.next() == "STATUS=full");
}

TEST_CASE("without a socket nothing is sent, and a socket that is gone is no failure of the process") {
    CHECK_FALSE(service_manager("").present());
    CHECK_FALSE(service_manager("/").present());
    CHECK_FALSE(service_manager("relative/path").present());
    CHECK_FALSE(service_manager("vsock:2:1").present());
    CHECK_FALSE(service_manager("/" + std::string(sizeof(sockaddr_un::sun_path), 'x')).present());
    service_manager none("", 1s);
    CHECK_FALSE(none.watchdog());
    CHECK(none.ready());
    CHECK(none.status("x"));

    const test::folder folder;
    service_manager gone((folder / "nobody").string());
    CHECK(gone.present());
    CHECK_FALSE(gone.ready());
    CHECK_FALSE(gone.status("x"));
}

TEST_CASE("the environment says where the service manager is, and whether it watches this process") {
    const std::string own = std::to_string(::getpid());
    const variable socket("NOTIFY_SOCKET", "@sfcdc-test");
    const struct {
        const char *usec, *pid;
        long seconds;
    } cases[] = {{"30000000", nullptr, 30}, {"30000000", own.c_str(), 30},
                 {"30000000", "1", 0},      {"30000000", "x", 0},
                 {nullptr, nullptr, 0},     {"0", nullptr, 0},
                 {"30 s", nullptr, 0},      {"", nullptr, 0},
                 {"-5", nullptr, 0},        {"18446744073709551615", nullptr, 0}};
    for (const auto& c : cases) {
        CAPTURE(c.usec != nullptr ? c.usec : "unset", c.pid != nullptr ? c.pid : "unset");
        const variable usec("WATCHDOG_USEC", c.usec), pid("WATCHDOG_PID", c.pid);
        const service_manager manager = service_manager::from_environment();
        CHECK(manager.present());
        CHECK(manager.watchdog().value_or(0us) == std::chrono::seconds(c.seconds));
    }
    const variable no_socket("NOTIFY_SOCKET", nullptr);
    CHECK_FALSE(service_manager::from_environment().present());
}
