#include "operations/metrics.hpp"

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <sstream>
#include <string>

using namespace sfcdc::runner;
using namespace std::chrono_literals;
using sfcdc::call::fault;
using sfcdc::pubsub::subscription_state;

namespace {

// Prometheus' text format, read without its library: the series by name and labels as they are written, HELP and TYPE by name.
struct exposition {
    std::map<std::string, std::string> help, type;
    std::map<std::string, double> series;

    explicit exposition(const std::string& text) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            const bool is_help = line.starts_with("# HELP "), is_type = line.starts_with("# TYPE ");
            if (is_help || is_type) {
                const std::size_t end = line.find(' ', 7);
                auto& texts = is_help ? help : type;
                REQUIRE(texts.emplace(line.substr(7, end - 7), line.substr(end + 1)).second); // once for each name
                continue;
            }
            const std::size_t space = line.rfind(' ');
            INFO(line);
            REQUIRE(space != line.npos);
            REQUIRE(series.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second);
        }
    }
    double operator()(const std::string& name, const std::string& pipeline = "p",
                      const std::string& more = "") const {
        return series.at(name + "{pipeline=\"" + pipeline + "\",topic=\"/data/ChangeEvents\"" + more + "}");
    }
};

const pipeline_identity identity{"p", "/data/ChangeEvents", "zerobus", "main.a.b", "salesforce"};

} // namespace

TEST_CASE("metrics: every family has help and a type, and the values are those of the counts") {
    pipeline_counts counts;
    metrics all(600s, 1 << 20);
    all.add(identity, counts);
    all.add_org("salesforce", 1000);
    counts.received += 7;
    ++counts.events;
    counts.rows_durable = 5;
    counts.rows_refused += 2;
    ++counts.undecodable;
    counts.deliveries.add(7, pipeline_counts::steady_ms() / 1000);
    counts.decode.add(250ns);
    counts.decode.add(750ns);
    counts.subscription = subscription_state::streaming;

    const exposition got(all.exposition());
    CHECK(got("sfcdc_events_received_total") == 7);
    CHECK(got("sfcdc_events_handled_total") == 1);
    CHECK(got("sfcdc_rows_durable_total") == 5);
    CHECK(got("sfcdc_dead_letters_total", "p", ",kind=\"row\"") == 2);
    CHECK(got("sfcdc_dead_letters_total", "p", ",kind=\"event\"") == 1);
    CHECK(got("sfcdc_subscribed") == 1);
    CHECK(got("sfcdc_decode_seconds_count") == 2);
    CHECK(got("sfcdc_decode_seconds_sum") == Approx(1e-6));
    CHECK(got("sfcdc_pipeline_state", "p", ",state=\"starting\"") == 1);
    CHECK(got.series.at("sfcdc_deliveries_24h{salesforce=\"salesforce\"}") == 7);
    CHECK(got.series.at("sfcdc_delivery_allocation{salesforce=\"salesforce\"}") == 1000);
    CHECK(got.series.at("process_resident_memory_bytes") > 1e6);
    for (const auto& [name, value] : got.series) {
        std::string family = name.substr(0, name.find('{'));
        for (const char* suffix : {"_bucket", "_sum", "_count"})
            if (family.ends_with(suffix) && !got.type.contains(family)) family.resize(family.rfind('_'));
        INFO(name);
        CHECK(got.help.contains(family));
        REQUIRE(got.type.contains(family));
        CHECK(family.ends_with("_total") == (got.type.at(family) == "counter"));
    }
    // What is not known is not there.
    CHECK(got.help.count("sfcdc_position_age_seconds") == 0);
    CHECK(got.help.count("sfcdc_lag_seconds") == 0);
}

TEST_CASE("metrics: the histogram of lags") {
    pipeline_counts counts;
    metrics all(600s, 0);
    all.add(identity, counts);
    for (const auto time : {-5ms, 0ms, 5ms, 6ms, 1000ms, 1001ms}) counts.lag.add(time);
    counts.lag.add(24h);
    const exposition got(all.exposition());
    const auto bucket = [&](const char* le) {
        return got("sfcdc_commit_to_durable_seconds_bucket", "p", std::string(",le=\"") + le + "\"");
    };
    CHECK(bucket("0.005") == 3); // a clock that is behind Salesforce's counts as no time
    CHECK(bucket("0.01") == 4);
    CHECK(bucket("0.5") == 4);
    CHECK(bucket("1") == 5);
    CHECK(bucket("2.5") == 6);
    CHECK(bucket("21600") == 6);
    CHECK(bucket("+Inf") == 7);
    CHECK(got("sfcdc_commit_to_durable_seconds_count") == 7);
    CHECK(got("sfcdc_commit_to_durable_seconds_sum") == Approx(0.005 + 0.006 + 1 + 1.001 + 86400));
}

TEST_CASE("metrics: labels are escaped, bounded and unique") {
    pipeline_counts a, b, c, d;
    metrics all(600s, 0);
    pipeline_identity who = identity;
    who.name = "a\"b\\c\nd\xff";
    all.add(who, a);
    who.name = std::string(199, 'x') + "\xc3\xa4 first"; // the cut is between characters
    all.add(who, b);
    who.name = std::string(199, 'x') + "\xc3\xa4 second";
    all.add(who, c);
    const exposition got(all.exposition());
    CHECK(got("sfcdc_credits", "a\\\"b\\\\c?d\xef\xbf\xbd") == 0);
    CHECK(got("sfcdc_credits", std::string(199, 'x')) == 0);
    CHECK(got("sfcdc_credits", std::string(199, 'x') + " #2") == 0);
}

TEST_CASE("metrics: reasons of reconnects are enumerators, whatever a peer says") {
    pipeline_counts counts;
    metrics all(600s, 0);
    all.add(identity, counts);
    sfcdc::delivery_reason why;
    why.fault = fault::server_silent;
    counts.reconnected.add(why);
    why = {};
    why.status = sfcdc::wire::grpc_status::unavailable;
    why.message = "whatever";
    why.outlet = 3;
    counts.reconnected.add(why);
    why.status = static_cast<sfcdc::wire::grpc_status>(200);
    counts.reconnected.add(why);
    const exposition got(all.exposition());
    CHECK(got("sfcdc_reconnects_total", "p", ",side=\"subscription\",reason=\"server_silent\"") == 1);
    CHECK(got("sfcdc_reconnects_total", "p", ",side=\"stream\",reason=\"UNAVAILABLE\"") == 1);
    CHECK(got("sfcdc_reconnects_total", "p", ",side=\"stream\",reason=\"UNAUTHENTICATED\"") == 1); // the last one
    CHECK(counts.reconnected.list().size() == 3);
}

TEST_CASE("metrics: deliveries are those of 24 hours") {
    last_day day;
    day.add(5, 0);
    day.add(1, 599);
    CHECK(day.count(599) == 6);
    day.add(10, 3'600);
    CHECK(day.count(3'600) == 16);
    CHECK(day.count(86'400 - 1) == 16);
    CHECK(day.count(86'400) == 10);
    CHECK(day.count(90'000) == 0);
    day.add(2, 86'400 + 10); // takes the place of the first step
    CHECK(day.count(86'400 + 10) == 12);
}

TEST_CASE("metrics: ready, and why not") {
    pipeline_counts counts;
    metrics all(5s, 0);
    all.add(identity, counts);
    const std::int64_t now = pipeline_counts::steady_ms();
    CHECK(all.not_ready().empty()); // it has just begun
    counts.stalled_since = 0;
    CHECK(all.not_ready().empty());
    counts.stalled_since = now - 4'000;
    CHECK(all.not_ready().empty());
    counts.stalled_since = now - 20'000;
    counts.subscribed = true;
    counts.subscription = subscription_state::streaming;
    REQUIRE(all.not_ready().size() == 1);
    CHECK(all.not_ready()[0] == "p: the position could not move for 20 s; waits for rows to become durable");
    counts.subscription = subscription_state::renewing;
    CHECK(counts.waits_for() == "waits for a login at Salesforce");
    counts.subscribed = false;
    counts.say_state("needs a decision");
    CHECK(counts.waits_for() == "needs a decision");
    CHECK_FALSE(all.status()["ready"].get<bool>());
}

TEST_CASE("metrics: status") {
    pipeline_counts counts;
    metrics all(600s, 77);
    all.add(identity, counts);
    all.add_org("salesforce", 0);
    nlohmann::json got = all.status();
    CHECK(got["memory"]["limit_bytes"] == 77);
    CHECK(got["orgs"][0]["delivery_allocation"].is_null());
    REQUIRE(got["pipelines"].size() == 1);
    for (const char* unknown : {"position", "position_age_seconds", "hours_to_loss", "lag_seconds", "last_error"})
        CHECK(got["pipelines"][0][unknown].is_null());
    CHECK(got["pipelines"][0]["destination"] == "main.a.b");

    counts.say_position(sfcdc::pubsub::replay_id::from_hex("00ff").value);
    counts.position_time = pipeline_counts::system_ms() - 36 * 3'600'000;
    counts.oldest_waiting = pipeline_counts::system_ms() - 8'000;
    counts.say_error("no\nway " + std::string(3000, 'x'));
    got = all.status()["pipelines"][0];
    CHECK(got["position"] == "00ff");
    CHECK(got["hours_to_loss"].get<double>() == Approx(36).epsilon(0.001));
    CHECK(got["lag_seconds"].get<double>() == Approx(8).epsilon(0.2));
    CHECK(got["last_error"]["text"].get<std::string>().size() == 500);
    CHECK(got["last_error"]["text"].get<std::string>().starts_with("no?way xxx"));
    counts.position_time = 1;                                       // lost long ago
    counts.oldest_waiting = pipeline_counts::system_ms() + 100'000; // a clock that jumped
    got = all.status()["pipelines"][0];
    CHECK(got["hours_to_loss"] == 0);
    CHECK(got["lag_seconds"] == 0);
}
