#include "pipeline.hpp"

#include "../io/http.hpp"
#include "../io/pause.hpp"
#include "../names.hpp"
#include "../operations/advice.hpp"
#include "../operations/termination.hpp"

#include <sfcdc/wire/bytes.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace sfcdc::runner {
namespace {

using clock = std::chrono::steady_clock;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

pubsub::replay_preset preset_of(start_position p) {
    return p == start_position::earliest ? pubsub::replay_preset::earliest : pubsub::replay_preset::latest;
}
const char* name_of(start_position p) { return p == start_position::earliest ? "earliest" : "latest"; }

} // namespace

pipeline::pipeline(const pipeline_config& config, salesforce::org& org, databricks::workspace* workspace,
                   std::size_t memory, std::optional<start_position> from, pipeline_counts& counts)
    : config_(config),
      org_(org),
      filter_(config.filter),
      hidden_(config.privacy, config.topic),
      table_by_entity_(has_entity(config.table)),
      memory_(memory),
      from_where_(from),
      letters_(config_.dead_letters, config_.topic, config.privacy.hides_something()),
      sink_(make_sink(config_, workspace, inbox_)),
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
    session_ = org_.session(stop);
    (void)org_.check_topic(config_.topic, stop);
    auto stored = sink_->open({session_.credential.org_id, config_.topic}, stop);
    if (!stored && !from_where_) stored = sink_->position_of_rows(stop);

    delivery_options options;
    options.subscription.seed = std::random_device{}();
    options.subscription.silence_limit = config_.silence_limit;
    options.stop_at_dead_letter = config_.on_undecodable == undecodable_policy::stop;
    options.drain_limit = drain_time;
    options.bytes = memory_;
    if (!config_.managed_subscription.empty()) {
        name_managed_subscription(options.subscription);
    } else {
        options.subscription.topic_name = config_.topic;
        if (from_where_) options.on_unknown_position = preset_of(*from_where_);
        if (!from_where_ && sink_->earliest_if_unknown())
            options.on_unknown_position = pubsub::replay_preset::earliest;
        if (stored) {
            options.subscription.replay_id = *stored;
            spdlog::info("{}: resuming after {}", config_.label, stored->hex());
        } else {
            const start_position start =
                from_where_.value_or(sink_->earliest_if_unknown() ? start_position::earliest : config_.start);
            options.subscription.preset = preset_of(start);
            spdlog::info("{}: no position yet, starting from {}", config_.label, name_of(start));
        }
    }
    options.streams = sink_->streams();
    options.sinks = sink_->writes_itself() ? 1 : 0;
    delivery_.emplace(std::move(options));
    sink_->attach(*delivery_);
    counts_.subscribed = true;
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
        take_session();
        take_schema();
        hand_over();
        sink_->settle();
        take_news();
        const pubsub::replay_id* const position = delivery_->position_due();
        const bool stored = sink_->commit(position);
        if (stored && position != nullptr) delivery_->position_stored();
        while (auto action = delivery_->poll_action(clock::now()))
            std::visit([this](auto& a) { perform(a); }, *action);
        counts_.held = delivery_->waiting();
        std::int64_t durable = 0;
        for (std::uint32_t i = 0; i < delivery_->outlets(); ++i) durable += delivery_->durable_rows(i);
        counts_.rows_durable = rows_durable_before_ + static_cast<std::uint64_t>(durable);
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
                     config_.label, drain_time.count());
}

// ---- what the delivery asks for

void pipeline::perform(subscription_action& a) {
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
            return {id, org_.schema(id, stop), {}};
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
        ++counts_.events;
    }
}

// False when the sink is not ready for it.
bool pipeline::add(const delivery::event& event) {
    const known_schema& schema = schemas_.at(std::string(event.schema_id));
    const auto [decoded, bad] = decode(schema, event.payload);
    if (bad) {
        (void)delivery_->reject_event(bad.message(), bad.offset, clock::now());
        return true;
    }
    if (!filter_.keeps(decoded)) {
        ++counts_.filtered;
        (void)delivery_->pass_event(clock::now());
        return true;
    }
    if (table_by_entity_ && !may_have_table(decoded.header().entity_name())) {
        (void)delivery_->reject_event("its entityName names no table", 0, clock::now());
        return true;
    }
    if (!sink_->ready_for(decoded)) return false;
    const row::envelope around{.event_id = event.id,
                               .schema_id = event.schema_id,
                               .topic_name = config_.topic,
                               .org_id = session_.credential.org_id,
                               .replay_id = wire::as_bytes(event.replay_id),
                               .schema_json = schema_json_due(event.schema_id) ? std::string_view(schema.schema->json)
                                                                               : std::string_view(),
                               .received_timestamp = event.received_timestamp};
    counts_.replaced_bytes += sink_->add(decoded, around);
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
    letters_.keep(letter);
    ++(letter.outlet ? counts_.rows_refused : counts_.undecodable);
    last_letter_ = config_.label + ": event " + letter.origin.event_id + " with replay id "
                   + letter.origin.replay_id.hex() + " and schema " + letter.origin.schema_id
                   + (letter.outlet ? " gives a row that " + sink_->table(*letter.outlet) + " does not take: "
                                    : " cannot be decoded: byte " + std::to_string(letter.offset) + ": ")
                   + letter.reason + "; kept in " + letters_.path().string();
    spdlog::error("{}", last_letter_);
}

void pipeline::on(const delivery_interrupted& pause) {
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(pause.until - clock::now());
    const std::int64_t ms = std::max<std::int64_t>(wait.count(), 0);
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
                 name_of(from_where_.value_or(start_position::earliest)));
}

void pipeline::on(const commit_refused& why) {
    spdlog::warn("{}: a position was refused: {}", config_.label, why.message);
}

} // namespace sfcdc::runner
