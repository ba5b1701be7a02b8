// Sends the metrics to an OpenTelemetry receiver by OTLP over HTTP, each minute or as set: for those who have no Prometheus that asks.
// Source: OpenTelemetry Protocol specification, OTLP/HTTP with binary protobuf.
#pragma once

#include "../operations/metrics.hpp"
#include "otlp_options.hpp"

#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sfcdc::runner {

// The body of a request: the same series as in Prometheus' format, by the same names. Times are in nanoseconds since 1970; `started` is that of the
// process, since which counters count.
std::string otlp_request(const std::vector<prometheus::MetricFamily>& families, std::uint64_t started,
                         std::uint64_t now);

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
    const std::uint64_t started_;
    bool refused_ = false; // the last one was
    std::jthread thread_;  // the last member: its thread uses the others
};

} // namespace sfcdc::runner
