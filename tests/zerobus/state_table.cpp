// The tables at the top of ingest_stream.hpp, read from there, and every cell compared with what the machine does.
#include "catch.hpp"
#include "scene.hpp"

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

using namespace zerobus_test;

namespace {

using table = std::map<std::string, std::vector<std::string>>; // state -> cells

// The lines of a comment behind the one that begins with `head`, up to an empty one; cells are two spaces apart.
table read_table(const std::string& head, std::vector<std::string>& columns) {
    std::ifstream file(std::string(SFCDC_SOURCE_ROOT) + "/include/sfcdc/zerobus/ingest_stream.hpp");
    const auto cells = [](std::string line) {
        std::vector<std::string> out;
        line = line.substr(line.find_first_not_of("/ "));
        for (std::size_t at = 0; at < line.size();) {
            const std::size_t end = std::min(line.find("  ", at), line.size());
            out.push_back(line.substr(at, end - at));
            at = std::min(line.find_first_not_of(' ', end), line.size());
        }
        return out;
    };
    table out;
    std::string line;
    while (std::getline(file, line) && line.find(head) == std::string::npos) {
    }
    columns = cells(line);
    columns.erase(columns.begin());
    while (std::getline(file, line) && line != "//") {
        auto row = cells(line);
        const std::string state = row.front();
        row.erase(row.begin());
        out[state] = row;
    }
    return out;
}

const std::uint64_t first = 1;

// A call of each phase, always number 1; where rows can be in flight, four are sent and two of them acknowledged.
std::unique_ptr<scene> in_phase(const std::string& phase) {
    auto s = std::make_unique<scene>();
    for (const char* row : {"a", "b", "c", "d"}) s->add({row});
    if (phase == "opening") {
    } else if (phase == "none") {
        s->ended(first, 14);
        s->wait(seconds(1));
        s->open(2);
        s->ack(2, 1);
    } else if (phase == "creating") {
        s->opened(first);
    } else {
        s->open(first);
        s->ack(first, 1);
        if (phase != "streaming") s->respond(first, close_signal(10));
        if (phase == "half_closed") s->wait(seconds(10));
    }
    s->said();
    return s;
}

bool contains(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

// The name that the table has for what happened.
std::string outcome_of(const std::string& phase, const std::function<void(scene&)>& input) {
    const auto untouched = in_phase(phase);
    const auto s = in_phase(phase);
    const bool had_call = phase != "none";
    input(*s);
    const std::string said = s->said();
    INFO(phase << ": " << said);
    if (said == "create 1") return "create";
    if (said == "send 1 #0 a, send 1 #1 b, send 1 #2 c, send 1 #3 d") return "start";
    if (contains(said, "durable 2-3")) {
        CHECK(!contains(said, "cancel"));
        return "acknowledge";
    }
    if (said == "half_close 1") {
        s->ack(first, 2); // the call still counts
        CHECK(s->said() == "durable 2-3");
        return "half_close";
    }
    if (said == "cancel 1") {
        s->open(2);
        CHECK(s->requests.back().records == std::vector<std::string>{"d"}); // sent again
        return "cancel";
    }
    if (contains(said, "cancel 1")) {
        CHECK(contains(said, "interrupted"));
        CHECK(s->cause);
        CHECK(s->cause.code != errc::call_ended);
        return "broken";
    }
    if (contains(said, "interrupted")) {
        CHECK(s->cause.code == errc::call_ended);
        s->wait(seconds(1));
        CHECK(contains(s->said(), "open 2"));
        return "lost";
    }
    if (said == "open 2") {
        s->open(2);
        s->add({"e"});
        CHECK(s->said().empty()); // nothing on either, as rows are in flight on the old call
        s->ack(first, 3);
        CHECK(s->said() == "durable 2-4, half_close 1, send 2 #0 e");
        return "rotate";
    }
    CHECK(said.empty());
    if (had_call) { // does the call still count?
        s->respond(first, field(2, number(1, -7)));
        if (!contains(s->said(), "cancel 1")) {
            s->open(2);
            s->add({"e"});
            CHECK(contains(s->said(), "send 2"));
            return "left";
        }
    }
    // Nothing has changed: from here both go on alike.
    const auto go_on = [&](scene& x) {
        x.wait(seconds(120));
        return x.said();
    };
    if (!had_call) CHECK(go_on(*s) == go_on(*untouched));
    return "-";
}

} // namespace

TEST_CASE("the table of calls in the header is what the machine does") {
    std::vector<std::string> columns;
    const table rows = read_table("the call is  opened", columns);
    REQUIRE(columns
            == std::vector<std::string>{"opened", "created", "ack", "same ack", "close_signal", "bad", "ended",
                                        "deadline"});
    REQUIRE(rows.size() == 6);

    using inputs = std::vector<std::function<void(scene&)>>;
    const auto response = [](const std::string& bytes) { return [bytes](scene& s) { s.respond(first, bytes); }; };
    const std::map<std::string, inputs> of_column{
        {"opened", {[](scene& s) { s.opened(first); }}},
        {"created", {response(created_response())}},
        {"ack", {response(ack_response(2))}},
        {"same ack", {response(ack_response(1))}},
        {"close_signal", {response(close_signal(20))}},
        {"bad",
         {response("\x0a"), response(""), response(field(4, "x")), response(field(1, "")),
          response(field(1, field(1, ""))), response(field(2, "")), response(ack_response(-1)),
          response(ack_response(0)), response(ack_response(4)), response(ack_response(INT64_MAX)),
          response(ack_response(INT64_MIN))}},
        {"deadline", {[](scene& s) { s.wait(std::chrono::ceil<milliseconds>(*s.stream.poll_timeout() - s.now)); }}},
        {"ended", {[](scene& s) { s.ended(first, 14); }, [](scene& s) { s.ended(first, 0, ""); }}},
    };
    for (const auto& [phase, cells] : rows) {
        REQUIRE(cells.size() == columns.size());
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (phase == "none" && columns[i] == "deadline") {
                CHECK(cells[i] == "-"); // a call that is no more has none
                continue;
            }
            for (std::size_t variant = 0; variant < of_column.at(columns[i]).size(); ++variant) {
                INFO(phase << " x " << columns[i] << ", variant " << variant);
                CHECK(outcome_of(phase, of_column.at(columns[i])[variant]) == cells[i]);
            }
        }
    }
}

TEST_CASE("the table of the stream in the header is what the machine does") {
    std::vector<std::string> columns;
    const table rows = read_table("the stream is  add", columns);
    REQUIRE(columns
            == std::vector<std::string>{"add", "close", "abandon", "token_renewed", "token_refused",
                                        "token_unavailable"});
    REQUIRE(rows.size() == 4);

    const auto in_state = [](const std::string& state) {
        auto s = std::make_unique<scene>();
        s->add({"a"});
        if (state == "renewing") {
            s->ended(first, 16);
        } else {
            s->open(first);
        }
        if (state == "closing") s->close();
        if (state == "closed") s->abandon();
        s->said();
        return s;
    };
    const auto state_of = [](scene& s) -> std::string {
        if (s.stream.closed()) return "closed";
        if (s.stream.add(batch({"x"})).error.code == errc::stream_closed) return "closing";
        s.wait(seconds(1));
        const std::string said = s.said();
        return contains(said, "open") ? "running" : contains(said, "renew_token") ? "again" : "-";
    };
    for (const auto& [state, cells] : rows) {
        REQUIRE(cells.size() == columns.size());
        for (std::size_t i = 0; i < columns.size(); ++i) {
            INFO(state << " x " << columns[i]);
            const auto s = in_state(state);
            std::string outcome;
            if (columns[i] == "add") {
                const auto [range, bad] = s->try_add({"b"});
                outcome = bad ? "refused" : "taken";
                if (bad) CHECK(bad.code == errc::stream_closed);
            } else {
                const std::string before = state_of(*s);
                if (columns[i] == "close") s->close();
                if (columns[i] == "abandon") s->abandon();
                if (columns[i] == "token_renewed") s->stream.handle(zerobus::token_renewed{}, s->now);
                if (columns[i] == "token_refused") s->input(zerobus::token_refused{"no"});
                if (columns[i] == "token_unavailable") s->input(zerobus::token_unavailable{"later"});
                const std::string after = s->stream.closed() ? s->said() : "";
                outcome = contains(after, "failed (no)") ? "failed" : state_of(*s);
                if (outcome == before || outcome == "-") outcome = "-";
            }
            CHECK(outcome == cells[i]);
        }
    }
}
