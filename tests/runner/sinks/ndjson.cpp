#include "sinks/ndjson.hpp"

#include "fed_sink.hpp"
#include "folder.hpp"

#include <algorithm>
#include <string>
#include <thread>

namespace {

sfcdc::runner::pipeline_config lines_in(const test::folder& f) {
    sfcdc::runner::pipeline_config c;
    c.topic = test::fed_sink::topic;
    c.sink = sfcdc::runner::sink_kind::ndjson;
    c.path = f / "rows";
    c.checkpoint = f / "position";
    return c;
}
long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

} // namespace

TEST_CASE("JSON lines: a turn's rows are in the file before its position is, and the next run goes on behind them") {
    const test::folder f;
    {
        sfcdc::runner::ndjson_sink sink(lines_in(f));
        sink.prove();
        test::fed_sink fed(sink);
        CHECK_FALSE(fed.stored);
        CHECK(fed.turn(3));
        CHECK(lines(f.read("rows")) == 3);
        CHECK(f.read("position").find(sfcdc::pubsub::replay_id::from_bytes(test::fed_sink::replay_id(3)).value.hex())
              != std::string::npos);
        CHECK(fed.turn(0));
        CHECK(lines(f.read("rows")) == 3);
    }
    sfcdc::runner::ndjson_sink sink(lines_in(f));
    test::fed_sink fed(sink);
    REQUIRE(fed.stored);
    CHECK(fed.stored->bytes() == test::fed_sink::replay_id(3));
    fed.last = 3;
    CHECK(fed.turn(2));
    CHECK(lines(f.read("rows")) == 5);
}

TEST_CASE("JSON lines of a large turn are written in pieces, and the position is that of its end") {
    const test::folder f;
    sfcdc::runner::pipeline_config c = lines_in(f);
    sfcdc::runner::ndjson_sink sink(c);
    test::fed_sink fed(sink);
    CHECK(fed.turn(100));
    // Not each turn stores a position: one that comes too early is stored when its time has come.
    for (int i = 2; i <= 60; ++i) (void)fed.turn(100);
    while (!fed.turn(0)) {
        REQUIRE(sink.timeout());
        std::this_thread::sleep_until(*sink.timeout());
    }
    CHECK_FALSE(sink.timeout());
    CHECK(lines(f.read("rows")) == 6'000);
    CHECK(fed.delivery->waiting() == 0);
    CHECK(fed.delivery->position_due() == nullptr);
}

TEST_CASE("JSON lines of a managed subscription have no position here") {
    const test::folder f;
    sfcdc::runner::pipeline_config c = lines_in(f);
    c.checkpoint.clear();
    sfcdc::runner::ndjson_sink sink(c);
    sink.prove();
    CHECK_FALSE(sink.open({test::fed_sink::org, test::fed_sink::topic}, {}));
    CHECK(sink.commit(nullptr));
    CHECK_FALSE(f.has("position"));
}
