#include "pipeline.hpp"

#include "failure.hpp"
#include "pause.hpp"

#include <sfcdc/backoff.hpp>
#include <sfcdc/wire/text.hpp>

#include <spdlog/spdlog.h>

#include <random>

namespace sfcdc::runner {
namespace {

namespace eventbus = eventbus::v1;
using namespace std::chrono_literals;
using salesforce::remedy;

constexpr int max_credits = 100;     // Salesforce counts no more than that
constexpr auto silence_limit = 300s; // a keepalive comes within 270 s
constexpr auto drain_time = 30s;
constexpr unsigned refused_sessions = 5; // in a row, each with a fresh login, without one answer

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace

pipeline::pipeline(const stream_config& stream, const databricks_config& databricks, salesforce::org& org,
                   std::optional<start_position> from)
    : stream_(stream),
      org_(org),
      from_(from),
      sink_(make_sink(stream, databricks)),
      dead_letters_(stream.dead_letters) {}

void pipeline::run(const std::stop_token& stop) {
    try {
        org_id_ = org_.logins().current(stop).org_id;
        org_.check_topic(stream_.topic, stop);
        position_ = sink_->open({org_id_, stream_.topic});
        preset_ = from_.value_or(stream_.start);
        if (position_)
            spdlog::info("{}: resuming after {}", stream_.topic, position_->hex());
        else
            spdlog::info("{}: no position yet, starting from {}", stream_.topic,
                         preset_ == start_position::earliest ? "earliest" : "latest");

        backoff wait(std::random_device{}());
        for (unsigned refusals = 0; !stop.stop_requested();) {
            const salesforce::session session = org_.logins().current(stop);
            if (session.org_id != org_id_)
                throw failure(exit_code::needs_decision, "The login now leads to org " + session.org_id + " and not "
                                                             + org_id_
                                                             + ": positions of one org mean nothing in another.");
            const std::uint64_t before = counts_.events + counts_.keepalives;
            const salesforce::call_end end = subscribe(session, stop);
            if (stop.stop_requested()) break;
            if (counts_.events + counts_.keepalives != before) wait.reset(), refusals = 0;

            std::chrono::milliseconds delay = wait.next();
            switch (end.what) {
            case remedy::retry: break;
            case remedy::renew_login:
                org_.logins().expired(session);
                if (++refusals >= refused_sessions)
                    throw failure(exit_code::refused,
                                  "Salesforce accepts the login but not the session (" + end.text
                                      + "); check the IP restrictions of the run-as user of [salesforce] client_id.");
                break;
            case remedy::slow_down: delay = std::max<std::chrono::milliseconds>(delay, 30s); break;
            case remedy::wait_hours: delay = 1h; break;
            case remedy::choose_position: choose_position(end.text); break;
            case remedy::stop:
                throw failure(exit_code::refused,
                              "Salesforce ended the subscription to " + stream_.topic + " for good (" + end.text
                                  + "); check [[stream]] topic and the permissions of the run-as user.");
            }
            if (!position_ && preset_ == start_position::latest)
                spdlog::warn("{}: no position was received yet, so the next subscription starts from latest again "
                             "and does not see what comes meanwhile",
                             stream_.topic);
            spdlog::warn("{}: subscription ended ({}); next one in {} ms", stream_.topic, end.text, delay.count());
            pause(stop, delay);
        }
    } catch (const stopped&) {
    }
    if (!sink_->drain(drain_time))
        spdlog::warn("{}: not everything became durable in {} s; it will be fetched again by the next run",
                     stream_.topic, drain_time.count());
}

void pipeline::watch(const std::stop_token& stop) {
    bool broken = false;
    try {
        sink_->check();
    } catch (...) { // commit() throws it where it can be handled
        broken = true;
    }
    const std::scoped_lock lock(call_mutex_);
    if (call_ == nullptr) return;
    silent_ = !handling_ && clock::now() - last_heard_ > silence_limit;
    if (stop.stop_requested() || broken || silent_) call_->TryCancel();
}

salesforce::call_end pipeline::subscribe(const salesforce::session& session, const std::stop_token& stop) {
    grpc::ClientContext context;
    salesforce::org::authorize(context, session);
    ++counts_.calls;
    const auto call = org_.stub().Subscribe(&context);
    const auto current = [&](grpc::ClientContext* c) {
        const std::scoped_lock lock(call_mutex_);
        call_ = c;
        last_heard_ = clock::now();
        silent_ = false;
    };
    current(&context);

    eventbus::FetchRequest request;
    request.set_topic_name(stream_.topic);
    request.set_num_requested(max_credits);
    if (position_) {
        request.set_replay_preset(eventbus::CUSTOM);
        request.set_replay_id(std::string(position_->bytes()));
    } else {
        request.set_replay_preset(preset_ == start_position::earliest ? eventbus::EARLIEST : eventbus::LATEST);
    }
    try {
        call->Write(request);
        int credits = max_credits;
        for (eventbus::FetchResponse response; call->Read(&response) && !stop.stop_requested();) {
            {
                const std::scoped_lock lock(call_mutex_);
                last_heard_ = clock::now();
            }
            // Topped up before the events are handled, and at half: the next ones are on their way meanwhile.
            credits -= std::min(credits, response.events_size());
            if (credits <= max_credits / 2) {
                eventbus::FetchRequest more; // topic and position count in the first request only
                more.set_topic_name(stream_.topic);
                more.set_num_requested(max_credits - credits);
                credits = max_credits;
                if (!call->Write(more)) break;
            }
            handling_ = true;
            receive(response, stop);
            handling_ = false;
            const std::scoped_lock lock(call_mutex_);
            last_heard_ = clock::now();
        }
    } catch (...) {
        handling_ = false;
        context.TryCancel();
        current(nullptr);
        call->Finish();
        throw;
    }
    if (stop.stop_requested()) context.TryCancel();
    for (eventbus::FetchResponse rest; call->Read(&rest);) {
    } // to the trailers
    const grpc::Status status = call->Finish();
    bool was_silent = false;
    {
        const std::scoped_lock lock(call_mutex_);
        call_ = nullptr;
        was_silent = silent_;
    }
    sink_->check();
    if (was_silent) return {remedy::retry, {}, "nothing heard for " + std::to_string(silence_limit.count()) + " s"};
    return salesforce::judge(status, context);
}

void pipeline::receive(const eventbus::FetchResponse& response, const std::stop_token& stop) {
    for (const auto& event : response.events()) handle(event, stop);
    std::string_view reached;
    if (response.events_size() > 0) {
        reached = response.events(response.events_size() - 1).replay_id();
    } else {
        ++counts_.keepalives;
        // With credits left, a keepalive says that there is nothing before its position that we have not got. Without,
        // there may be.
        if (response.pending_num_requested() > 0) reached = response.latest_replay_id();
    }
    if (reached.empty()) return;
    auto [position, bad] = pubsub::replay_id::from_bytes(reached);
    if (bad)
        throw failure(exit_code::failed,
                      "Salesforce sent a replay id that cannot be one: " + std::string(bad.message()) + ".");
    position_ = std::move(position);
    sink_->commit(*position_, stop);
}

void pipeline::handle(const eventbus::ConsumerEvent& received, const std::stop_token& stop) {
    ++counts_.events;
    const eventbus::ProducerEvent& event = received.event();
    const auto payload = wire::as_bytes(event.payload());
    row::envelope around{.event_id = event.id(),
                         .schema_id = event.schema_id(),
                         .topic_name = stream_.topic,
                         .org_id = org_id_,
                         .replay_id = wire::as_bytes(received.replay_id()),
                         .schema_json = {},
                         .received_timestamp = now_ms()};
    std::shared_ptr<const salesforce::event_schema> schema;
    try {
        schema = org_.schema(event.schema_id(), stop);
    } catch (const salesforce::no_schema& none) {
        return undecodable(around, payload, none.reason, 0);
    }
    const auto [decoded, bad] = decoder_.decode(schema->plan, payload);
    if (bad) return undecodable(around, payload, bad.message(), bad.offset);
    if (schema_json_due(schema->id)) around.schema_json = schema->json;
    counts_.replaced_bytes += sink_->add(decoded, around);
}

// In the first row with a schema in this run, and then in every so many rows with it: two schemas that take turns on a
// stream do not put 15 KB into each row.
bool pipeline::schema_json_due(const std::string& schema_id) {
    const auto [rows, first] = rows_since_schema_.try_emplace(schema_id, 0);
    const bool due = first || (stream_.schema_json_every > 0 && rows->second >= stream_.schema_json_every);
    rows->second = due ? 1 : rows->second + 1;
    return due;
}

void pipeline::undecodable(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
                           std::uint32_t offset) {
    std::string replay_id;
    wire::append_hex(replay_id, around.replay_id);
    const std::string said = stream_.topic + ": event " + std::string(around.event_id) + " with replay id "
                             + replay_id + " and schema " + std::string(around.schema_id)
                             + " cannot be decoded: byte " + std::to_string(offset) + ": " + std::string(reason);
    dead_letters_.keep(around, payload, reason, offset);
    ++counts_.undecodable;
    if (stream_.on_undecodable == undecodable_policy::stop)
        throw failure(exit_code::needs_decision,
                      said + ". The position is kept in front of it (on_undecodable = \"stop\"); the event is in "
                          + stream_.dead_letters.string()
                          + ". To pass over it, run with on_undecodable = \"dead_letter\".");
    spdlog::error("{}; kept in {}", said, stream_.dead_letters.string());
}

void pipeline::choose_position(const std::string& said) {
    const std::string what = stream_.topic + ": Salesforce does not know the position "
                             + (position_ ? position_->hex() : "") + " any more (" + said
                             + "): it is older than the retention of 72 hours, or the org was moved or refreshed. ";
    if (!from_)
        throw failure(
            exit_code::needs_decision,
            what
                + "Events in between are lost to this stream, so it does not go on by itself. Run once with "
                  "--from earliest (all that Salesforce still has: some rows may come twice) or --from latest (only "
                  "what is new), and re-read the records that changed meanwhile.");
    spdlog::warn("{}Going on from {} as --from says.", what,
                 *from_ == start_position::earliest ? "earliest" : "latest");
    position_.reset();
}

} // namespace sfcdc::runner
