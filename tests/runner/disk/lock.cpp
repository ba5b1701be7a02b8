#include "disk/lock.hpp"

#include "catch.hpp"
#include "folder.hpp"
#include "operations/failure.hpp"

#include <memory>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

using sfcdc::runner::failure;
using sfcdc::runner::state_lock;

TEST_CASE("a state has one holder, and its process id is named") {
    const test::folder f;
    auto first = std::make_unique<state_lock>(f / "x");
    try {
        const state_lock second(f / "x");
        FAIL("two hold it");
    } catch (const failure& e) {
        CHECK(std::string(e.what()).find("another pipeline of this process runs with this position")
              != std::string::npos);
        CHECK(e.code() == sfcdc::runner::exit_code::failed); // another start may find it free
    }
    const state_lock other(f / "y");
    first.reset();
    CHECK_NOTHROW(state_lock(f / "x"));
}

TEST_CASE("a lock ends with its process, however it ends") {
    const test::folder f;
    const pid_t child = ::fork();
    if (child == 0) {
        const state_lock held(f / "x");
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    CHECK(f.read("x.lock") == std::to_string(child) + "\n");
    CHECK_NOTHROW(state_lock(f / "x"));
    CHECK(f.read("x.lock") == std::to_string(::getpid()) + "\n");
}

TEST_CASE("a lock knows whether its file is still at its path") {
    const test::folder f;
    const state_lock lock(f / "x");
    CHECK(lock.still_there());
    std::filesystem::remove(f / "x.lock");
    CHECK_FALSE(lock.still_there());
    const state_lock second(f / "x"); // of another file of that name
    CHECK(second.still_there());
    CHECK_FALSE(lock.still_there());
}

TEST_CASE("a lock that cannot be made is a failure with its name") {
    const test::folder f;
    for (const auto& path : {f / "none" / "x", std::filesystem::path("/proc/x")}) {
        try {
            const state_lock lock(path);
            FAIL("it was made");
        } catch (const failure& e) {
            CHECK(std::string(e.what()).starts_with(path.string() + ".lock: cannot open"));
        }
    }
}
