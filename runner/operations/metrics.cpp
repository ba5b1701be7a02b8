#include "metrics.hpp"

#include "log.hpp"

#include <sfcdc/version.hpp>
#include <sfcdc/wire/utf8.hpp>

#include <nlohmann/json.hpp>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

using namespace std::chrono_literals;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Salesforce keeps events for so long. Source: Pub/Sub API guide, "Event Message Durability".
constexpr std::chrono::milliseconds retention = 72h;

constexpr std::size_t label_bytes = 200, error_bytes = 500;

// A text of the configuration or of a peer, as it may stand in a label or on a page.
std::string bounded(std::string_view text, std::size_t bytes) {
    std::string line = log::one_line(text);
    line.resize(wire::utf8_prefix(line, bytes).size());
    return line;
}

double seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000; }
double hours(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 3'600'000; }

// The position of an age is lost in so long; 0 when it is lost.
std::chrono::milliseconds left(std::chrono::milliseconds age) { return std::max(retention - age, 0ms); }

struct process_state {
    double resident_bytes = 0, cpu_seconds = 0;
};
process_state process_now() {
    process_state out;
    std::ifstream file("/proc/self/statm");
    double size = 0, resident = 0;
    if (file >> size >> resident) out.resident_bytes = resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0)
        for (const timeval& t : {used.ru_utime, used.ru_stime})
            out.cpu_seconds += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    return out;
}

std::string iso_time(std::int64_t ms) {
    const std::time_t at = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    ::gmtime_r(&at, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

// ---- a pipeline's metrics that have no label but its own

struct described {
    const char* name;
    const char* help;
    MetricType type;
    std::optional<double> (*read)(const pipeline_counts&);
};

template<auto Member> std::optional<double> count_of(const pipeline_counts& c) {
    return static_cast<double>((c.*Member).load());
}

const described plain_metrics[] = {
    {"sfcdc_events_received_total", "Events that came from Salesforce, again after a reconnect.", MetricType::Counter,
     count_of<&pipeline_counts::received>},
    {"sfcdc_events_handled_total", "Events that were decoded and made into rows, left out or refused.",
     MetricType::Counter, count_of<&pipeline_counts::events>},
    {"sfcdc_gap_events_total",
     "Events that tell of changes which Salesforce does not describe (change types GAP_...).", MetricType::Counter,
     count_of<&pipeline_counts::gaps>},
    {"sfcdc_received_bytes_total", "Bytes of Salesforce's responses.", MetricType::Counter,
     count_of<&pipeline_counts::bytes_received>},
    {"sfcdc_replaced_bytes_total", "Bytes that were not UTF-8 and became U+FFFD.", MetricType::Counter,
     count_of<&pipeline_counts::replaced_bytes>},
    {"sfcdc_schema_changes_total", "Times that an object's events came with another schema.", MetricType::Counter,
     count_of<&pipeline_counts::schema_changes>},
    {"sfcdc_subscribe_calls_total", "Calls of Subscribe or ManagedSubscribe that were opened.", MetricType::Counter,
     count_of<&pipeline_counts::calls>},
    {"sfcdc_rows_total", "Rows that were handed to the sink.", MetricType::Counter, count_of<&pipeline_counts::rows>},
    {"sfcdc_rows_durable_total", "Rows that are durable.", MetricType::Counter,
     count_of<&pipeline_counts::rows_durable>},
    {"sfcdc_acks_total", "Acknowledgements of Zerobus.", MetricType::Counter, count_of<&pipeline_counts::acks>},
    {"sfcdc_resent_requests_total", "Requests to Zerobus that went out again because their call was lost.",
     MetricType::Counter, count_of<&pipeline_counts::resends>},
    {"sfcdc_stream_rotations_total", "Times that Zerobus announced the end of a stream's call.", MetricType::Counter,
     count_of<&pipeline_counts::rotations>},
    {"sfcdc_events_waiting", "Events that were received and that the position has not passed.", MetricType::Gauge,
     count_of<&pipeline_counts::held>},
    {"sfcdc_rows_waiting", "Rows that were handed to the sink and are not durable.", MetricType::Gauge,
     count_of<&pipeline_counts::rows_waiting>},
    {"sfcdc_in_flight_bytes", "Bytes of rows that streams of Zerobus hold until they are acknowledged.",
     MetricType::Gauge, count_of<&pipeline_counts::bytes_in_flight>},
    {"sfcdc_held_bytes", "Bytes of events and rows that are held.", MetricType::Gauge,
     count_of<&pipeline_counts::memory>},
    {"sfcdc_credits", "Events that Salesforce may still send before it is asked for more.", MetricType::Gauge,
     count_of<&pipeline_counts::credits>},
    {"sfcdc_subscribed", "1 while a subscription is open, else 0.", MetricType::Gauge,
     [](const pipeline_counts& c) -> std::optional<double> {
         return c.subscription.load() == pubsub::subscription_state::streaming ? 1 : 0;
     }},
    {"sfcdc_lag_seconds",
     "Time since the commit of the oldest event known that is not durable; without one, the last measured from "
     "commit "
     "to durable.",
     MetricType::Gauge,
     [](const pipeline_counts& c) -> std::optional<double> {
         const auto lag = c.lag_now();
         return lag ? std::optional(seconds(*lag)) : std::nullopt;
     }},
    {"sfcdc_position_age_seconds", "Time since the event of the stored position was committed.", MetricType::Gauge,
     [](const pipeline_counts& c) -> std::optional<double> {
         const auto age = c.position_age();
         return age ? std::optional(seconds(*age)) : std::nullopt;
     }},
    {"sfcdc_position_hours_to_loss",
     "Hours until the stored position leaves the 72 hours for which Salesforce keeps events.", MetricType::Gauge,
     [](const pipeline_counts& c) -> std::optional<double> {
         const auto age = c.position_age();
         return age ? std::optional(hours(left(*age))) : std::nullopt;
     }},
    {"sfcdc_stalled_seconds",
     "Time for which the position could not move although events are held, or for want of a subscription.",
     MetricType::Gauge,
     [](const pipeline_counts& c) -> std::optional<double> {
         const std::int64_t since = c.stalled_since;
         return since == 0 ? 0 : static_cast<double>(pipeline_counts::steady_ms() - since) / 1000;
     }},
};

ClientMetric plain_value(MetricType type, double value) {
    ClientMetric m;
    (type == MetricType::Counter ? m.counter.value : m.gauge.value) = value;
    return m;
}

} // namespace

// ---- numbers

void lag_histogram::add(std::chrono::milliseconds time) noexcept {
    const auto ms = std::max<std::int64_t>(time.count(), 0);
    const auto at = std::lower_bound(bounds.begin(), bounds.end(), static_cast<double>(ms) / 1000);
    ++counts_[static_cast<std::size_t>(at - bounds.begin())];
    milliseconds_ += static_cast<std::uint64_t>(ms);
}

void last_day::add(std::uint64_t n, std::int64_t now) noexcept {
    const std::int64_t number = now / step;
    const auto i = static_cast<std::size_t>(number % steps);
    counts_[i] = numbers_[i] == number ? counts_[i] + n : n;
    numbers_[i] = number;
}

std::uint64_t last_day::count(std::int64_t now) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < steps; ++i)
        if (numbers_[i] > now / step - steps) sum += counts_[i];
    return sum;
}

void reconnects::add(const delivery_reason& why) noexcept {
    const std::size_t number = why.fault != call::fault::none
                                   ? std::min(static_cast<std::size_t>(why.fault), faults - 1)
                                   : faults + std::min(static_cast<std::size_t>(why.status), statuses - 1);
    ++counts_[why.outlet ? 1 : 0][number];
}

std::vector<reconnects::reason> reconnects::list() const {
    std::vector<reason> out;
    for (std::size_t side = 0; side < counts_.size(); ++side)
        for (std::size_t i = 0; i < counts_[side].size(); ++i) {
            const std::uint64_t count = counts_[side][i];
            if (count == 0) continue;
            out.push_back({side == 0 ? "subscription" : "stream",
                           i < faults ? call::to_string(static_cast<call::fault>(i))
                                      : wire::to_string(static_cast<wire::grpc_status>(i - faults)),
                           count});
        }
    return out;
}

// ---- a pipeline

std::int64_t pipeline_counts::steady_ms() noexcept {
    return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
std::int64_t pipeline_counts::system_ms() noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void pipeline_counts::say_state(std::string_view state) {
    const std::scoped_lock lock(mutex_);
    texts_.state = state;
}

void pipeline_counts::say_position(const pubsub::replay_id& position) {
    const std::scoped_lock lock(mutex_);
    texts_.position = position;
}

void pipeline_counts::say_error(std::string_view text) {
    std::string safe = bounded(text, error_bytes);
    const std::scoped_lock lock(mutex_);
    texts_.last_error = std::move(safe);
    texts_.last_error_at = system_ms();
}

pipeline_counts::texts_now pipeline_counts::texts() const {
    const std::scoped_lock lock(mutex_);
    return texts_;
}

std::string pipeline_counts::waits_for() const {
    if (!subscribed) return texts().state;
    switch (subscription.load()) {
    case pubsub::subscription_state::streaming: break;
    case pubsub::subscription_state::waiting: return "waits to subscribe again";
    case pubsub::subscription_state::opening: return "subscribing";
    case pubsub::subscription_state::token_due:
    case pubsub::subscription_state::renewing: return "waits for a login at Salesforce";
    case pubsub::subscription_state::choosing: return "waits for a position to start from";
    case pubsub::subscription_state::closed: return "ending";
    }
    constexpr std::int64_t long_ms = 10'000;
    const std::int64_t since = stalled_since;
    if (since != 0 && steady_ms() - since >= long_ms) return "waits for rows to become durable";
    return "connected";
}

std::optional<std::chrono::milliseconds> pipeline_counts::lag_now() const {
    const std::int64_t last = last_lag, oldest = oldest_waiting;
    if (oldest != 0) return std::chrono::milliseconds(std::max<std::int64_t>(system_ms() - oldest, 0));
    return last < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(last));
}

std::optional<std::chrono::milliseconds> pipeline_counts::position_age() const {
    const std::int64_t at = position_time;
    if (at == 0) return std::nullopt;
    return std::chrono::milliseconds(std::max<std::int64_t>(system_ms() - at, 0));
}

// ---- all of them

metrics::metrics(std::chrono::seconds ready_after, std::size_t memory_limit)
    : ready_after_(ready_after), memory_limit_(memory_limit), started_(pipeline_counts::system_ms()) {}

void metrics::add(const pipeline_identity& who, const pipeline_counts& counts) {
    const std::scoped_lock lock(mutex_);
    pipeline_identity safe{bounded(who.name, label_bytes), bounded(who.topic, label_bytes), who.sink,
                           bounded(who.destination, label_bytes), who.salesforce};
    // Two series of the same labels would make Prometheus refuse all of them.
    const auto taken = [&](const std::string& name) {
        return std::any_of(pipelines_.begin(), pipelines_.end(), [&](const shown& s) { return s.who.name == name; });
    };
    const std::string first = safe.name;
    for (int n = 2; taken(safe.name); ++n) safe.name = first + " #" + std::to_string(n);
    pipelines_.push_back({std::move(safe), &counts});
}

void metrics::remove(const pipeline_counts& counts) {
    const std::scoped_lock lock(mutex_);
    pipelines_.remove_if([&](const shown& s) { return s.counts == &counts; });
}

void metrics::add_org(const std::string& salesforce, std::uint64_t delivery_allocation) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(orgs_, [&](const org& o) { return o.name == salesforce; });
    orgs_.push_back({salesforce, delivery_allocation});
}

std::uint64_t metrics::deliveries_of(const org& o) const {
    std::uint64_t sum = 0;
    for (const shown& s : pipelines_)
        if (s.who.salesforce == o.name) sum += s.counts->deliveries.count(pipeline_counts::steady_ms() / 1000);
    return sum;
}

std::vector<std::string> metrics::not_ready() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [who, counts] : pipelines_) {
        const std::int64_t since = counts->stalled_since;
        if (since == 0) continue;
        const std::chrono::milliseconds time(pipeline_counts::steady_ms() - since);
        if (time < ready_after_) continue;
        out.push_back(who.name + ": the position could not move for " + std::to_string(time / 1s) + " s; "
                      + counts->waits_for());
    }
    return out;
}

std::vector<MetricFamily> metrics::Collect() const {
    const std::scoped_lock lock(mutex_);
    std::vector<MetricFamily> out;
    const auto family = [&](const char* name, const char* help, MetricType type) -> MetricFamily& {
        return out.emplace_back(MetricFamily{name, help, type, {}});
    };
    const auto of = [](const shown& s, ClientMetric m) {
        m.label = {{"pipeline", s.who.name}, {"topic", s.who.topic}};
        return m;
    };

    for (const described& d : plain_metrics) {
        MetricFamily& f = family(d.name, d.help, d.type);
        for (const shown& s : pipelines_)
            if (const auto value = d.read(*s.counts)) f.metric.push_back(of(s, plain_value(d.type, *value)));
    }

    MetricFamily& left_out = family("sfcdc_events_filtered_total",
                                    "Events that the configuration leaves out, by the reason.", MetricType::Counter);
    for (const shown& s : pipelines_)
        for (std::size_t i = 1; i < left_out_reasons; ++i) { // 0 is no reason
            ClientMetric m =
                of(s, plain_value(MetricType::Counter, static_cast<double>(s.counts->left_out[i].load())));
            m.label.push_back({"reason", std::string(to_string(static_cast<left_out_by>(i)))});
            left_out.metric.push_back(std::move(m));
        }

    MetricFamily& letters = family(
        "sfcdc_dead_letters_total",
        "Events that cannot be decoded, and rows that were refused, which were kept aside.", MetricType::Counter);
    for (const shown& s : pipelines_)
        for (const auto& [kind, count] : {std::pair<const char*, std::uint64_t>{"event", s.counts->undecodable},
                                          {"row", s.counts->rows_refused}}) {
            ClientMetric m = of(s, plain_value(MetricType::Counter, static_cast<double>(count)));
            m.label.push_back({"kind", kind});
            letters.metric.push_back(std::move(m));
        }

    MetricFamily& again = family("sfcdc_reconnects_total",
                                 "Times that a subscription or a stream was interrupted and opened again, by reason.",
                                 MetricType::Counter);
    for (const shown& s : pipelines_)
        for (const reconnects::reason& r : s.counts->reconnected.list()) {
            ClientMetric m = of(s, plain_value(MetricType::Counter, static_cast<double>(r.count)));
            m.label.push_back({"side", std::string(r.side)});
            m.label.push_back({"reason", std::string(r.name)});
            again.metric.push_back(std::move(m));
        }

    for (const auto& [name, help, which] :
         {std::tuple{"sfcdc_decode_seconds", "Time to decode an event, of one event in 64.",
                     &pipeline_counts::decode},
          {"sfcdc_encode_seconds", "Time to make an event into rows, of one event in 64.",
           &pipeline_counts::encode}}) {
        MetricFamily& f = family(name, help, MetricType::Summary);
        for (const shown& s : pipelines_) {
            ClientMetric m;
            m.summary.sample_count = (s.counts->*which).samples;
            m.summary.sample_sum = static_cast<double>((s.counts->*which).nanoseconds.load()) / 1e9;
            f.metric.push_back(of(s, std::move(m)));
        }
    }

    MetricFamily& lag =
        family("sfcdc_commit_to_durable_seconds",
               "From the commit of an event to the moment when its rows were durable, measured once in "
               "each turn of the pipeline.",
               MetricType::Histogram);
    for (const shown& s : pipelines_) {
        ClientMetric m;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < lag_histogram::bounds.size(); ++i)
            m.histogram.bucket.push_back({sum += s.counts->lag.in_class(i), lag_histogram::bounds[i]});
        m.histogram.sample_count = sum + s.counts->lag.in_class(lag_histogram::bounds.size());
        m.histogram.sample_sum = s.counts->lag.seconds();
        lag.metric.push_back(of(s, std::move(m)));
    }

    MetricFamily& state =
        family("sfcdc_pipeline_state", "1 for the state that the pipeline is in.", MetricType::Gauge);
    for (const shown& s : pipelines_) {
        ClientMetric m = of(s, plain_value(MetricType::Gauge, 1));
        m.label.push_back({"state", s.counts->texts().state});
        state.metric.push_back(std::move(m));
    }

    MetricFamily& deliveries =
        family("sfcdc_deliveries_24h", "Events that this process received within 24 hours, by section of the org.",
               MetricType::Gauge);
    for (const org& o : orgs_) {
        ClientMetric m = plain_value(MetricType::Gauge, static_cast<double>(deliveries_of(o)));
        m.label = {{"salesforce", o.name}};
        deliveries.metric.push_back(std::move(m));
    }
    MetricFamily allocation{"sfcdc_delivery_allocation",
                            "Events that the org may deliver within 24 hours, as the configuration says.",
                            MetricType::Gauge,
                            {}};
    for (const org& o : orgs_) {
        if (o.allocation == 0) continue;
        ClientMetric m = plain_value(MetricType::Gauge, static_cast<double>(o.allocation));
        m.label = {{"salesforce", o.name}};
        allocation.metric.push_back(std::move(m));
    }
    out.push_back(std::move(allocation));

    ClientMetric build = plain_value(MetricType::Gauge, 1);
    build.label = {{"version", sfcdc::version}};
    family("sfcdc_build_info", "1; the label says the version.", MetricType::Gauge)
        .metric.push_back(std::move(build));
    const process_state process = process_now();
    family("sfcdc_memory_limit_bytes", "The key memory_limit.", MetricType::Gauge)
        .metric.push_back(plain_value(MetricType::Gauge, static_cast<double>(memory_limit_)));
    family("process_resident_memory_bytes", "Resident memory size in bytes.", MetricType::Gauge)
        .metric.push_back(plain_value(MetricType::Gauge, process.resident_bytes));
    family("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", MetricType::Counter)
        .metric.push_back(plain_value(MetricType::Counter, process.cpu_seconds));
    family("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", MetricType::Gauge)
        .metric.push_back(plain_value(MetricType::Gauge, static_cast<double>(started_) / 1000));
    std::erase_if(out, [](const MetricFamily& f) { return f.metric.empty(); });
    return out;
}

std::string metrics::exposition() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, Collect());
    return std::move(out).str();
}

nlohmann::json metrics::status() const {
    using nlohmann::json;
    const auto seconds_or_null = [](std::optional<std::chrono::milliseconds> time) {
        return time ? json(seconds(*time)) : json();
    };
    std::vector<std::string> reasons = not_ready();
    const std::scoped_lock lock(mutex_);
    json orgs = json::array(), pipelines = json::array();
    for (const org& o : orgs_)
        orgs.push_back({{"salesforce", o.name},
                        {"deliveries_24h", deliveries_of(o)},
                        {"delivery_allocation", o.allocation == 0 ? json() : json(o.allocation)}});
    for (const auto& [who, counts] : pipelines_) {
        const pipeline_counts& c = *counts;
        const pipeline_counts::texts_now texts = c.texts();
        const auto age = c.position_age();
        const std::int64_t stalled = c.stalled_since;
        json again = json::array();
        for (const reconnects::reason& r : c.reconnected.list())
            again.push_back({{"side", r.side}, {"reason", r.name}, {"count", r.count}});
        pipelines.push_back({
            {"name", who.name},
            {"topic", who.topic},
            {"sink", who.sink},
            {"destination", who.destination},
            {"salesforce", who.salesforce},
            {"state", texts.state},
            {"waits_for", c.waits_for()},
            {"events_received", c.received.load()},
            {"events_handled", c.events.load()},
            {"events_filtered", c.events_left_out()},
            {"events_undecodable", c.undecodable.load()},
            {"events_waiting", c.held.load()},
            {"gap_events", c.gaps.load()},
            {"bytes_received", c.bytes_received.load()},
            {"rows", c.rows.load()},
            {"rows_durable", c.rows_durable.load()},
            {"rows_refused", c.rows_refused.load()},
            {"rows_waiting", c.rows_waiting.load()},
            {"bytes_in_flight", c.bytes_in_flight.load()},
            {"bytes_held", c.memory.load()},
            {"credits", c.credits.load()},
            {"acks", c.acks.load()},
            {"resent_requests", c.resends.load()},
            {"stream_rotations", c.rotations.load()},
            {"schema_changes", c.schema_changes.load()},
            {"reconnects", std::move(again)},
            {"lag_seconds", seconds_or_null(c.lag_now())},
            {"position", texts.position.empty() ? json() : json(texts.position.hex())},
            {"position_age_seconds", seconds_or_null(age)},
            {"hours_to_loss", age ? json(hours(left(*age))) : json()},
            {"stalled_seconds",
             stalled == 0 ? 0.0 : static_cast<double>(pipeline_counts::steady_ms() - stalled) / 1000},
            {"last_error", texts.last_error.empty()
                               ? json()
                               : json({{"text", texts.last_error}, {"at", iso_time(texts.last_error_at)}})},
        });
    }
    const std::int64_t now = pipeline_counts::system_ms();
    return {{"version", sfcdc::version},
            {"now", iso_time(now)},
            {"started", iso_time(started_)},
            {"ready", reasons.empty()},
            {"not_ready", std::move(reasons)},
            {"memory", {{"resident_bytes", process_now().resident_bytes}, {"limit_bytes", memory_limit_}}},
            {"orgs", std::move(orgs)},
            {"pipelines", std::move(pipelines)}};
}

} // namespace sfcdc::runner
