#include "disk/dead_letters.hpp"

#include "catch.hpp"
#include "failure.hpp"
#include "folder.hpp"

#include <nlohmann/json.hpp>
#include <sfcdc/wire/text.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace {

using sfcdc::runner::dead_letters;
using sfcdc::runner::failure;
using sfcdc::runner::row_origin;
using sfcdc::runner::stream_config;

stream_config stream(const test::folder& f) {
    stream_config c;
    c.topic = "/data/ChangeEvents";
    c.table = "a.b.c";
    c.dead_letters = f / "letters";
    return c;
}
sfcdc::row::envelope around(const std::string& event_id, const std::string& replay_id) {
    return {.event_id = event_id,
            .schema_id = "s",
            .topic_name = "/data/ChangeEvents",
            .org_id = "o",
            .replay_id = sfcdc::wire::as_bytes(replay_id),
            .schema_json = {},
            .received_timestamp = 5};
}
std::vector<nlohmann::json> letters(const test::folder& f) {
    std::vector<nlohmann::json> out;
    std::istringstream in(f.read("letters"));
    for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
    return out;
}

} // namespace

TEST_CASE("a letter has what is needed to send it again") {
    const test::folder f;
    const stream_config c = stream(f);
    dead_letters to(c);
    to.prove();
    CHECK(f.entries() == 0); // there is none yet
    to.event(around("e1", "\x01\x02"), sfcdc::wire::as_bytes("payload"), "bad byte", 3);
    to.row(row_origin(around("e2", "\x01\x03"), 4), "record", "column x\nis missing");
    const auto found = letters(f);
    REQUIRE(found.size() == 2);
    CHECK(found[0]
          == nlohmann::json{{"received_timestamp", 5},
                            {"topic_name", "/data/ChangeEvents"},
                            {"replay_id", "0102"},
                            {"event_id", "e1"},
                            {"schema_id", "s"},
                            {"reason", "bad byte"},
                            {"offset", 3},
                            {"payload", "cGF5bG9hZA=="}});
    CHECK(found[1]["row_number"] == 4);
    CHECK(found[1]["row"] == "cmVjb3Jk");
    CHECK(to.events() == 1);
    CHECK(to.rows() == 1);
}

TEST_CASE("an event that comes again after a restart is the same letter") {
    const test::folder f;
    const stream_config c = stream(f);
    const auto run = [&] {
        dead_letters to(c);
        to.event(around("e1", "\x01"), sfcdc::wire::as_bytes("p"), "bad", 0);
        for (const std::uint32_t row : {0u, 1u})
            to.row(row_origin(around("e2", "\x02"), row), "r", "bad row of call " + std::to_string(row));
        CHECK(to.events() == 1);
    };
    run();
    run();
    CHECK(letters(f).size() == 3);
    // What has no name may be another event each time.
    for (int i = 0; i < 2; ++i) dead_letters(c).event(around("", ""), sfcdc::wire::as_bytes("p"), "bad", 0);
    CHECK(letters(f).size() == 5);
    dead_letters(c).event(around("e1", "\x03"), sfcdc::wire::as_bytes("p"), "bad", 0);
    CHECK(letters(f).size() == 6);
}

TEST_CASE("lines of others in the file are no letters") {
    const test::folder f;
    f.write("letters", "no JSON\n[1]\n{\"topic_name\":5}\n{}\n");
    const stream_config c = stream(f);
    dead_letters(c).event(around("e1", "\x01"), sfcdc::wire::as_bytes("p"), "bad", 0);
    CHECK(f.read("letters").starts_with("no JSON\n[1]\n{\"topic_name\":5}\n{}\n{\"received_timestamp\":5"));
}

TEST_CASE("on_undecodable = stop writes the letter once and ends each run") {
    const test::folder f;
    stream_config c = stream(f);
    c.on_undecodable = sfcdc::runner::undecodable_policy::stop;
    for (int run = 0; run < 3; ++run) {
        dead_letters to(c);
        try {
            to.event(around("e1", "\x01"), sfcdc::wire::as_bytes("p"), "bad", 7);
            FAIL("it went on");
        } catch (const failure& e) {
            CHECK(e.code() == sfcdc::runner::exit_code::needs_decision);
            CHECK(std::string(e.what()).find("byte 7: bad") != std::string::npos);
        }
    }
    CHECK(letters(f).size() == 1);
}
