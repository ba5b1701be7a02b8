// Sends the metrics to an OpenTelemetry receiver by OTLP over HTTP, each minute or as set: for those who have no Prometheus that asks.
// Source: OpenTelemetry Protocol specification, OTLP/HTTP with binary protobuf.
#pragma once

#include "../operations/metrics.hpp"
#include "otlp_options.hpp"

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sfcdc::runner {

// Makes the bodies of requests: the same series as in Prometheus' format, by the same names. Times are in nanoseconds since 1970.
class otlp_requests {
  public:
    // `started`: since when counters count.
    explicit otlp_requests(std::uint64_t started) : started_(started), last_(started) {}

    std::string make(const std::vector<prometheus::MetricFamily>& families, std::uint64_t now);

  private:
    // A counter that has become less began anew after the last request: a reload has replaced its pipeline.
    struct counted {
        double value = 0;
        std::uint64_t start = 0;
    };
    std::uint64_t start_of(const std::string& name, const prometheus::ClientMetric& m, double value);

    const std::uint64_t started_;
    std::uint64_t last_;                             // the time of the last request
    std::map<std::string, counted> counters_, seen_; // of the last request, and of the one that is made
};

class otlp_push {
  public:
    // `of` outlives this object. A receiver that does not answer, or refuses, is said in the log once, and again when it answers; the pipelines go on.
    // Throws failure when no thread can be started.
    otlp_push(otlp_options options, const metrics& of);

    otlp_push(const otlp_push&) = delete;
    otlp_push& operator=(const otlp_push&) = delete;

  private:
    void push_until(const std::stop_token& stop);
    void push(const std::stop_token& stop);

    const otlp_options options_;
    const metrics& metrics_;
    const std::string host_; // for the log: what else is in a URL may be a secret
    otlp_requests requests_;
    bool refused_ = false; // the last one was
    std::jthread thread_;  // the last member: its thread uses the others
};

} // namespace sfcdc::runner
