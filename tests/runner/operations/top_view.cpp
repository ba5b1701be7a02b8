#include "operations/top_view.hpp"

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <vector>

using namespace sfcdc::runner;
using nlohmann::json;

namespace {

json pipeline(const char* name, int events, const char* state = "running") {
    return {{"name", name},
            {"state", state},
            {"waits_for", std::string(state) == "running" ? "connected" : "the login"},
            {"events_received", events},
            {"rows_durable", events},
            {"events_waiting", 12'345},
            {"lag_seconds", 0.25},
            {"bytes_in_flight", 2'097'152},
            {"hours_to_loss", 71.6},
            {"last_error", nullptr}};
}

top_sample sample(std::vector<json> pipelines, int at_second = 0) {
    return {{{"version", "1.0"},
             {"started", "2026-11-28T09:30:00Z"},
             {"not_ready", json::array()},
             {"pipelines", std::move(pipelines)},
             {"memory", {{"resident_bytes", 36'700'160}, {"limit_bytes", 268'435'456}}}},
            {},
            std::chrono::steady_clock::time_point(std::chrono::seconds(at_second))};
}

std::vector<std::string> lines_of(const std::string& frame) {
    std::istringstream in(frame);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
}

} // namespace

TEST_CASE("top shows rates between two samples, and what is not well first") {
    const top_sample before = sample({pipeline("good", 1'000), pipeline("bad", 500, "failed")});
    const top_sample now = sample({pipeline("good", 4'000), pipeline("bad", 500, "failed")}, 2);
    const auto lines = lines_of(top_frame(now, &before, {160, 0}));
    REQUIRE(lines.size() == 6);
    CHECK(lines[0] == "sfcdc 1.0   since 2026-11-28T09:30:00Z   memory 35 MiB, limit of held rows 256 MiB");
    CHECK(lines[1] == "ready");
    CHECK(lines[3]
          == "pipeline  state    events/s  rows/s  durable    lag  waiting  in flight  to loss  waits for; last "
             "error");
    CHECK(lines[4] == "bad       failed          0       0      500  0.2 s      12k      2 MiB     72 h  the login");
    CHECK(lines[5] == "good      running      1.5k    1.5k     4.0k  0.2 s      12k      2 MiB     72 h");

    // Another process answers: it has fewer events, and no rate is made of that.
    CHECK(lines_of(top_frame(before, &now, {160, 0}))[5].find(" -       -     1.0k") != std::string::npos);
    CHECK(lines_of(top_frame(now, nullptr, {160, 0}))[5].find(" -       -     4.0k") != std::string::npos);
}

TEST_CASE("top fits into the terminal, and shows no control characters of anybody") {
    top_sample now = sample({});
    for (int i = 0; i < 100; ++i)
        now.status["pipelines"].push_back(pipeline(("größe \x1b[2J\n" + std::to_string(i)).c_str(), i));
    now.status["not_ready"] = {"because\x1b]0;title\a"};
    for (const top_size size : {top_size{80, 24}, {20, 5}, {1, 1}, {1, 2}}) {
        const std::string frame = top_frame(now, nullptr, size);
        const auto lines = lines_of(frame);
        CHECK(lines.size() == size.lines - 1);
        for (const std::string& line : lines) {
            CHECK(std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; })
                  <= static_cast<std::ptrdiff_t>(size.columns));
            CHECK(std::ranges::none_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
        }
    }
    CHECK(top_frame(now, nullptr, {80, 24}).find("82 more lines; the terminal is too small") != std::string::npos);
}

TEST_CASE("top believes nothing of what it is answered") {
    for (const char* const text :
         {R"({"pipelines":1})",
          R"({"pipelines":[1,null,{"name":7,"last_error":3,"lag_seconds":"x"}],"not_ready":[1],"memory":2})"}) {
        top_sample now;
        now.status = json::parse(text);
        CHECK_FALSE(top_frame(now, &now, {80, 24}).empty());
    }
    top_sample none;
    none.bad = "http://127.0.0.1:1/status: no answer";
    CHECK(top_frame(none, nullptr, {80, 24}) == none.bad + "\n");
    CHECK(top_screen("pipeline x\nb\n") == "\x1b[1mpipeline x\x1b[0m\x1b[K\nb\x1b[K\n\x1b[J");
}
