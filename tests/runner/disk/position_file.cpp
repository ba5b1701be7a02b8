#include "disk/position_file.hpp"

#include "catch.hpp"
#include "disk/position_keeper.hpp"
#include "folder.hpp"
#include "operations/failure.hpp"

#include <chrono>
#include <string>

namespace {

using sfcdc::time_point;
using sfcdc::pubsub::replay_id;
using sfcdc::runner::exit_code;
using sfcdc::runner::failure;
using sfcdc::runner::position_file;
using sfcdc::runner::position_keeper;
using sfcdc::runner::position_owner;

const position_owner owner{"00D000000000001AAA", "/data/ChangeEvents"};

replay_id id(const char* hex) { return replay_id::from_hex(hex).value; }

} // namespace

TEST_CASE("a position is what was stored last, and nothing before") {
    const test::folder f;
    const position_file file(f / "p");
    CHECK_FALSE(file.load(owner));
    for (const char* const hex : {"0000000000000001", "00000000000000ff", "01"}) {
        file.store(owner, id(hex));
        REQUIRE(file.load(owner));
        CHECK(file.load(owner)->hex() == hex);
    }
    CHECK(f.entries() == 1); // no draft is left
}

TEST_CASE("a position of another org or topic, or one that is damaged, is a decision") {
    const test::folder f;
    const position_file file(f / "p");
    file.store(owner, id("0000000000000001"));
    const auto refused = [&](const position_owner& by) {
        try {
            (void)file.load(by);
            return false;
        } catch (const failure& e) {
            return e.code() == exit_code::needs_decision
                   && std::string(e.what()).find((f / "p").string()) != std::string::npos;
        }
    };
    CHECK(refused({"00D000000000002AAA", owner.topic}));
    CHECK(refused({owner.org_id, "/data/AccountChangeEvent"}));
    const std::string good = f.read("p");
    for (const std::string& content :
         {std::string(), std::string("{"), std::string("[]"), good.substr(0, good.size() / 2),
          std::string(good).replace(good.find("0000000000000001"), 16, "000000000000000x")}) {
        INFO(content);
        f.write("p", content);
        CHECK(refused(owner));
    }
    f.write("p", good);
    CHECK(file.load(owner)->hex() == "0000000000000001");
}

TEST_CASE("a position after a pause is stored at once, and the next ones wait for their time") {
    const test::folder f;
    using namespace std::chrono_literals;
    const time_point begin{1h};
    position_keeper keeper(f / "p");
    CHECK(keeper.has_file());
    CHECK_FALSE(keeper.open(owner));
    const auto on_disk = [&] { return position_file(f / "p").load(owner).value_or(replay_id()).hex(); };
    const auto one = id("01"), two = id("02"), three = id("03");
    CHECK(keeper.store(&one, begin));
    CHECK(on_disk() == "01");
    CHECK_FALSE(keeper.timeout());
    CHECK_FALSE(keeper.store(&two, begin + 1ms));
    CHECK(keeper.timeout() == begin + position_keeper::shortest_interval);
    CHECK(on_disk() == "01");
    CHECK_FALSE(
        keeper.store(&three, begin + position_keeper::shortest_interval - 1ns)); // in place of the one in front
    CHECK(keeper.store(&three, *keeper.timeout()));
    CHECK(on_disk() == "03");
    CHECK_FALSE(keeper.timeout());
    CHECK(keeper.store(&one, begin + 1h));
    CHECK(on_disk() == "01");
    // One that is not due any more is not waited for.
    CHECK_FALSE(keeper.store(&two, begin + 1h));
    CHECK(keeper.store(nullptr, begin + 1h));
    CHECK_FALSE(keeper.timeout());
}

TEST_CASE("a position that somebody else keeps is stored nowhere") {
    position_keeper keeper({});
    CHECK_FALSE(keeper.has_file());
    keeper.prove();
    CHECK_FALSE(keeper.open(owner));
    CHECK(keeper.store(nullptr, time_point()));
    CHECK_FALSE(keeper.timeout());
}
