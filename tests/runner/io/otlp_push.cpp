#include "io/otlp_push.hpp"

#include "catch.hpp"

#include <otlp_metrics.pb.h>
#include <sfcdc/version.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

otlp::ExportMetricsServiceRequest request_of(const std::vector<MetricFamily>& families) {
    otlp::ExportMetricsServiceRequest out;
    REQUIRE(out.ParseFromString(sfcdc::runner::otlp_requests(1'000).make(families, 2'000)));
    REQUIRE(out.resource_metrics_size() == 1);
    REQUIRE(out.resource_metrics(0).scope_metrics_size() == 1);
    return out;
}

template<class Attributes> std::map<std::string, std::string> pairs(const Attributes& of) {
    std::map<std::string, std::string> out;
    for (const auto& one : of) out[one.key()] = one.value().string_value();
    return out;
}

} // namespace

TEST_CASE("a request of OTLP has who sends it, counters as sums and gauges, with their labels") {
    ClientMetric counted, now;
    counted.counter.value = 5;
    counted.label = {{"pipeline", "/data/A"}, {"topic", "a \"b\""}};
    now.gauge.value = -0.5;
    const auto request = request_of({{"events_total", "Events.", MetricType::Counter, {counted, counted}},
                                     {"lag_seconds", "Lag.", MetricType::Gauge, {now}}});
    const auto sender = pairs(request.resource_metrics(0).resource().attributes());
    CHECK(sender.at("service.name") == "sfcdc");
    CHECK(sender.at("service.version") == sfcdc::version);
    CHECK(sender.contains("service.instance.id"));
    const auto& all = request.resource_metrics(0).scope_metrics(0).metrics();
    REQUIRE(all.size() == 2);
    CHECK(all[0].name() == "events_total");
    CHECK(all[0].description() == "Events.");
    CHECK(all[0].sum().is_monotonic());
    CHECK(all[0].sum().aggregation_temporality() == otlp::AGGREGATION_TEMPORALITY_CUMULATIVE);
    REQUIRE(all[0].sum().data_points_size() == 2);
    const auto& point = all[0].sum().data_points(1);
    CHECK(point.as_double() == 5);
    CHECK(point.start_time_unix_nano() == 1'000);
    CHECK(point.time_unix_nano() == 2'000);
    CHECK(pairs(point.attributes())
          == std::map<std::string, std::string>{{"pipeline", "/data/A"}, {"topic", "a \"b\""}});
    REQUIRE(all[1].gauge().data_points_size() == 1);
    CHECK(all[1].gauge().data_points(0).as_double() == -0.5);
}

TEST_CASE("a summary is a histogram of OTLP without classes") {
    ClientMetric m;
    m.summary.sample_count = 4;
    m.summary.sample_sum = 0.25;
    const auto request = request_of({{"decode_seconds", "", MetricType::Summary, {m}}});
    const auto& histogram = request.resource_metrics(0).scope_metrics(0).metrics(0).histogram();
    REQUIRE(histogram.data_points_size() == 1);
    CHECK(histogram.data_points(0).count() == 4);
    CHECK(histogram.data_points(0).sum() == 0.25);
    CHECK(histogram.data_points(0).bucket_counts().empty());
}

TEST_CASE("a histogram of OTLP counts each value in one class, and has one class more than bounds") {
    ClientMetric m;
    m.histogram.bucket = {{2, 0.1}, {2, 1}, {7, 10}}; // as Prometheus counts: all that are not above the bound
    m.histogram.sample_count = 9;
    m.histogram.sample_sum = 123.5;
    const auto request = request_of({{"lag", "", MetricType::Histogram, {m}}});
    const auto& histogram = request.resource_metrics(0).scope_metrics(0).metrics(0).histogram();
    CHECK(histogram.aggregation_temporality() == otlp::AGGREGATION_TEMPORALITY_CUMULATIVE);
    REQUIRE(histogram.data_points_size() == 1);
    const auto& point = histogram.data_points(0);
    CHECK(std::vector(point.explicit_bounds().begin(), point.explicit_bounds().end())
          == std::vector<double>{0.1, 1, 10});
    CHECK(std::vector(point.bucket_counts().begin(), point.bucket_counts().end())
          == std::vector<std::uint64_t>{2, 0, 5, 2});
    CHECK(point.count() == 9);
    CHECK(point.sum() == 123.5);
}

TEST_CASE("a counter that has become less has begun anew") {
    sfcdc::runner::otlp_requests requests(1'000);
    ClientMetric one, other;
    other.label = {{"pipeline", "/data/A"}};
    const auto starts = [&](double first, double second, std::uint64_t now) {
        one.counter.value = first;
        other.counter.value = second;
        otlp::ExportMetricsServiceRequest out;
        REQUIRE(out.ParseFromString(requests.make({{"n", "", MetricType::Counter, {one, other}}}, now)));
        const auto& points = out.resource_metrics(0).scope_metrics(0).metrics(0).sum().data_points();
        return std::pair(points[0].start_time_unix_nano(), points[1].start_time_unix_nano());
    };
    CHECK(starts(5, 5, 2'000) == std::pair<std::uint64_t, std::uint64_t>(1'000, 1'000));
    CHECK(starts(5, 6, 3'000) == std::pair<std::uint64_t, std::uint64_t>(1'000, 1'000));
    CHECK(starts(6, 1, 4'000) == std::pair<std::uint64_t, std::uint64_t>(1'000, 3'000));
    CHECK(starts(7, 2, 5'000) == std::pair<std::uint64_t, std::uint64_t>(1'000, 3'000));
}
