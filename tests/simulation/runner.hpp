// The loop that joins the machines: events of one topic become rows in several tables, and the position moves when they
// are durable. It is what a user of the library writes; `Io` does what the loop is told to do and decides nothing:
//
//     now(), load_position(), store(position)                 the clock, and where the position is kept (by Salesforce
//                                                             itself, where the subscription is a managed one)
//     rows_of(event, row)                                     calls row(table, bytes) for each row of an event
//     dead_letter(table, bytes, reason)                       keeps what nobody else will
//     perform(action), perform(table, action)                 starts what a machine asks for, and returns at once
//     wait_until(when)                                        the next input, or nothing when it is later than `when`
//     stopping(), seed(), keepalive(position), log(text)
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sfcdc/checkpoint.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/pubsub/subscription.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

namespace simulation {

namespace pubsub = sfcdc::pubsub;
namespace zerobus = sfcdc::zerobus;
using sfcdc::time_point;

// What Io::wait_until() returns: an input of the subscription or of a table's stream. What it views stays until the next
// wait.
struct arrived {
    std::uint32_t table = 0;
    std::variant<std::monostate, pubsub::input, zerobus::input> input;
};

enum class ended {
    stopped, // as it was told, with everything durable
    failed,  // a person has to do something
    mistake, // the loop and the machines do not agree: never
};

template<class Io> class runner {
  public:
    struct options {
        std::vector<zerobus::ingest_stream_options> tables;
        pubsub::subscription_options subscription; // a stored position takes the place of its preset
        std::size_t batch_bytes = sfcdc::limits::request_record_bytes;
    };

    runner(Io& io, options o)
        : io_(io),
          batch_bytes_(o.batch_bytes),
          managed_(o.subscription.topic_name.empty()),
          stored_(managed_ ? pubsub::replay_id() : io.load_position()),
          at_(stored_),
          from_(resume(std::move(o.subscription), stored_, io.seed())) {
        for (zerobus::ingest_stream_options& t : o.tables) {
            t.seed = io.seed();
            to_.push_back({at_.add_stream(), zerobus::ingest_stream(std::move(t))});
        }
    }

    ended run() {
        while (!mistake_) {
            take_events();
            if (at_.position() != stored_) store(at_.position());
            if (from_.release(at_.take_passed()) != sfcdc::errc::none) break;
            close_if_no_more_comes();
            perform_actions();
            if (const auto how = at_its_end()) return *how;
            const arrived came = io_.wait_until(timeout());
            if (const auto* in = std::get_if<pubsub::input>(&came.input))
                mistake_ = from_.handle(*in, io_.now()) != sfcdc::errc::none;
            else if (const auto* rows = std::get_if<zerobus::input>(&came.input))
                to_[came.table].stream.handle(*rows, io_.now());
        }
        return ended::mistake;
    }

    // ---- for metrics
    const sfcdc::checkpoint& at() const { return at_; }
    const pubsub::subscription& from() const { return from_; }
    const zerobus::ingest_stream& to(std::uint32_t number) const { return to_[number].stream; }

  private:
    // One table. Batches wait here while its stream is full; subscription_options::max_unreleased bounds them.
    struct table {
        std::uint32_t number; // in the checkpoint
        zerobus::ingest_stream stream;
        std::deque<zerobus::record_batch> waiting{};
        std::int64_t rows = 0; // all that there ever were; also the logical offset of the next one
    };

    static pubsub::subscription_options resume(pubsub::subscription_options o, const pubsub::replay_id& stored,
                                               std::uint64_t seed) {
        if (!stored.empty()) {
            o.preset = pubsub::replay_preset::custom;
            o.replay_id = stored;
        }
        o.seed = seed;
        return o;
    }

    void store(const pubsub::replay_id& position) {
        stored_ = position;
        if (!managed_)
            io_.store(position);
        else if (!from_.closed())
            mistake_ = mistake_ || from_.commit(position) != sfcdc::errc::none;
    }

    void take_events() {
        while (auto event = from_.poll_event()) std::visit([this](auto& e) { this->on(e); }, *event);
        for (table& t : to_) {
            while (!t.waiting.empty() && t.stream.add(std::move(t.waiting.front())).error.code == sfcdc::errc::none)
                t.waiting.pop_front();
            while (auto event = t.stream.poll_event()) std::visit([&](auto& e) { this->on(t, e); }, *event);
        }
    }

    void on(pubsub::received& batch) {
        std::vector<sfcdc::row_position> last_rows;
        for (const pubsub::consumer_event& event : batch.response.events) {
            last_rows.clear();
            io_.rows_of(event, [&](std::uint32_t to, std::string row) {
                table& t = to_[to];
                if (row.size() > batch_bytes_) return io_.dead_letter(to, row, "larger than a request may be");
                if (t.waiting.empty() || t.waiting.back().record_bytes() + row.size() > batch_bytes_)
                    t.waiting.emplace_back();
                t.waiting.back().append(row);
                last_rows.push_back({t.number, t.rows++});
            });
            mistake_ = mistake_ || at_.event(pubsub::replay_id::from_bytes(event.replay_id).value, last_rows);
        }
    }
    void on(pubsub::keepalive& alive) {
        io_.keepalive(alive.position);
        at_.keepalive(alive.position);
    }
    void on(pubsub::committed& answer) { // what is older than another commit is refused, and nothing is lost by it
        if (answer.response.error) io_.log("a commit was refused", answer.response.error->msg, sfcdc::errc::none);
    }
    void on(pubsub::interrupted& pause) {
        io_.log("the subscription is interrupted", pause.why.error_code, pause.why.fault);
    }
    void on(pubsub::failed& failure) {
        io_.log("the subscription failed", failure.why.error_code, failure.why.fault);
        // The policy of this user: rather all that Salesforce still has, some of it twice, than a gap.
        if (failure.why.remedy == pubsub::remedy::choose_position) from_.choose(pubsub::replay_preset::earliest);
    }

    void on(table& t, zerobus::durable& rows) { durable(t, rows.rows.end - 1); }
    void on(table& t, zerobus::row_rejected& row) {
        io_.dead_letter(t.number, row.record, row.reason);
        durable(t, row.offset);
    }
    void on(table&, zerobus::interrupted& pause) {
        io_.log("a stream is interrupted", pause.message, pause.cause.code);
    }
    void on(table&, zerobus::failed& failure) { io_.log("a stream failed", failure.message, failure.cause.code); }
    void durable(table& t, std::int64_t up_to) { mistake_ = mistake_ || at_.durable(t.number, up_to); }

    void perform_actions() {
        while (auto action = from_.poll_action(io_.now())) io_.perform(*action);
        for (table& t : to_)
            while (auto action = t.stream.poll_action(io_.now())) io_.perform(t.number, *action);
    }

    // What is under way still becomes durable, and the position is stored behind it.
    void close_if_no_more_comes() {
        if (io_.stopping()) from_.close();
        if (!from_.closed()) return;
        for (table& t : to_)
            if (t.waiting.empty()) t.stream.close();
    }

    std::optional<ended> at_its_end() const {
        bool all_closed = from_.closed();
        for (const table& t : to_) {
            if (t.stream.closed() && t.stream.settled() < t.rows) return ended::failed;
            all_closed = all_closed && t.stream.closed();
        }
        if (!all_closed) return std::nullopt;
        return io_.stopping() ? ended::stopped : ended::failed;
    }

    std::optional<time_point> timeout() const {
        std::optional<time_point> first = from_.poll_timeout();
        for (const table& t : to_)
            if (const auto when = t.stream.poll_timeout(); when && (!first || *when < *first)) first = when;
        return first;
    }

    Io& io_;
    std::size_t batch_bytes_;
    bool managed_;
    pubsub::replay_id stored_;
    sfcdc::checkpoint at_;
    pubsub::subscription from_;
    std::vector<table> to_;
    bool mistake_ = false;
};

} // namespace simulation
