#include "disk/dead_letters.hpp"

#include "catch.hpp"
#include "folder.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

using sfcdc::dead_letter;
using sfcdc::runner::dead_letters;

const std::string topic = "/data/ChangeEvents";

dead_letter letter(const std::string& event_id, const std::string& replay_id, std::optional<std::uint32_t> row = {}) {
    dead_letter l;
    l.origin = {event_id, "s", sfcdc::pubsub::replay_id::from_bytes(replay_id).value, 5};
    l.content = row ? "record" : "payload";
    l.reason = "bad byte";
    l.offset = 3;
    if (row) l.outlet = 0, l.row_number = *row;
    return l;
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
    dead_letters to(f / "letters", topic);
    to.prove();
    CHECK(f.entries() == 0); // there is none yet
    to.keep(letter("e1", "\x01\x02"));
    to.keep(letter("e2", "\x01\x03", 4));
    const auto found = letters(f);
    REQUIRE(found.size() == 2);
    CHECK(found[0]
          == nlohmann::json{{"received_timestamp", 5},
                            {"topic_name", topic},
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
    const auto run = [&] {
        dead_letters to(f / "letters", topic);
        to.keep(letter("e1", "\x01"));
        for (const std::uint32_t row : {0u, 1u}) {
            dead_letter l = letter("e2", "\x02", row);
            l.reason = "call " + std::to_string(f.read("letters").size());
            to.keep(l);
        }
        CHECK(to.events() == 1);
    };
    run();
    run();
    CHECK(letters(f).size() == 3);
    // What has no name may be another event each time.
    for (int i = 0; i < 2; ++i) dead_letters(f / "letters", topic).keep(letter("", ""));
    CHECK(letters(f).size() == 5);
    dead_letters(f / "letters", topic).keep(letter("e1", "\x03"));
    dead_letters(f / "letters", "/data/Other").keep(letter("e1", "\x01"));
    CHECK(letters(f).size() == 7);
}

TEST_CASE("lines of others in the file are no letters") {
    const test::folder f;
    f.write("letters", "no JSON\n[1]\n{\"topic_name\":5}\n{}\n");
    dead_letters(f / "letters", topic).keep(letter("e1", "\x01"));
    CHECK(f.read("letters").starts_with("no JSON\n[1]\n{\"topic_name\":5}\n{}\n{\"received_timestamp\":5"));
}

TEST_CASE("a letter without the payload says so, and a row stays with it") {
    const test::folder f;
    dead_letters to(f / "letters", topic, true);
    to.keep(letter("e1", "\x01\x02"));
    to.keep(letter("e2", "\x01\x03", 4));
    to.keep(letter("e1", "\x01\x02"));
    const auto found = letters(f);
    REQUIRE(found.size() == 3);
    CHECK_FALSE(found[0].contains("payload"));
    CHECK(found[0].contains("payload_withheld"));
    CHECK(found[0]["replay_id"] == "0102");
    CHECK(found[0]["schema_id"] == "s");
    CHECK(found[1]["row"] == "cmVjb3Jk");
    CHECK(f.read("letters").find("cGF5bG9hZA") == std::string::npos);
}
