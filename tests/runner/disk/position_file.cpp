#include "disk/position_file.hpp"

#include "catch.hpp"
#include "folder.hpp"
#include "operations/failure.hpp"

#include <string>

namespace {

using sfcdc::pubsub::replay_id;
using sfcdc::runner::exit_code;
using sfcdc::runner::failure;
using sfcdc::runner::position_file;
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
