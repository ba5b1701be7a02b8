#include "pipeline.hpp"

#include "../io/http.hpp"
#include "../io/pause.hpp"
#include "../names.hpp"
#include "../operations/advice.hpp"
#include "../operations/termination.hpp"
#include "../sinks/row_columns.hpp"

#include <sfcdc/wire/bytes.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <utility>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;

std::int64_t now_ms() { return pipeline_counts::system_ms(); }

pubsub::replay_preset preset_of(start_position p) {
    return p == start_position::earliest ? pubsub::replay_preset::earliest : pubsub::replay_preset::latest;
}
// One event in so many is timed.
constexpr std::uint64_t timed_events = 64;
// More than the turns that fit between a row and its acknowledgement; without further ones lags are measured less often.
constexpr std::size_t most_milestones = 4096;

const char* name_of(start_position p) { return p == start_position::earliest ? "earliest" : "latest"; }

} // namespace

pipeline::pipeline(const pipeline_config& config, salesforce::org& org, databricks::workspace* workspace,
                   std::size_t memory, const std::optional<start_from>& from, pipeline_counts& counts,
                   const sink_maker& make, event_source* source)
    : config_(config),
      org_(org),
      source_(source),
      filter_(config.filter),
      hidden_(config.privacy, config.topic),
      hides_(hides(config.privacy)),
      table_by_entity_(has_entity(config.table)),
      memory_(memory),
      from_where_(from),
      letters_(config_.dead_letters, config_.topic, config.privacy.hides_something()),
      sink_(make ? make() : make_sink(config_, workspace, inbox_)),
      workspace_section_(workspace != nullptr ? workspace->config().section : std::string()),
      counts_(counts),
      rows_durable_before_(counts.rows_durable),
      calls_(inbox_, org.open_channel(), *this),
      login_(inbox_),
      schema_(inbox_) {}

// In this thread: an errand may wait for another pipeline's, which is stopped by its own thread, too.
void pipeline::stop_errands() {
    schema_.stop();
    login_.stop();
}

void pipeline::run(const std::stop_token& stop) {
    struct at_end {
        pipeline& of;
        ~at_end() {
            of.stop_errands();
            of.counts_.held = 0;
            of.counts_.subscribed = false;
            of.counts_.subscription = pubsub::subscription_state::closed;
            for (auto* const now_none : {&of.counts_.rows_waiting, &of.counts_.bytes_in_flight, &of.counts_.memory})
                *now_none = 0;
            of.counts_.credits = 0;
            of.counts_.oldest_waiting = 0;
            if (of.counts_.stalled_since == 0) of.counts_.stalled_since = pipeline_counts::steady_ms();
        }
    } const stopped_at_end{*this};
    try {
        open(stop);
    } catch (const stopped&) {
        return; // before anything was received
    }
    const std::stop_callback wake(stop, [this] { inbox_.wake(); });
    loop(stop);
    hidden_.end();
    log_warnings_of_hidden_fields();
    if (end_) throw failure(*end_);
}

void pipeline::open(const std::stop_token& stop) {
    if (source_ == nullptr) {
        session_ = org_.session(stop);
        (void)org_.check_topic(config_.topic, stop);
    } else {
        session_.credential.org_id = source_->org_id();
    }
    auto stored = sink_->open({session_.credential.org_id, config_.topic}, stop);
    if (source_ != nullptr) return open_source();
    if (!stored && !from_where_) stored = sink_->position_of_rows(stop);

    delivery_options options;
    options.subscription.seed = std::random_device{}();
    options.subscription.silence_limit = config_.silence_limit;
    options.stop_at_dead_letter = config_.on_undecodable == undecodable_policy::stop;
    options.drain_limit = config_.drain_time;
    options.bytes = memory_;
    if (!config_.managed_subscription.empty()) {
        name_managed_subscription(options.subscription);
        if (from_where_)
            spdlog::warn("{}: --from does not say where to begin: Salesforce keeps the position of a managed "
                         "subscription",
                         config_.label);
    } else {
        options.subscription.topic_name = config_.topic;
        if (from_where_ && from_where_->replay_id.empty() && !from_where_->not_before)
            options.on_unknown_position = preset_of(from_where_->preset);
        if (!from_where_ && sink_->earliest_if_unknown())
            options.on_unknown_position = pubsub::replay_preset::earliest;
        if (stored) {
            options.subscription.replay_id = *stored;
            counts_.say_position(*stored);
            spdlog::info("{}: resuming after {}", config_.label, stored->hex());
            if (from_where_)
                spdlog::warn(
                    "{}: a position is stored, so that --from does not say where to begin{}; \"sfcdc position "
                    "set\" changes the stored one",
                    config_.label,
                    options.on_unknown_position ? " (unless Salesforce does not know the stored one any more)" : "");
        } else if (from_where_ && !from_where_->replay_id.empty()) {
            options.subscription.replay_id = from_where_->replay_id;
            spdlog::info("{}: no position yet, starting after {}", config_.label, from_where_->replay_id.hex());
        } else {
            const start_position start = from_where_                    ? from_where_->preset
                                         : sink_->earliest_if_unknown() ? start_position::earliest
                                                                        : config_.start;
            options.subscription.preset = preset_of(start);
            if (from_where_ && from_where_->not_before) filter_.leave_out_before(*from_where_->not_before);
            spdlog::info("{}: no position yet, starting from {}{}", config_.label, name_of(start),
                         from_where_ && from_where_->not_before ? ", without what was committed before --from" : "");
        }
    }
    begin_delivery(std::move(options));
}

void pipeline::begin_delivery(delivery_options options) {
    options.streams = sink_->streams();
    options.sinks = sink_->writes_itself() ? 1 : 0;
    delivery_.emplace(std::move(options));
    sink_->attach(*delivery_);
    counts_.subscribed = true;
}

// Events that are kept are delivered as those of a topic. Letters are nothing to stop at: they are letters already.
void pipeline::open_source() {
    delivery_options options;
    options.subscription.seed = std::random_device{}();
    options.subscription.topic_name = config_.topic;
    options.subscription.preset = pubsub::replay_preset::earliest;
    options.undecodable_in_a_row = std::numeric_limits<unsigned>::max();
    options.drain_limit = config_.drain_time;
    options.bytes = memory_;
    begin_delivery(std::move(options));
}

// The position is not that of the pipeline, and is not stored. Ends when each row is durable or a letter again.
void pipeline::turn_of_source() {
    (void)sink_->commit(nullptr);
    source_->delivered(events_handed_over_ - delivery_->checkpoint().waiting());
    if (delivery_->position_due() != nullptr) delivery_->position_stored();
    bool all = source_->at_end() && events_handed_over_ == source_->events();
    for (std::uint32_t i = 0; i < delivery_->outlets(); ++i) all = all && delivery_->rows(i) == delivery_->settled(i);
    if (!all || source_complete_) return;
    source_complete_ = true;
    source_->delivered(events_handed_over_);
    delivery_->close(clock::now());
}

// Ids begin with a digit, and developer names do not.
void pipeline::name_managed_subscription(pubsub::subscription_options& options) const {
    const std::string& name = config_.managed_subscription;
    const bool is_id = name.front() >= '0' && name.front() <= '9';
    (is_id ? options.subscription_id : options.developer_name) = name;
    spdlog::info("{}: going on where the managed subscription {} is", config_.label, name);
}

void pipeline::loop(const std::stop_token& stop) {
    for (;;) {
        counts_.heart.turn();
        if (stop.stop_requested()) delivery_->close(clock::now());
        if (source_ != nullptr)
            while (const auto input = source_->next_input())
                (void)delivery_->handle(*input, clock::now(), {}, now_ms());
        take_session();
        take_schema();
        hand_over();
        sink_->settle();
        take_news();
        if (source_ != nullptr) turn_of_source();
        const pubsub::replay_id* const position = source_ == nullptr ? delivery_->position_due() : nullptr;
        const bool stored = sink_->commit(position);
        const bool moved = stored && position != nullptr;
        if (moved) {
            counts_.say_position(*position);
            delivery_->position_stored();
        }
        while (auto action = delivery_->poll_action(clock::now()))
            std::visit([this](auto& a) { perform(a); }, *action);
        measure(moved);
        if (delivery_->closed()) break;
        std::optional<time_point> first = sink_->timeout();
        if (stored || !first)
            if (const auto when = delivery_->poll_timeout(); when && (!first || *when < *first)) first = when;
        if (const auto due = counts_.heart.due_each)
            first = std::min(first.value_or(time_point::max()), clock::now() + *due);
        inbox_.wait_until(first);
    }
    if (delivery_->drain_timed_out())
        spdlog::warn("{}: not everything became durable in {} s; it will be fetched again by the next run",
                     config_.label, config_.drain_time.count());
}

// ---- metrics

// Once for each event: what only it says.
void pipeline::note_event(const cdc::event& event) {
    committed_ = committed_at(event);
    if (!event.has_header()) return;
    const cdc::change_type type = event.header().change_type();
    if (type >= cdc::change_type::gap_create && type <= cdc::change_type::gap_overflow) ++counts_.gaps;
}

void pipeline::on(const delivery_keepalive& alive) {
    if (alive.position.empty()) return;
    if (milestones_.size() < most_milestones) milestones_.push_back({events_handed_over_, now_ms(), false});
}

// Once a turn: what the delivery knows.
void pipeline::measure(bool position_moved) {
    const delivery& d = *delivery_;
    const std::size_t waiting = d.waiting();
    counts_.held = waiting;
    counts_.subscription = d.subscription().state();
    counts_.credits = d.subscription().outstanding();
    counts_.memory = d.held_bytes();

    // Events that are thrown away unread, because the run ends, were received all the same.
    const std::uint64_t received = events_handed_over_ + waiting - d.checkpoint().waiting();
    if (received > received_) {
        counts_.received += received - received_;
        counts_.deliveries.add(received - received_, pipeline_counts::steady_ms() / 1000);
        received_ = received;
    }

    std::int64_t durable = 0, rows = 0, waiting_rows = 0;
    std::size_t bytes = 0;
    zerobus::ingest_stream_counts streams;
    for (std::uint32_t i = 0; i < d.outlets(); ++i) {
        durable += d.durable_rows(i);
        rows += d.rows(i);
        waiting_rows += d.rows(i) - d.settled(i);
        if (sink_->writes_itself()) continue;
        const zerobus::ingest_stream& s = d.stream(i);
        bytes += s.held_bytes();
        streams.acknowledgements += s.counts().acknowledgements;
        streams.resends += s.counts().resends;
        streams.rotations += s.counts().rotations;
    }
    counts_.rows_durable = rows_durable_before_ + static_cast<std::uint64_t>(durable);
    counts_.rows += static_cast<std::uint64_t>(rows) - rows_;
    rows_ = static_cast<std::uint64_t>(rows);
    counts_.rows_waiting = static_cast<std::uint64_t>(waiting_rows);
    counts_.bytes_in_flight = bytes;
    counts_.acks += streams.acknowledgements - streams_.acknowledgements;
    counts_.resends += streams.resends - streams_.resends;
    counts_.rotations += streams.rotations - streams_.rotations;
    streams_ = streams;

    measure_lag(position_moved);
    const bool can_move = waiting == 0 && d.subscription().state() == pubsub::subscription_state::streaming;
    if (can_move)
        counts_.stalled_since = 0;
    else if (position_moved || counts_.stalled_since == 0)
        counts_.stalled_since = pipeline_counts::steady_ms();
}

// A milestone is passed when all in front of it is durable. In a sink that writes by itself this is so when the position is stored, which a
// database does together with the rows; rows in streams are durable a little before it.
void pipeline::measure_lag(bool position_moved) {
    if (committed_ != 0 && milestones_.size() < most_milestones)
        milestones_.push_back({events_handed_over_, committed_, true});
    committed_ = 0;
    const bool durable = position_moved || !sink_->writes_itself() || delivery_->position_due() == nullptr;
    if (durable && !milestones_.empty()) {
        const std::uint64_t passed = events_handed_over_ - delivery_->checkpoint().waiting();
        const std::int64_t now = now_ms();
        for (; !milestones_.empty() && milestones_.front().events <= passed; milestones_.pop_front()) {
            const milestone& m = milestones_.front();
            counts_.position_time = m.committed;
            if (!m.of_event) continue;
            const std::int64_t lag = std::max<std::int64_t>(now - m.committed, 0);
            counts_.lag.add(std::chrono::milliseconds(lag));
            counts_.last_lag = lag;
        }
    }
    counts_.oldest_waiting = milestones_.empty() ? 0 : milestones_.front().committed;
}

// ---- what the delivery asks for

void pipeline::perform(subscription_action& a) {
    if (source_ != nullptr) return source_->perform(a.action), inbox_.wake();
    if (std::holds_alternative<pubsub::renew_token>(a.action)) return log_in_anew();
    const auto* const open = std::get_if<pubsub::open_call>(&a.action);
    if (open == nullptr) return calls_.perform(a.action);
    ++counts_.calls;
    calls_.open(open->call, std::string(open->method), salesforce::org::headers(session_.credential));
}

void pipeline::log_in_anew() {
    login_.start(
        [this, refused = session_.generation](const std::stop_token& stop) { return org_.renewed(refused, stop); });
}

void pipeline::take_session() {
    try {
        auto fresh = login_.take();
        if (!fresh) return;
        const std::string &before = session_.credential.org_id, &now = fresh->credential.org_id;
        if (now != before)
            throw failure(exit_code::needs_decision, "The login now leads to org " + now + " and not " + before
                                                         + ": positions of one org mean nothing in another.");
        session_ = std::move(*fresh);
        tell(pubsub::token_renewed{});
    } catch (const http::unavailable&) {
        tell(pubsub::token_unavailable{});
    } catch (const failure& f) {
        if (f.code() != exit_code::refused) throw;
        login_refusal_ = f.what();
        tell(pubsub::token_refused{login_refusal_});
    }
}

void pipeline::perform(fetch_schema& a) {
    schemas_to_fetch_.push_back(std::move(a.schema_id));
    fetch_next_schema();
}

void pipeline::fetch_next_schema() {
    if (schema_.running() || schemas_to_fetch_.empty()) return;
    schema_.start([this, id = schemas_to_fetch_.front()](const std::stop_token& stop) -> schema_answer {
        try {
            return {id, source_ != nullptr ? source_->schema(id, stop) : org_.schema(id, stop), {}};
        } catch (const salesforce::no_schema& none) {
            return {id, nullptr, none.reason};
        }
    });
}

void pipeline::take_schema() {
    try {
        const auto answer = schema_.take();
        if (!answer) return;
        if (answer->schema) {
            known_schema& known = schemas_[answer->id] = {answer->schema};
            if (hidden_.any()) {
                known.hidden = hidden_.in(answer->schema->plan);
                spdlog::info("{}: schema {}: {}", config_.label, answer->id, known.hidden->summary);
                log_warnings_of_hidden_fields();
            }
            const avro::schema& text = answer->schema->plan.schema();
            std::string& last = schema_of_[text.full_name(text[text.root()])];
            if (!last.empty() && last != answer->id) ++counts_.schema_changes;
            last = answer->id;
            delivery_->schema_known(answer->id);
        } else {
            delivery_->schema_refused(answer->id, answer->why_not, clock::now());
        }
    } catch (const stopped&) { // another pipeline had asked for it and was stopped
        delivery_->schema_unavailable(schemas_to_fetch_.front(), clock::now());
    }
    schemas_to_fetch_.pop_front();
    fetch_next_schema();
}

// ---- what happens

void pipeline::call_opened(std::uint64_t call) noexcept { tell(pubsub::opened{call}); }
void pipeline::call_responded(std::uint64_t call, received_bytes response) noexcept {
    counts_.bytes_received += response.view().size();
    (void)delivery_->handle(pubsub::response{call, response.view()}, clock::now(), response.owner(), now_ms());
    counts_.held = delivery_->waiting();
    if (counts_.held > 0) termination::events_received();
}
void pipeline::call_ended(std::uint64_t call, const call_status& status) noexcept {
    tell(pubsub::call_ended{call, status.code, status.error_code, status.message});
}

void pipeline::tell(const pubsub::input& in) { (void)delivery_->handle(in, clock::now()); }

// ---- events

void pipeline::hand_over() {
    while (const delivery::event* const event = delivery_->next_event(clock::now())) {
        if (!sink_->ready()) return; // the same event comes again
        if (!add(*event)) return;
        ++events_handed_over_;
        ++counts_.events;
    }
}

// False when the sink is not ready for it.
bool pipeline::add(const delivery::event& event) {
    const known_schema& schema = schemas_.at(std::string(event.schema_id));
    if (source_ != nullptr)
        if (const nlohmann::ordered_json* const columns = source_->refused_row(event))
            return add_again(event, schema.hidden != nullptr ? schema.hidden->plan : schema.schema->plan, *columns);
    const bool timed = counts_.events % timed_events == 0;
    const clock::time_point begin = timed ? clock::now() : clock::time_point();
    const auto [decoded, bad] = decode(schema, event.payload);
    const clock::time_point is_decoded = timed ? clock::now() : clock::time_point();
    if (bad) {
        ++rejected_here_;
        (void)delivery_->reject_event(bad.message(), bad.offset, clock::now());
        return true;
    }
    if (const left_out_by reason = filter_.judge(decoded); reason != left_out_by::nothing) {
        note_event(decoded);
        ++counts_.left_out[static_cast<std::size_t>(reason)];
        (void)delivery_->pass_event(clock::now());
        return true;
    }
    if (table_by_entity_ && !may_have_table(decoded.header().entity_name())) {
        ++rejected_here_;
        (void)delivery_->reject_event("its entityName names no table", 0, clock::now());
        return true;
    }
    if (!sink_->ready_for(decoded)) return false;
    const row::envelope around{
        .event_id = event.id,
        .schema_id = event.schema_id,
        .topic_name = config_.topic,
        .org_id = session_.credential.org_id,
        .replay_id = wire::as_bytes(event.replay_id),
        .schema_json = schema_json_due(event.schema_id) ? std::string_view(schema.schema->json) : std::string_view(),
        .received_timestamp = source_ != nullptr ? source_->received(event) : event.received_timestamp};
    const clock::time_point is_bound = timed ? clock::now() : clock::time_point();
    counts_.replaced_bytes += sink_->add(decoded, around);
    if (timed) {
        counts_.decode.add(is_decoded - begin);
        counts_.encode.add(clock::now() - is_bound);
    }
    note_event(decoded);
    (void)delivery_->pass_event(clock::now());
    return true;
}

// A row that was refused, of which there is no event.
bool pipeline::add_again(const delivery::event& event, const cdc::plan& plan, const nlohmann::ordered_json& columns) {
    const std::string entity = entity_of(plan);
    if (!sink_->ready_for_columns(entity, plan)) return false;
    source_->left_out(event, sink_->add_columns(entity, plan, columns));
    (void)delivery_->pass_event(clock::now());
    return true;
}

// Of a pipeline that hides fields the event has none of them; an error's offset is in the payload as it came.
result<cdc::event> pipeline::decode(const known_schema& schema, std::span<const std::byte> payload) {
    if (schema.hidden == nullptr) return decoder_.decode(schema.schema->plan, payload);
    if (!schema.hidden->tokens) return decoder_.decode(schema.hidden->plan, payload);
    if (const error bad = schema.hidden->tokens->rewrite(*config_.privacy.token_key, payload, payload_with_tokens_))
        return {{}, bad};
    auto out = decoder_.decode(schema.hidden->plan, payload_with_tokens_);
    if (out.error) // found where no token was to be made, so that it is in the payload, too
        if (const error first = decoder_.decode(schema.schema->plan, payload).error) out.error = first;
    return out;
}

void pipeline::log_warnings_of_hidden_fields() {
    for (const std::string& warning : hidden_.take_warnings()) spdlog::warn("{}: {}", config_.label, warning);
}

// The name is a peer's text, and the number of tables is bounded, since each has a stream and a connection of its own.
bool pipeline::may_have_table(std::string_view entity) {
    constexpr std::size_t most_tables = 500;
    if (entities_.contains(entity)) return true;
    if (entities_.size() >= most_tables
        || !runner::may_have_table(config_.table, entity, config_.sink == sink_kind::sqlite))
        return false;
    entities_.emplace(entity);
    return true;
}

// In the first row with a schema in this run, and then in every so many rows with it: two schemas that take turns on a
// stream do not put 15 KB into each row.
bool pipeline::schema_json_due(std::string_view schema_id) {
    const auto [rows, first] = rows_since_schema_.try_emplace(std::string(schema_id), 0);
    const bool due = first || (config_.schema_json_every > 0 && rows->second >= config_.schema_json_every);
    rows->second = due ? 1 : rows->second + 1;
    return due;
}

// ---- news

void pipeline::take_news() {
    while (auto news = delivery_->poll_news()) std::visit([this](const auto& n) { on(n); }, *news);
}

void pipeline::on(const dead_letter& letter) {
    // The delivery itself rejects events whose schema is refused.
    if (!letter.outlet && rejected_here_ > 0)
        --rejected_here_;
    else if (!letter.outlet)
        ++events_handed_over_;
    letter_surroundings around{.org_id = session_.credential.org_id, .hides = hides_};
    const auto schema = schemas_.find(letter.origin.schema_id);
    if (schema != schemas_.end() && !hidden_.any()) around.schema_json = schema->second.schema->json;
    const std::string table = letter.outlet ? sink_->table(*letter.outlet) : std::string();
    around.table = table;
    if (letter.outlet)
        if (const row::layout* const columns = sink_->columns_of(*letter.outlet, letter.row_offset))
            around.columns = columns_of_row(*columns, letter.content);
    if (source_ != nullptr)
        source_->failed(letter, around);
    else
        letters_.keep(letter, around);
    ++(letter.outlet ? counts_.rows_refused : counts_.undecodable);
    last_letter_ = config_.label + ": event " + letter.origin.event_id + " with replay id "
                   + letter.origin.replay_id.hex() + " and schema " + letter.origin.schema_id
                   + (letter.outlet ? " gives a row that " + sink_->table(*letter.outlet) + " does not take: "
                                    : " cannot be decoded: byte " + std::to_string(letter.offset) + ": ")
                   + letter.reason
                   + (letters_.path().empty() || source_ != nullptr ? "" : "; kept in " + letters_.path().string());
    counts_.say_error(last_letter_);
    if (source_ == nullptr) spdlog::error("{}", last_letter_); // the source says it itself
}

void pipeline::on(const delivery_interrupted& pause) {
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(pause.until - clock::now());
    const std::int64_t ms = std::max<std::int64_t>(wait.count(), 0);
    counts_.reconnected.add(pause.why);
    counts_.say_error((pause.why.outlet ? "The stream into " + sink_->table(*pause.why.outlet) + " was interrupted: "
                                        : std::string("The subscription ended: "))
                      + describe(pause.why));
    if (pause.why.outlet) sink_->interrupted(pause.why);
    if (pause.why.outlet)
        return spdlog::warn("zerobus: {}: the stream is interrupted ({}); next one in {} ms",
                            sink_->table(*pause.why.outlet), describe(pause.why), ms);
    spdlog::warn("{}: subscription ended ({}); next one in {} ms", config_.label, describe(pause.why), ms);
    if (delivery_->subscription().preset() == pubsub::replay_preset::latest)
        spdlog::warn(
            "{}: no position was received yet, so the next subscription starts from latest again and does not "
            "see what comes meanwhile",
            config_.label);
}

void pipeline::on(const delivery_failed& failed) {
    const auto& outlet = failed.why.outlet;
    end_ = advice(failed, {.topic = config_.label,
                           .table = outlet ? sink_->table(*outlet) : config_.table,
                           .salesforce = org_.section(),
                           .databricks = workspace_section_,
                           .position = delivery_->subscription().position().hex(),
                           .login_refusal = login_refusal_,
                           .token_refusal = outlet ? sink_->token_refusal(*outlet) : std::string(),
                           .last_letter = last_letter_});
}

void pipeline::on(const position_replaced& replaced) {
    spdlog::warn("{}: Salesforce does not know the position {} any more ({}). Going on from {}.", config_.label,
                 replaced.lost.hex(), describe(replaced.why),
                 name_of(from_where_ ? from_where_->preset : start_position::earliest));
}

void pipeline::on(const commit_refused& why) {
    spdlog::warn("{}: a position was refused: {}", config_.label, why.message);
}

} // namespace sfcdc::runner
