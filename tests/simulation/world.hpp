// One seed: a Salesforce and a Databricks on a virtual clock, what goes wrong with them and when, and the runner in
// between, which dies now and then and is started again with nothing but the stored position.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "databricks.hpp"
#include "dice.hpp"
#include "faults.hpp"
#include "journal.hpp"
#include "ledger.hpp"
#include "network.hpp"
#include "runner.hpp"
#include "salesforce.hpp"
#include "schedule.hpp"

namespace simulation {

struct plan {
    std::uint64_t seed = 0;
    std::uint32_t events = 2'000;
    bool trace = false;
    bool faults = true;
    // Without faults it is 24 hours, with a reset of every call each hour.
    bool drops = true;
};

// What a run counted, for the summary.
struct tally {
    std::uint64_t seeds = 0, events = 0, rows = 0, rows_sent = 0, duplicates = 0, fetched_again = 0, dead_letters = 0,
                  dead_letters_again = 0, calls = 0, crashes = 0, stops = 0, given_up = 0, faults = 0, positions = 0;
    double hours = 0; // virtual
    std::uint64_t by_fault[fault_count] = {};

    void add(const tally& t) {
        seeds += t.seeds, events += t.events, rows += t.rows, rows_sent += t.rows_sent, duplicates += t.duplicates;
        fetched_again += t.fetched_again, dead_letters += t.dead_letters, dead_letters_again += t.dead_letters_again;
        calls += t.calls, crashes += t.crashes, stops += t.stops, given_up += t.given_up, faults += t.faults,
            positions += t.positions;
        hours += t.hours;
        for (std::size_t i = 0; i < fault_count; ++i) by_fault[i] += t.by_fault[i];
    }
};

class world {
  public:
    explicit world(const plan& p)
        : plan_(p),
          random_(p.seed),
          log_(clock_, p.trace),
          net_(clock_, random_),
          truth_(random_, log_, p.events, p.faults),
          managed_(p.faults && random_.one_in(4)),
          faults_(random_),
          span_(p.faults ? some_span() : duration(24h)),
          org_(clock_, random_, log_, net_, truth_, span_) {
        for (std::uint32_t table = 0; table < ledger::tables; ++table)
            lake_.emplace_back(clock_, random_, log_, net_, truth_, table, in_flight);
    }

    // To the end, which is everything durable and nobody with anything to do. Throws a violation.
    tally run() {
        plan_what_goes_wrong();
        clock_.at(time_point{} + span_, [this] { heal(); });
        for (duration pause{};;) {
            try {
                start(pause);
                live();
                pause = random_.between<duration>(1min, 20min);
            } catch (const died&) {
                ++tally_.crashes;
                log_.note("runner: dies");
                pause = random_.between<duration>(0s, 2min);
            } catch (const finished&) {
                count();
                return tally_;
            }
        }
    }
    const journal& trace() const { return log_; }

    // ---- what the runner sees of the world; any of these may be its last step

    time_point now() const { return clock_.now(); }
    std::uint64_t roll() { return random_.roll(); }

    std::uint64_t seed() { return random_.roll(); }
    bool stopping() const { return stopping_; }

    pubsub::replay_id load_position() const { return pubsub::replay_id::from_bytes(truth_.position()).value; }
    void store(const pubsub::replay_id& position) {
        step();
        log_.note("runner: stores position %llu", static_cast<unsigned long long>(counter_of(position.bytes())));
        truth_.stored(position.bytes());
    }
    template<class Row> bool rows_of(const pubsub::consumer_event& event, Row&& row) {
        step();
        const std::uint32_t e =
            number_in({reinterpret_cast<const char*>(event.payload.data()), event.payload.size()});
        truth_.taken(e);
        const auto [counter, first_row, rows, schema, undecodable] = truth_.events()[e];
        if (replay_id_of(counter) != event.replay_id) log_.fail("event %u came with another's replay id", e);
        if (!schemas_.contains(std::string(event.schema_id)))
            log_.fail("event %u is to be decoded, and its schema is not there", e);
        if (undecodable) return false;
        for (std::uint32_t r = first_row; r < first_row + rows; ++r) {
            const std::string descriptor = truth_.descriptor_of(r);
            row(truth_.rows()[r].table, truth_.row_bytes(r),
                descriptor == ledger::first_descriptor ? nullptr : std::make_shared<const std::string>(descriptor));
        }
        return true;
    }
    // The response that came in last was taken.
    void received() {
        sfcdc::wire::protobuf_reader in(last_.bytes);
        while (in.next()) {
            if (in.field() != 1) continue;
            sfcdc::wire::protobuf_reader consumer_event(in.bytes());
            while (consumer_event.next()) {
                if (consumer_event.field() != 1) continue;
                sfcdc::wire::protobuf_reader producer_event(consumer_event.bytes());
                while (producer_event.next())
                    if (producer_event.field() == 3) truth_.received(number_in(producer_event.bytes()));
            }
        }
        org_.taken();
    }
    void keepalive(const pubsub::replay_id& position) { truth_.taken_position(position.bytes()); }
    void dead_letter(const sfcdc::dead_letter& letter) {
        step();
        if (!letter.outlet) {
            log_.note("runner: event %u becomes a dead letter", number_in(letter.content));
            const std::uint32_t e = number_in(letter.content);
            truth_.dead_event(e, letter.reason == "undecodable");
            if (replay_id_of(truth_.events()[e].counter) != letter.origin.replay_id.bytes())
                log_.fail("a dead letter with another's replay id");
            return;
        }
        const std::uint32_t r = number_in(letter.content);
        log_.note("runner: row %u becomes a dead letter", r);
        if (truth_.rows()[r].table != *letter.outlet) log_.fail("a dead letter of another table");
        if (replay_id_of(truth_.events()[truth_.rows()[r].event].counter) != letter.origin.replay_id.bytes())
            log_.fail("row %u is a dead letter of another event", r);
        truth_.dead_letter(r);
    }
    // Once for each schema in a life, as far as the answers go.
    void fetch(const std::string& id) {
        step();
        if (schemas_.contains(id) || !asked_.insert(id).second) log_.fail("schema %s is asked for twice", id.c_str());
        const auto number = static_cast<std::uint32_t>(std::stoul(id.substr(7)));
        std::deque<time_point>& fetched = fetched_[id];
        fetched.push_back(now());
        if (fetched.size() > most_opens && now() - fetched[fetched.size() - most_opens] < 1min)
            log_.fail("schema %s was asked for %u times in a minute", id.c_str(), most_opens);
        if (org_.schemas_refused) {
            truth_.refuse_schema(number);
            org_.may_give_up = true; // a hundred of its events in a row are no accident
        }
        arrival answer;
        answer.what = org_.schemas_refused ? arrival::refused_schema
                      : org_.schemas_down  ? arrival::no_schema
                                           : arrival::schema;
        answer.bytes = id;
        net_.answer(std::move(answer), net_.life(),
                    random_.between<duration>(20ms, random_.one_in(5) ? duration(20s) : duration(500ms)));
    }
    void log(const char* what, std::string_view why, sfcdc::call::fault fault) {
        log_.note("runner: %s: %s %.*s", what, sfcdc::call::message(fault), static_cast<int>(why.size()), why.data());
    }

    void perform(const sfcdc::call::action& action) { perform_for(0, action); }
    void perform(std::uint32_t table, const sfcdc::call::action& action) { perform_for(1 + table, action); }

    arrived wait_until(std::optional<time_point> when) {
        if (!wait(when)) return {};
        if (last_.what >= arrival::schema) return {{}, for_schema()};
        if (last_.service == 0) return {{}, for_machine()};
        return {last_.service - 1, for_machine()};
    }

  private:
    struct died {};
    struct finished {};

    // `service` is 0 for Salesforce, 1 + n for table n.
    void open_call(std::uint32_t service, std::uint64_t number) {
        step();
        connection_ptr call = service == 0 ? salesforce::make_call() : databricks::make_call();
        call->service = service;
        call->number = number;
        call->life = net_.life();
        call->latency = random_.between<duration>(1ms, random_.one_in(10) ? duration(400ms) : duration(40ms));
        for (const connection_ptr& c : open_)
            if (c->service == service && c->number == number)
                log_.fail("call %llu is opened twice", static_cast<unsigned long long>(number));
        // A service in trouble is left alone: waits double, up to half a minute. Where there is progress, as in the search
        // for a bad row, nothing is to be waited for.
        std::deque<time_point>& opened = opened_[service];
        opened.push_back(now());
        if (opened.size() > most_opens) {
            if (now() - opened.front() < 1min)
                log_.fail("service %u was called %u times in a minute, and never answered", service, most_opens);
            opened.pop_front();
        }
        open_.push_back(call);
        if (service == 0)
            org_.open(call, tokens_[0], managed_);
        else
            lake_[service - 1].open(call, tokens_[service]);
    }
    void send(std::uint32_t service, std::uint64_t number, std::string bytes) {
        step();
        const connection_ptr call = find(service, number);
        if (call == nullptr) return; // it has just ended
        if (service == 0)
            org_.receive(call, std::move(bytes));
        else
            lake_[service - 1].receive(call, std::move(bytes));
    }
    void half_close(std::uint32_t service, std::uint64_t number) {
        step();
        const connection_ptr call = find(service, number);
        if (call != nullptr && service > 0) lake_[service - 1].half_close(call);
    }
    void cancel_call(std::uint32_t service, std::uint64_t number) {
        step();
        const connection_ptr call = find(service, number);
        if (call == nullptr) return;
        log_.note("runner: cancels call %llu of service %u", static_cast<unsigned long long>(number), service);
        if (service == 0)
            org_.cancel(call);
        else
            lake_[service - 1].cancel(call);
    }
    void renew_token(std::uint32_t service) {
        step();
        const bool down = service == 0 ? org_.login_down : lake_[service - 1].login_down;
        const bool refused = service == 0 ? org_.login_refused : lake_[service - 1].login_refused;
        if (refused) (service == 0 ? org_.may_give_up : lake_[service - 1].may_give_up) = true;
        log_.note("runner: a new token for service %u: %s", service, refused ? "refused" : down ? "not now" : "yes");
        if (!down && !refused) new_token(service);
        arrival answer;
        answer.what = refused ? arrival::refused_token : down ? arrival::no_token : arrival::token;
        answer.service = service;
        net_.answer(std::move(answer), net_.life(), random_.between<duration>(50ms, 1s));
    }
    void new_token(std::uint32_t service) {
        tokens_[service] = service == 0 ? org_.new_token() : lake_[service - 1].new_token();
    }

    // The only thing that takes time. False when nothing came in until then.
    bool wait(std::optional<time_point> when) {
        step();
        check_what_the_runner_holds();
        const time_point limit = when.value_or(time_point::max());
        if (limit <= now() && net_.inbox().empty() && ++spins_ > 10'000)
            log_.fail("the runner turns in circles: its time is always over");
        while (net_.inbox().empty()) {
            if (limit == time_point::max() && clock_.idle())
                log_.fail("the runner waits for something that never comes");
            if (!clock_.step(limit)) return false;
            spins_ = 0;
        }
        last_ = std::move(net_.inbox().front());
        net_.inbox().pop_front();
        if (last_.what == arrival::message && !last_.call->left
            && (last_.service == 0 || lake_[last_.service - 1].handed_over(last_.call, last_.bytes)))
            opened_[last_.service].clear();
        if (last_.what == arrival::end) std::erase(open_, last_.call);
        return true;
    }

    // Bounded, and neither more nor less than what the acknowledgements leave.
    void check_what_the_runner_holds() {
        const sfcdc::delivery& machine = runner_->machine();
        const pubsub::subscription& from = machine.subscription();
        if (from.unreleased() != machine.waiting() && !from.closed())
            log_.fail("%u events are not released, and %zu wait to be passed", from.unreleased(), machine.waiting());
        // The size of events is known from those that came: what is under way may be larger.
        if (machine.held_bytes() > most_bytes_in_all + 20'000) log_.fail("%zu bytes are held", machine.held_bytes());
        if (from.outstanding() > 100 || from.outstanding() + from.unreleased() > most_unreleased)
            log_.fail("%u credits and %u events held are more than allowed", from.outstanding(), from.unreleased());
        for (std::uint32_t table = 0; table < ledger::tables; ++table) {
            const zerobus::ingest_stream& to = machine.stream(table);
            if (to.held().size() > in_flight.requests || to.held_bytes() > in_flight.bytes)
                log_.fail("table %u: %zu requests with %zu bytes are held", table, to.held().size(), to.held_bytes());
            const auto settled = static_cast<std::size_t>(to.settled()), acknowledged = truth_.settled(table);
            if (settled > acknowledged || (settled < acknowledged && !to.closed() && to.held().size() > 0))
                log_.fail("table %u: %zu rows were acknowledged, and the stream counts %zu", table, acknowledged,
                          settled);
        }
    }

    // What came in last, as the machines are told it.
    sfcdc::call::input for_machine() const {
        namespace call = sfcdc::call;
        const std::uint64_t number = last_.call ? last_.call->number : 0;
        switch (last_.what) {
        case arrival::opened: return call::opened{number};
        case arrival::message: return call::response{number, last_.bytes};
        case arrival::end: return call::call_ended{number, status(), last_.status.error_code, "as planned"};
        case arrival::token: return call::token_renewed{};
        case arrival::no_token: return call::token_unavailable{};
        case arrival::refused_token: return call::token_refused{};
        default: return {};
        }
    }
    schema_answer for_schema() {
        asked_.erase(last_.bytes);
        if (last_.what == arrival::schema) schemas_.insert(last_.bytes);
        using kind = schema_answer::kind;
        return {last_.what == arrival::schema      ? kind::known
                : last_.what == arrival::no_schema ? kind::unavailable
                                                   : kind::refused,
                last_.bytes};
    }
    sfcdc::wire::grpc_status status() const { return static_cast<sfcdc::wire::grpc_status>(last_.status.grpc_code); }

    void perform_for(std::uint32_t service, const sfcdc::call::action& action) {
        std::visit([&](const auto& a) { start(service, a); }, action);
    }
    void start(std::uint32_t service, const sfcdc::call::open_call& a) {
        const std::string_view method = service > 0 ? "/databricks.zerobus.Zerobus/EphemeralStream"
                                        : managed_  ? "/eventbus.v1.PubSub/ManagedSubscribe"
                                                    : "/eventbus.v1.PubSub/Subscribe";
        if (a.method != method) log_.fail("a machine calls another method");
        open_call(service, a.call);
    }
    void start(std::uint32_t service, const sfcdc::call::send_request& a) { send(service, a.call, a.bytes); }
    void start(std::uint32_t service, const sfcdc::call::half_close& a) { half_close(service, a.call); }
    void start(std::uint32_t service, const sfcdc::call::cancel_call& a) { cancel_call(service, a.call); }
    void start(std::uint32_t service, const sfcdc::call::renew_token&) { renew_token(service); }

    // Everything the runner does, it may not live to do.
    void step() {
        if (crash_in_ > 0 && --crash_in_ == 0) throw died{};
    }

    // What an ingest stream may hold. In the search for a bad row a request becomes two, and one of them two again.
    static constexpr std::size_t most_requests = 8, most_bytes = 16'000;
    static constexpr databricks::bounds in_flight{.requests = most_requests + 10, .bytes = most_bytes};
    static constexpr std::size_t most_bytes_in_all = 60'000;
    static constexpr std::uint32_t most_unreleased = 400;
    static constexpr std::uint32_t most_opens = 20;

    connection_ptr find(std::uint32_t service, std::uint64_t number) {
        for (const connection_ptr& c : open_)
            if (c->service == service && c->number == number) return c;
        return nullptr;
    }

    // A new process; whatever the last one had is gone.
    void start(duration pause) {
        crash_in_ = 0;
        stopping_ = false;
        net_.crash();
        for (const connection_ptr& c : open_) { // the kernel closes its sockets, if the machine lives
            if (c->left || random_.one_in(4)) continue;
            if (c->service == 0)
                org_.cancel(c);
            else
                lake_[c->service - 1].cancel(c);
        }
        for (const connection_ptr& c : open_) c->left = true;
        open_.clear();
        const time_point until = now() + pause;
        while (clock_.step(until)) {
        }
        crash_in_ = 0;
        stopping_ = false;
        for (std::uint32_t service = 0; service <= ledger::tables; ++service) new_token(service);
        org_.may_give_up = false;
        schemas_.clear();
        asked_.clear();
        fetched_.clear();
        for (databricks& table : lake_) table.may_give_up = false;
        truth_.new_life();
    }

    bool may_give_up() const {
        return org_.may_give_up
               || std::any_of(lake_.begin(), lake_.end(), [](const databricks& table) { return table.may_give_up; });
    }

    // Of one process, until it dies or ends.
    void live() {
        const unsigned patience = plan_.seed % 2 == 0 ? 1 : 3; // both are to hold
        std::vector<zerobus::ingest_stream_options> tables;
        for (std::uint32_t table = 0; table < ledger::tables; ++table)
            tables.push_back({.table_name = databricks::table_name(table),
                              .descriptor_proto = std::string(ledger::first_descriptor),
                              .requests = most_requests,
                              .bytes = most_bytes,
                              .patience = {.refusals = patience}});
        pubsub::subscription_options subscription{.max_unreleased = most_unreleased,
                                                  .patience = {.refusals = patience}};
        if (managed_) {
            subscription.developer_name = salesforce::managed_name;
        } else {
            subscription.topic_name = salesforce::topic;
            subscription.preset = pubsub::replay_preset::earliest;
        }
        runner<world> r(*this, {.subscription = std::move(subscription),
                                .streams = std::move(tables),
                                .request_bytes = 5'000,
                                .bytes = most_bytes_in_all,
                                .verdict_time = std::chrono::hours(1),
                                .refused_schema_time = std::chrono::minutes(2),
                                .on_unknown_position = pubsub::replay_preset::earliest});
        runner_ = &r;
        switch (r.run()) {
        case ended::mistake: log_.fail("the loop and the machine do not agree");
        case ended::failed:
            if (!may_give_up()) log_.fail("the runner gave up, although all that happened could be mended");
            ++tally_.given_up;
            log_.note("runner: gives up; somebody starts it again");
            break;
        case ended::timed_out:
            ++tally_.stops;
            log_.note("runner: has stopped, and not everything is durable");
            break;
        case ended::stopped:
            ++tally_.stops;
            log_.note("runner: has stopped");
            if (!managed_ && !r.machine().in_doubt()) truth_.stopped(); // a commit may be under way
        }
    }

    void plan_what_goes_wrong() {
        if (!plan_.faults) {
            for (databricks& table : lake_) table.gentle = !plan_.drops;
            for (int hour = 1; hour < 24 && plan_.drops; ++hour)
                clock_.at(time_point{} + std::chrono::hours(hour), [this] {
                    org_.reset();
                    for (databricks& table : lake_) table.reset();
                });
            return;
        }
        for (std::uint64_t left = random_.below(120); left > 0; --left)
            clock_.at(time_point{} + random_.between<duration>(1s, span_), [this] { something_goes_wrong(); });
        // Most of it when it hurts.
        const std::uint64_t rarely = std::uint64_t{1} << random_.below(5);
        org_.on_burst = [this, rarely] {
            if (random_.one_in(rarely))
                clock_.after(random_.between<duration>(0s, 2s), [this] { something_goes_wrong(); });
        };
    }
    void something_goes_wrong() {
        if (healed_ || faults_.empty()) return;
        const std::size_t which = faults_.pick(random_);
        log_.note("FAULT: %.*s", static_cast<int>(faults[which].name.size()), faults[which].name.data());
        if (faults[which].happen({clock_, random_, net_, org_, lake_, crash_in_, stopping_})) {
            ++tally_.by_fault[which];
            ++tally_.faults;
        }
        // Misfortunes never come singly.
        if (random_.one_in(3)) clock_.after(random_.between<duration>(0s, 3s), [this] { something_goes_wrong(); });
    }

    // Between minutes and hours; with as many events and faults, short ones are the harder ones.
    duration some_span() {
        switch (random_.below(3)) {
        case 0: return random_.between<duration>(1min, 5min);
        case 1: return random_.between<duration>(5min, 30min);
        default: return random_.between<duration>(30min, 4h);
        }
    }

    // From here on nothing goes wrong any more, and everything must come to its end and then to rest.
    void heal() {
        log_.note("FAULTS END");
        healed_ = true;
        org_.on_burst = {};
        crash_in_ = 0;
        org_.heal();
        for (databricks& table : lake_) table.heal();
        net_.slow_down = 0s;
        // What is on its way still arrives.
        clock_.after(1min, [this] { look_whether_done(now() + 6h); });
    }
    void look_whether_done(time_point deadline) {
        if (org_.all_published() && truth_.all_done() && truth_.position_at_end() && org_.ready() && !stopping_) {
            log_.note("all is durable, and the position is behind the last event");
            // From here on nothing happens but keepalives and the rotation of streams.
            clock_.after(40min, [this, deadline, life = net_.life(), org_calls = org_.calls(),
                                 table_calls = calls_of_tables()] {
                if (net_.life() != life) return look_whether_done(deadline); // a last fault ended it in time
                look_whether_at_rest(org_calls, table_calls);
            });
            return;
        }
        if (now() > deadline)
            log_.fail("hours after the last fault only %u of %u events are done, and the position is behind %u",
                      truth_.done(), truth_.size(), truth_.first_after(truth_.position()));
        clock_.after(1min, [this, deadline] { look_whether_done(deadline); });
    }
    void look_whether_at_rest(std::uint64_t org_calls, std::uint64_t table_calls) {
        if (!org_.ready()) log_.fail("at rest, no subscription waits for events with credits for them");
        if (org_.calls() != org_calls) log_.fail("at rest, the subscription was opened again");
        if (calls_of_tables() > table_calls + 4 * ledger::tables)
            log_.fail("at rest, ingest streams were opened again and again");
        throw finished{};
    }

    std::uint64_t calls_of_tables() const {
        std::uint64_t calls = 0;
        for (const databricks& table : lake_) calls += table.calls();
        return calls;
    }

    void count() {
        ++tally_.seeds;
        tally_.events += truth_.size();
        tally_.rows += truth_.rows().size();
        tally_.rows_sent += truth_.rows_sent;
        tally_.duplicates += truth_.duplicates;
        tally_.fetched_again += truth_.fetched_again;
        tally_.dead_letters += truth_.dead_letters;
        tally_.dead_letters_again += truth_.dead_letters_again;
        tally_.positions += truth_.positions;
        tally_.calls += org_.calls() + calls_of_tables();
        tally_.hours += std::chrono::duration<double>(now().time_since_epoch()).count() / 3600;
    }

    plan plan_;
    schedule clock_;
    dice random_;
    journal log_;
    network net_;
    ledger truth_;
    bool managed_; // Salesforce keeps the position
    fault_picker faults_;
    duration span_;
    salesforce org_;
    std::vector<databricks> lake_;
    std::vector<connection_ptr> open_;
    std::uint64_t tokens_[1 + ledger::tables] = {};
    std::deque<time_point> opened_[1 + ledger::tables];
    const runner<world>* runner_ = nullptr;
    std::map<std::string, std::deque<time_point>> fetched_; // when each schema was asked for
    std::set<std::string> schemas_, asked_;                 // that the runner has, and that it waits for
    arrival last_;
    std::uint32_t crash_in_ = 0;
    bool stopping_ = false;
    bool healed_ = false;
    std::uint32_t spins_ = 0;
    tally tally_;
};

} // namespace simulation
