#include "pipeline/service_report.hpp"

#include "catch.hpp"
#include "folder.hpp"
#include "notify_listener.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace sfcdc::runner;
using state = pipeline_state;

constexpr sfcdc::time_point at(std::chrono::milliseconds ms) { return sfcdc::time_point(ms); }

// A report, and what the manager has heard of it.
struct reported {
    test::folder folder;
    test::notify_listener ear{(folder / "notify").string()};
    service_manager manager{(folder / "notify").string(), 20s};
    service_report report{manager, at(0s)};

    std::vector<std::string> heard() {
        std::vector<std::string> out;
        for (std::string message; !(message = ear.next()).empty();) out.push_back(message);
        return out;
    }
    // Whether the message was among what was heard of one look.
    bool says(const char* message, const std::vector<pipeline_health>& pipelines, std::chrono::milliseconds when) {
        heard();
        report.look(pipelines, at(when));
        for (const std::string& one : heard())
            if (one == message) return true;
        return false;
    }
};

} // namespace

TEST_CASE("a verdict counts what runs and names what does not") {
    using all = std::vector<pipeline_health>;
    CHECK(verdict(all{}) == "there are no pipelines");
    CHECK(verdict(all{{"A", state::running}}) == "1 pipeline is running");
    CHECK(verdict(all{{"A", state::running}, {"B", state::running}}) == "2 of 2 pipelines are running");
    CHECK(verdict(all{{"A", state::starting}}) == "no pipeline is running; A is starting");
    CHECK(verdict(all{{"A", state::running}, {"B", state::starting, true, "It broke."}})
          == "1 of 2 pipelines is running; B is starting again, after: It broke.");
    CHECK(verdict(all{{"A", state::waiting, true, "x"},
                      {"B", state::needs_decision, true, "Position lost."},
                      {"C", state::failed}})
          == "0 of 3 pipelines are running; B needs a decision: Position lost.");
    CHECK(verdict(all{{"A", state::needs_decision}, {"B", state::running, false}})
          == "0 of 2 pipelines are running; B hangs: its thread does not turn");
    CHECK(verdict(all{{"A", state::failed, true, "Refused."}, {"B", state::running}})
          == "1 of 2 pipelines is running; A has failed: Refused.");
    CHECK(verdict(all{{"A", state::drained}}) == "no pipeline is running");
}

TEST_CASE("the start is over when each pipeline runs or has failed, and one is up") {
    reported r;
    CHECK(r.heard() == std::vector<std::string>{"EXTEND_TIMEOUT_USEC=45000000"});
    CHECK_FALSE(r.says("READY=1", {{"A", state::starting}, {"B", state::running}}, 1s));
    CHECK_FALSE(r.says("READY=1", {{"A", state::failed, true, "x"}, {"B", state::failed, true, "x"}}, 2s));
    CHECK(r.says("READY=1", {{"A", state::waiting, true, "x"}, {"B", state::running}}, 3s));
    CHECK_FALSE(r.says("READY=1", {{"A", state::running}, {"B", state::running}}, 4s)); // once
}

TEST_CASE("a pipeline that waits for its service does not hold the start for ever") {
    reported r;
    CHECK_FALSE(r.says("READY=1", {{"A", state::starting}}, 29'999ms));
    CHECK(r.says("READY=1", {{"A", state::starting}}, 30s));
}

TEST_CASE("a readiness that was lost is sent again") {
    reported r;
    while (r.manager.keep_alive()) {
    } // the socket takes nothing more
    r.report.look(std::vector<pipeline_health>{{"A", state::running}}, at(1s));
    CHECK(r.says("READY=1", {{"A", state::running}}, 2s));
}

TEST_CASE("the watchdog hears of the process at half of its time, and nothing while a thread hangs") {
    reported r;
    const std::vector<pipeline_health> well{{"A", state::running}, {"B", state::waiting}};
    const std::vector<pipeline_health> hung{{"A", state::running}, {"B", state::running, false}};
    CHECK(r.says("WATCHDOG=1", well, 1s));
    CHECK_FALSE(r.says("WATCHDOG=1", well, 10'900ms));
    CHECK(r.says("WATCHDOG=1", well, 11s));
    CHECK_FALSE(r.says("WATCHDOG=1", hung, 40s));
    CHECK(r.says("WATCHDOG=1", well, 41s));
    r.report.stopping(sfcdc::runner::usual_drain_time);
    CHECK(r.says("WATCHDOG=1", well, 60s)); // the end may take as long as the service manager was told
}

TEST_CASE("what ends says so once, and is no longer ready") {
    reported r;
    r.heard();
    r.report.stopping(sfcdc::runner::usual_drain_time);
    r.report.stopping(sfcdc::runner::usual_drain_time);
    CHECK(r.heard()
          == std::vector<std::string>{"STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000",
                                      "STATUS=stopping: what was received is being made durable"});
    CHECK_FALSE(r.says("READY=1", {{"A", state::running}}, 1s));
}
