#include "otlp_push.hpp"

#include "../operations/log.hpp"
#include "../operations/thread.hpp"
#include "http.hpp"
#include "pause.hpp"
#include "url.hpp"

#include <otlp_metrics.pb.h>
#include <sfcdc/version.hpp>

#include <spdlog/spdlog.h>

#include <utility>

#include <unistd.h>

namespace sfcdc::runner {
namespace {

std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
}

std::string this_host() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

void add_attribute(google::protobuf::RepeatedPtrField<otlp::KeyValue>& to, const std::string& key,
                   const std::string& value) {
    otlp::KeyValue& one = *to.Add();
    one.set_key(key);
    one.mutable_value()->set_string_value(value);
}

template<class Point>
Point& add_point(google::protobuf::RepeatedPtrField<Point>& to, const prometheus::ClientMetric& m,
                 std::uint64_t started, std::uint64_t now) {
    Point& point = *to.Add();
    point.set_start_time_unix_nano(started);
    point.set_time_unix_nano(now);
    for (const auto& label : m.label) add_attribute(*point.mutable_attributes(), label.name, label.value);
    return point;
}

// Prometheus counts in a class all that are not above its bound; OTLP only those that are not in the class in front.
void fill(otlp::HistogramDataPoint& point, const prometheus::ClientMetric::Histogram& h) {
    std::uint64_t before = 0;
    for (const auto& bucket : h.bucket) {
        point.add_explicit_bounds(bucket.upper_bound);
        point.add_bucket_counts(bucket.cumulative_count - before);
        before = bucket.cumulative_count;
    }
    point.add_bucket_counts(h.sample_count - before);
    point.set_count(h.sample_count);
    point.set_sum(h.sample_sum);
}

// A summary without quantiles is a histogram without classes.
void fill(otlp::HistogramDataPoint& point, const prometheus::ClientMetric::Summary& s) {
    point.set_count(s.sample_count);
    point.set_sum(s.sample_sum);
}

} // namespace

std::uint64_t otlp_requests::start_of(const std::string& name, const prometheus::ClientMetric& m, double value) {
    std::string key = name;
    for (const auto& label : m.label) key += '\0' + label.name + '\0' + label.value;
    const auto before = counters_.find(key);
    counted now{value, before == counters_.end() ? started_ : before->second.start};
    if (before != counters_.end() && value < before->second.value) now.start = last_;
    return seen_[std::move(key)] = now, now.start;
}

std::string otlp_requests::make(const std::vector<prometheus::MetricFamily>& families, std::uint64_t now) {
    otlp::ExportMetricsServiceRequest request;
    otlp::ResourceMetrics& all = *request.add_resource_metrics();
    auto& process = *all.mutable_resource()->mutable_attributes();
    add_attribute(process, "service.name", "sfcdc");
    add_attribute(process, "service.version", sfcdc::version);
    add_attribute(process, "service.instance.id", this_host() + ":" + std::to_string(::getpid()));
    otlp::ScopeMetrics& scope = *all.add_scope_metrics();
    scope.mutable_scope()->set_name("sfcdc");
    scope.mutable_scope()->set_version(sfcdc::version);
    for (const prometheus::MetricFamily& family : families) {
        otlp::Metric& metric = *scope.add_metrics();
        metric.set_name(family.name);
        metric.set_description(family.help);
        for (const prometheus::ClientMetric& m : family.metric) {
            if (family.type == prometheus::MetricType::Histogram || family.type == prometheus::MetricType::Summary) {
                metric.mutable_histogram()->set_aggregation_temporality(otlp::AGGREGATION_TEMPORALITY_CUMULATIVE);
                const bool classes = family.type == prometheus::MetricType::Histogram;
                const auto count = static_cast<double>(classes ? m.histogram.sample_count : m.summary.sample_count);
                auto& point = add_point(*metric.mutable_histogram()->mutable_data_points(), m,
                                        start_of(family.name, m, count), now);
                classes ? fill(point, m.histogram) : fill(point, m.summary);
            } else if (family.type == prometheus::MetricType::Counter) {
                metric.mutable_sum()->set_is_monotonic(true);
                metric.mutable_sum()->set_aggregation_temporality(otlp::AGGREGATION_TEMPORALITY_CUMULATIVE);
                add_point(*metric.mutable_sum()->mutable_data_points(), m, start_of(family.name, m, m.counter.value),
                          now)
                    .set_as_double(m.counter.value);
            } else {
                add_point(*metric.mutable_gauge()->mutable_data_points(), m, started_, now)
                    .set_as_double(m.gauge.value);
            }
        }
    }
    last_ = now;
    counters_ = std::exchange(seen_, {}); // without those that are gone
    return request.SerializeAsString();
}

otlp_push::otlp_push(otlp_options options, const metrics& of)
    : options_(std::move(options)),
      metrics_(of),
      host_(url_parts::of(options_.url).value_or(url_parts{}).host),
      requests_(now_ns()),
      thread_(start_thread([this](const std::stop_token& stop) { push_until(stop); })) {}

void otlp_push::push_until(const std::stop_token& stop) {
    try {
        for (;;) {
            pause(stop, options_.interval);
            push(stop);
        }
    } catch (const stopped&) {
    } catch (const std::exception& e) { // no memory, say
        spdlog::error("otlp: no metrics are sent any more: {}", e.what());
    }
}

void otlp_push::push(const std::stop_token& stop) {
    constexpr std::chrono::seconds patience{10};
    const http::response answer = http::send({.url = options_.url,
                                              .form = {},
                                              .basic_user = {},
                                              .basic_password = {},
                                              .bearer = {},
                                              .ca_file = {},
                                              .protobuf = requests_.make(metrics_.Collect(), now_ns()),
                                              .headers = options_.headers,
                                              .timeout = patience},
                                             stop);
    if (stop.stop_requested()) return;
    if (answer.ok() == !refused_) return;
    refused_ = !answer.ok();
    if (refused_)
        spdlog::warn(
            "otlp: {} does not take the metrics ({}); the pipelines go on, and it is tried again each {} s. [status] "
            "otlp_endpoint says where they go.",
            host_, http::why(answer), options_.interval.count());
    else
        spdlog::info("otlp: {} takes the metrics", host_);
}

} // namespace sfcdc::runner
