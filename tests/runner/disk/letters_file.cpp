#include "disk/letters_file.hpp"

#include "catch.hpp"
#include "disk/dead_letters.hpp"
#include "folder.hpp"
#include "operations/failure.hpp"

#include <string>

namespace {

using sfcdc::dead_letter;
using sfcdc::runner::content_of;
using sfcdc::runner::dead_letters;
using sfcdc::runner::letters_reader;
using sfcdc::runner::read_letters;
using sfcdc::runner::retried_line;

const std::string of_topic = "/data/ChangeEvents";

dead_letter event_letter(const std::string& event_id, const std::string& reason = "bad byte") {
    dead_letter l;
    l.origin = {event_id, "s1", sfcdc::pubsub::replay_id::from_bytes(event_id).value, 5};
    l.content = "payload of " + event_id;
    l.reason = reason;
    l.offset = 3;
    return l;
}
dead_letter row_letter(const std::string& event_id, std::uint32_t row, const std::string& reason) {
    dead_letter l = event_letter(event_id, reason);
    l.outlet = 0;
    l.row_number = row;
    l.content = "bytes";
    return l;
}

} // namespace

TEST_CASE("letters that were written are read back, each once, with its schema") {
    const test::folder f;
    const std::string schema = R"({"type":"record","name":"E","fields":[]})";
    nlohmann::ordered_json columns = {{"event_id", "e2"}, {"amount", 1.5}, {"tags", {"a", "b"}}};
    for (int run = 0; run < 2; ++run) {
        dead_letters to(f / "letters", of_topic);
        to.keep(event_letter("e1"), {.org_id = "00D", .schema_json = schema});
        to.keep(event_letter("e3"), {.org_id = "00D", .schema_json = schema});
        to.keep(row_letter("e2", 4, R"(column "amount" holds a value that is not accepted)"),
                {.org_id = "00D", .schema_json = schema, .table = "a.b.c", .columns = columns});
    }
    std::size_t lines = 0;
    const std::string text = f.read("letters");
    for (const char c : text) lines += c == '\n';
    CHECK(lines == 4); // the schema once
    CHECK(text.starts_with(R"({"schema_id":"s1","schema_json":")"));

    const letters_reader found = read_letters(f / "letters");
    CHECK(found.foreign() == 0);
    CHECK(found.schemas().at("s1") == schema);
    REQUIRE(found.letters().size() == 3);
    const auto& event = found.letters()[0];
    CHECK(event.event_id == "e1");
    CHECK(event.org_id == "00D");
    CHECK(event.offset == 3);
    CHECK(event.received_timestamp == 5);
    CHECK_FALSE(event.row_number);
    CHECK(content_of(f / "letters", event)->bytes == "payload of e1");
    const auto& row = found.letters()[2];
    CHECK(row.row_number == 4u);
    CHECK(row.table == "a.b.c");
    CHECK(row.column == "amount");
    CHECK(content_of(f / "letters", row)->bytes == "bytes");
    CHECK(content_of(f / "letters", row)->columns == columns);
}

TEST_CASE("a letter that was retried stays so, and the last reason counts") {
    const test::folder f;
    dead_letters to(f / "letters", of_topic);
    to.keep(event_letter("e1"), {});
    to.keep(event_letter("e2"), {});
    to.keep(row_letter("e2", 0, "no"), {});
    auto before = read_letters(f / "letters").letters();
    REQUIRE(before.size() == 3);
    to.mark(retried_line(before[1], 7));
    to.keep_again(event_letter("e1", "another"), {});
    const auto after = read_letters(f / "letters").letters();
    REQUIRE(after.size() == 3);
    CHECK(after[0].reason == "another");
    CHECK_FALSE(after[0].retried);
    CHECK(after[1].retried);
    CHECK_FALSE(after[2].retried); // the row of the same event
    CHECK(content_of(f / "letters", after[0])->bytes == "payload of e1");
    // The daemon does not write it again either.
    dead_letters(f / "letters", of_topic).keep(event_letter("e2"), {});
    CHECK(read_letters(f / "letters").letters().size() == 3);
}

TEST_CASE("a file that is begun anew has the schema again") {
    const test::folder f;
    const std::string schema = "{}";
    dead_letters to(f / "letters", of_topic);
    to.keep(event_letter("e1"), {.schema_json = schema});
    std::filesystem::rename(f / "letters", f / "letters.1");
    to.keep(event_letter("e2"), {.schema_json = schema});
    to.keep(event_letter("e3"), {.schema_json = schema});
    const auto found = read_letters(f / "letters");
    CHECK(found.letters().size() == 2);
    CHECK(found.schemas().size() == 1);
    CHECK(f.read("letters").starts_with(R"({"schema_id":"s1")"));
    CHECK(f.read("letters").find("schema_json") == f.read("letters").rfind("schema_json"));
    std::filesystem::resize_file(f / "letters", 0); // copied and cut off
    to.keep(event_letter("e4"), {.schema_json = schema});
    CHECK(read_letters(f / "letters").schemas().size() == 1);
}

TEST_CASE("lines that are damaged or hostile are counted and passed over") {
    const test::folder f;
    CHECK(read_letters(f / "letters").letters().empty()); // there is no file
    const std::string good = R"({"topic_name":"t","replay_id":"01","event_id":"e","reason":"r","payload":"AA=="})";
    const std::string deep = std::string(100'000, '[');
    f.write(
        "letters",
        good + "\n\nno JSON\n[]\n{}\n" + deep + "\n" + deep + std::string(100'000, ']') + "\n"
            + R"({"topic_name":"t","replay_id":"02","event_id":"e","reason":"r","row_number":-1})"
              "\n"
            + R"({"topic_name":"t","replay_id":"03","event_id":"e","reason":"r","row_number":1,"offset":1e99,"row":"?","columns":{"a":)"
            + std::string(1000, '[') + std::string(1000, ']') + "}}\n"
            + R"({"retried":{"topic_name":"t","replay_id":"09","event_id":"e"}})"
              "\n"
            + R"({"topic_name":"t","repl)");
    const letters_reader found = read_letters(f / "letters");
    CHECK(found.foreign() == 8);
    REQUIRE(found.letters().size() == 2);
    CHECK(content_of(f / "letters", found.letters()[0])->bytes == std::string(1, '\0'));
    CHECK_FALSE(found.letters()[1].has_columns);
    CHECK_FALSE(content_of(f / "letters", found.letters()[1]));

    // A line that is longer than any letter; what is behind it is read.
    f.write("letters", std::string(letters_reader::longest_line + 1, 'x') + "\n" + good + "\n");
    CHECK(read_letters(f / "letters").foreign() == 1);
    CHECK(read_letters(f / "letters").letters().size() == 1);
    // A letter of which another one stands at its place by now.
    const auto before = read_letters(f / "letters").letters();
    f.write("letters", std::string(letters_reader::longest_line + 1, 'x') + "\n"
                           + R"({"topic_name":"t","replay_id":"77","event_id":"e","reason":"r","payload":"AA=="})"
                             "\n");
    CHECK_FALSE(content_of(f / "letters", before[0]));
}

TEST_CASE("the column that a refusal names") {
    using sfcdc::runner::column_named;
    const nlohmann::ordered_json columns = {{"name", 1}, {"event_id", 1}, {"Name", 1}};
    CHECK(column_named("column event_id holds a value that is not accepted", columns) == "event_id");
    CHECK(column_named("`Name` is too long", columns) == "Name");
    CHECK(column_named("the name of it is bad", columns).empty());
    CHECK(column_named("\"name\" and \"Name\"", columns).empty());
    CHECK(column_named("field my_event_id", columns).empty());
    CHECK(column_named("field event_id_2", columns).empty());
    CHECK(column_named("anything", nullptr).empty());
}
