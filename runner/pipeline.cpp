#include "pipeline.hpp"

#include "http.hpp"
#include "operations/termination.hpp"
#include "pause.hpp"

#include <sfcdc/wire/text.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

pubsub::replay_preset preset_of(start_position p) {
    return p == start_position::earliest ? pubsub::replay_preset::earliest : pubsub::replay_preset::latest;
}
const char* name_of(start_position p) { return p == start_position::earliest ? "earliest" : "latest"; }

std::string text(const pubsub::reason& why) {
    return why.fault == errc::none ? describe(why.status, why.error_code, why.message)
                                   : std::string(message(why.fault));
}

} // namespace

pipeline::pipeline(const stream_config& stream, const databricks_config& databricks, salesforce::org& org,
                   std::optional<start_position> from)
    : stream_(stream),
      databricks_(databricks),
      org_(org),
      from_where_(from),
      letters_(stream_),
      sink_(make_sink(stream_, databricks_, letters_, inbox_)),
      calls_(inbox_, org.channel(), *this),
      login_(inbox_),
      schema_(inbox_) {}

void pipeline::run(const std::stop_token& stop) {
    try {
        open(stop);
    } catch (const stopped&) {
        return; // before anything was received
    }
    const std::stop_callback wake(stop, [this] { inbox_.wake(); });
    loop(stop);
    if (end_) throw failure(*end_);
}

void pipeline::open(const std::stop_token& stop) {
    session_ = org_.logins().current(stop);
    org_.check_topic(stream_.topic, stop);
    const auto stored = sink_->open({session_.org_id, stream_.topic}, stop);
    if (stored) stored_ = *stored;
    at_ = checkpoint(stored_);
    rows_stream_ = at_.add_stream();

    pubsub::subscription_options options{.topic_name = stream_.topic};
    options.seed = std::random_device{}();
    options.silence_limit = stream_.silence_limit;
    if (stored) {
        options.replay_id = *stored;
        spdlog::info("{}: resuming after {}", stream_.topic, stored->hex());
    } else {
        const start_position start = from_where_.value_or(stream_.start);
        options.preset = preset_of(start);
        spdlog::info("{}: no position yet, starting from {}", stream_.topic, name_of(start));
    }
    from_.emplace(std::move(options));
}

void pipeline::loop(const std::stop_token& stop) {
    for (;;) {
        if (stop.stop_requested()) from_->close();
        take_session();
        perform_actions(); // the next events are on their way while these are handled
        hand_over();
        if (from_->closed() && !drain_until_) drain_until_ = clock::now() + drain_time;
        const bool no_more = from_->closed() && taken_.empty();
        if (no_more) sink_->close();
        settle();
        if (no_more && sink_->ended()) return;
        if (drain_until_ && clock::now() >= *drain_until_) {
            spdlog::warn("{}: not everything became durable in {} s; it will be fetched again by the next run",
                         stream_.topic, drain_time.count());
            return;
        }
        std::optional<time_point> first;
        for (const auto when : {from_->poll_timeout(), sink_->timeout(), drain_until_})
            if (when && (!first || *when < *first)) first = when;
        inbox_.wait_until(first);
    }
}

// ---- what the subscription asks for

void pipeline::perform_actions() {
    while (auto action = from_->poll_action(clock::now())) std::visit([this](auto& a) { perform(a); }, *action);
    take_news(nullptr); // a limit of time may be over
}

void pipeline::perform(const pubsub::open_call& action) {
    ++counts_.calls;
    calls_.open(action.call, std::string(action.method), salesforce::org::headers(session_));
}

void pipeline::perform(const pubsub::renew_token&) {
    login_.start([this, refused = session_](const std::stop_token& stop) {
        return http::patiently(stop, [&] { return org_.logins().renewed(refused, stop); });
    });
}

void pipeline::take_session() {
    try {
        auto fresh = login_.take();
        if (!fresh) return;
        if (fresh->org_id != session_.org_id)
            return end_with({exit_code::needs_decision, "The login now leads to org " + fresh->org_id + " and not "
                                                            + session_.org_id
                                                            + ": positions of one org mean nothing in another."});
        session_ = std::move(*fresh);
        tell(pubsub::token_renewed{});
    } catch (const http::unavailable& u) {
        spdlog::warn("salesforce: {}", u.reason);
        tell(pubsub::token_unavailable{});
    } catch (const failure& f) {
        login_refusal_ = f.what();
        tell(pubsub::token_refused{});
    }
}

// ---- what it is told, and tells

void pipeline::call_opened(std::uint64_t call) noexcept { tell(pubsub::opened{call}); }
void pipeline::call_responded(std::uint64_t call, received_bytes response) noexcept {
    (void)from_->handle(pubsub::response{call, response.view()}, clock::now());
    take_news(&response);
}
void pipeline::call_ended(std::uint64_t call, const call_status& status) noexcept {
    tell(pubsub::call_ended{call, status.code, status.error_code, status.message});
}

void pipeline::tell(const pubsub::input& in) {
    (void)from_->handle(in, clock::now());
    take_news(nullptr);
}

void pipeline::take_news(const received_bytes* response) {
    while (auto event = from_->poll_event()) {
        if (const auto* events = std::get_if<pubsub::received>(&*event)) {
            taken_.emplace_back(*response, events->response).at = now_ms();
            counts_.held = 1 + at_.waiting();
        } else if (auto* alive = std::get_if<pubsub::keepalive>(&*event)) {
            ++counts_.keepalives;
            if (!alive->position.empty()) taken_.emplace_back(std::move(alive->position));
        } else if (const auto* pause = std::get_if<pubsub::interrupted>(&*event)) {
            on(*pause);
        } else if (const auto* failed = std::get_if<pubsub::failed>(&*event)) {
            on(*failed);
        }
    }
}

void pipeline::on(const pubsub::interrupted& pause) {
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(pause.until - clock::now());
    spdlog::warn("{}: subscription ended ({}); next one in {} ms", stream_.topic, text(pause.why),
                 std::max<std::int64_t>(wait.count(), 0));
    if (from_->preset() == pubsub::replay_preset::latest)
        spdlog::warn(
            "{}: no position was received yet, so the next subscription starts from latest again and does not "
            "see what comes meanwhile",
            stream_.topic);
}

void pipeline::on(const pubsub::failed& failed) {
    const pubsub::reason& why = failed.why;
    const std::string said = text(why);
    if (why.remedy == pubsub::remedy::choose_position) return choose_position(said);
    if (why.fault == errc::token_refused) return end_with({exit_code::refused, login_refusal_});
    if (why.fault != errc::none)
        return end_with(
            {exit_code::failed, "The subscription to " + stream_.topic + " cannot go on (" + said + ")."});
    if (why.budget_used_up)
        return end_with(
            {exit_code::refused, "Salesforce accepts the login but not the session (" + said
                                     + "); check the IP restrictions of the run-as user of [salesforce] client_id."});
    end_with({exit_code::refused, "Salesforce ended the subscription to " + stream_.topic + " for good (" + said
                                      + "); check [[stream]] topic and the permissions of the run-as user."});
}

void pipeline::choose_position(const std::string& said) {
    const std::string what = stream_.topic + ": Salesforce does not know the position " + from_->position().hex()
                             + " any more (" + said
                             + "): it is older than the retention of 72 hours, or the org was moved or refreshed. ";
    if (!from_where_)
        return end_with(
            {exit_code::needs_decision,
             what
                 + "Events in between are lost to this stream, so it does not go on by itself. Run once with --from "
                   "earliest (all that Salesforce still has: some rows may come twice) or --from latest (only what "
                   "is "
                   "new), and re-read the records that changed meanwhile."});
    spdlog::warn("{}Going on from {} as --from says.", what, name_of(*from_where_));
    (void)from_->choose(preset_of(*from_where_));
}

// What the sink was given still becomes durable.
void pipeline::end_with(const failure& why) {
    if (!end_) end_ = why;
    taken_.clear();
    from_->close();
}

// ---- events

void pipeline::hand_over() try {
    for (; !taken_.empty(); taken_.pop_front()) {
        taken& front = taken_.front();
        if (!front.bytes) {
            at_.keepalive(front.reached);
            continue;
        }
        for (; front.next != std::default_sentinel; ++front.next)
            if (!sink_->ready() || !hand_over(*front.next, front.at)) return;
    }
} catch (const failure& f) {
    end_with(f);
}

// False when its schema has to be awaited.
bool pipeline::hand_over(const pubsub::consumer_event& event, std::int64_t received) {
    const std::string schema_id(event.schema_id);
    const auto [schema, why_not] = schema_of(schema_id).value_or(schema_answer{});
    if (!schema && why_not.empty()) return false;

    ++counts_.events;
    row::envelope around{.event_id = event.id,
                         .schema_id = event.schema_id,
                         .topic_name = stream_.topic,
                         .org_id = session_.org_id,
                         .replay_id = wire::as_bytes(event.replay_id),
                         .schema_json = {},
                         .received_timestamp = received};
    sink::added rows;
    if (!schema) {
        letters_.event(around, event.payload, why_not, 0);
    } else if (const auto [decoded, bad] = decoder_.decode(schema->plan, event.payload); bad) {
        letters_.event(around, event.payload, bad.message(), bad.offset);
    } else {
        if (schema_json_due(schema_id)) around.schema_json = schema->json;
        rows = sink_->add(decoded, around);
        counts_.replaced_bytes += rows.replaced_bytes;
    }
    rows_ += rows.rows;
    const row_position last{rows_stream_, rows_ - 1};
    const error full =
        at_.event(pubsub::replay_id::from_bytes(event.replay_id).value, {&last, rows.rows > 0 ? 1u : 0u});
    if (full) throw failure(exit_code::failed, stream_.topic + ": " + full.message() + ".");
    return true;
}

// Nothing while it is asked for: the pipeline goes on with what else there is to do.
std::optional<pipeline::schema_answer> pipeline::schema_of(const std::string& id) {
    if (const auto known = schemas_.find(id); known != schemas_.end()) return schema_answer{known->second, {}};
    try {
        if (auto answer = schema_.take()) { // of this event: those behind it have to wait
            if (answer->schema) schemas_[id] = answer->schema;
            return answer;
        }
    } catch (const stopped&) { // another stream had asked for it and was stopped
    }
    if (from_->closed()) { // the events are fetched again by the next run
        schema_.stop();
        taken_.clear();
    } else if (!schema_.running()) {
        schema_.start([this, id](const std::stop_token& stop) -> schema_answer {
            try {
                return {org_.schema(id, stop), {}};
            } catch (const salesforce::no_schema& none) {
                return {nullptr, none.reason};
            }
        });
    }
    return std::nullopt;
}

// In the first row with a schema in this run, and then in every so many rows with it: two schemas that take turns on a
// stream do not put 15 KB into each row.
bool pipeline::schema_json_due(const std::string& schema_id) {
    const auto [rows, first] = rows_since_schema_.try_emplace(schema_id, 0);
    const bool due = first || (stream_.schema_json_every > 0 && rows->second >= stream_.schema_json_every);
    rows->second = due ? 1 : rows->second + 1;
    return due;
}

void pipeline::settle() {
    const sink::dealt_with so_far = sink_->settle(clock::now());
    if (const error bad = at_.durable(rows_stream_, so_far.rows - 1))
        throw failure(exit_code::failed, stream_.topic + ": " + bad.message() + ".");
    const bool moved = at_.position() != stored_;
    if (sink_->commit(moved ? &at_.position() : nullptr) && moved) stored_ = at_.position();
    counts_.rows_durable = static_cast<std::uint64_t>(so_far.rows - so_far.refused);
    counts_.held = at_.waiting() + (taken_.empty() ? 0 : 1);
    (void)from_->release(at_.take_passed()); // never more than it handed over
}

} // namespace sfcdc::runner
